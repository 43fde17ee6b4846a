#!/bin/bash
# Every kind of input, through the whole program: one set of packages, said in each format, gives the same layers.
# Usage: inputs.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need python3 zstd
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

PYTHONPATH=$root/tests/e2e PYTHONDONTWRITEBYTECODE=1 python3 - <<'PYTHON'
import json
from make_channel import Channel, File

c = Channel("channel")
def add(name, *files, version="1", depends=(), noarch="generic", **how):
	said = {"timestamp": 1600000000000, "license": "MIT", "track_features": ""}
	c.add(name, *files, version=version, depends=depends, noarch=noarch,
		index={"version": version, "depends": list(depends), **said}, record=said, **how)
add("python", File("bin/python3.11", b"#!/bin/sh\n", mode=0o755), version="3.11.0", depends=["pip", "lib >=1"])
add("pip", noarch="generic")
add("tool", File("site-packages/tool.py", b"x = 1\n"), depends=["python"], noarch="python")
add("lib", version="1")
add("lib", version="2")
add("old", suffix=".tar.bz2", depends=["lib <3"])
add("gpu", depends=["__cuda >=12"])
c.finish()

# As pixi would lock them. The records are the channel's.
entries = []
for (_, fn), r in c.records.items():
	if r["name"] in ("python", "pip", "tool", "old") or (r["name"], r["version"]) == ("lib", "2"):
		entries.append((f"channel/noarch/{fn}", r))
with open("pixi.lock", "w") as f:
	f.write("version: 7\nplatforms:\n- name: linux-64\nenvironments:\n")
	for env, more in ("default", ""), ("wheels", "      - pypi: https://h/requests-2-py3-none-any.whl\n"):
		f.write(f"  {env}:\n    channels:\n    - url: CHANNEL/\n    packages:\n      linux-64:\n")
		for place, r in entries:
			f.write(f"      - conda: {place}\n")
		f.write(more)
	f.write("packages:\n")
	for place, r in entries:
		f.write(f"- conda: {place}\n  subdir: noarch\n  channel: CHANNEL/\n  noarch: {r['noarch']}\n  sha256: {r['sha256']}\n  md5: {r['md5']}\n")
		f.write(f"  depends: {json.dumps(r['depends'])}\n  license: MIT\n  size: {r['size']}\n  timestamp: {r['timestamp']}\n")
PYTHON
sed -i "s|CHANNEL|file://$work/channel|" pixi.lock
common=(--libc none --cache-dir cache --platform linux-64)
run() { "$condaimg" "$@" "${common[@]}"; }

# Digests of an image's layers but the last, which has the history of what was asked.
layers_of() # TAG
{
	"$condaimg" inspect "oci:out:$1" --json | python3 -c '
import json, sys
for l in json.load(sys.stdin)["layers"][:-1]: print(l["digest"])'
}

names_of() { python3 -c 'import re, sys; print(sorted(re.findall(r"/([^/]+)-[^-]+-[^-]+\.(?:conda|tar\.bz2)\b", sys.stdin.read())))'; }

say "one set of packages, in every format"
printf 'name: app\nchannels: [%s/channel]\ndependencies: [tool, old]\nvariables: {GREETING: hello}\n' "$work" >env.yml
expect_exit 0 run lock env.yml
expect_exit 0 run lock env.yml --format explicit
cp stdout list.txt
[ "$(names_of <list.txt)" = "['lib', 'old', 'pip', 'python', 'tool']" ] || fail "the list: $(cat list.txt)"
"$condaimg" lock conda-lock.yml --format explicit | cmp - list.txt || fail "the list of the lock is another"
"$condaimg" lock list.txt --format explicit | cmp - list.txt || fail "the list of the list is another"
"$condaimg" lock conda-lock.yml --format explicit --md5 >md5.txt
grep -Eq '#[0-9a-f]{32}$' md5.txt || fail "no md5: $(cat md5.txt)"
python3 - <<'PYTHON'
# What conda-lock would have written: nothing of ours.
import re
text = open("conda-lock.yml").read()
text = re.sub(r"(?m)^  custom_metadata:\n(    .*\n)+", "", text)
assert "custom_metadata" not in text, text
open("foreign.yml", "w").write(text)
PYTHON
expect_exit 0 run lock pixi.lock --lockfile from-pixi.yml
expect_exit 0 run lock list.txt --lockfile from-list.yml
for input in conda-lock.yml list.txt md5.txt foreign.yml pixi.lock from-pixi.yml from-list.yml; do
	rm -rf cache/layers cache/plans
	expect_exit 0 run build "$input" -o "oci:out:${input%.*}"
	layers_of "${input%.*}" >layers
	[ -e want ] || cp layers want
	cmp -s want layers || fail "$input gives other layers: $(diff want layers)"
	echo "$input: $(wc -l <layers) layers as of conda-lock.yml"
done
run build - -o oci:out:stdin <list.txt >stdout || fail "a list from standard input is not built"
layers_of stdin | cmp - want || fail "a list from standard input gives other layers"

say "a list without checksums, as conda list --explicit writes it, has those of the channel's index"
sed 's/#.*//; /^$/d; 1i @EXPLICIT' list.txt | awk '!seen[$0]++' >bare.txt
! grep -q '#' bare.txt || fail "checksums: $(cat bare.txt)"
run lock bare.txt --format explicit | cmp - list.txt || fail "the checksums are others: $(run lock bare.txt --format explicit)"
expect_exit 0 run build bare.txt -o oci:out:bare
layers_of bare | cmp - want || fail "a list without checksums gives other layers"
echo "file://$work/channel/noarch/gone-1-0.conda" >>bare.txt
expect_exit 1 run build bare.txt -o oci:out:bare
expect_stderr "bare.txt: gone-1-0.conda has no checksum, and the index of file://$work/channel has no such file"

say "platforms that no image is for are left out; another than the file's is taken, with a warning"
printf 'channels: [%s/channel]\nplatforms: [win-64, linux-64, osx-arm64]\ndependencies: [lib]\n' "$work" >mac.yml
expect_exit 0 "$condaimg" lock mac.yml --lockfile - --libc none --cache-dir cache
grep -A1 '^  platforms:' stdout | grep -q 'linux-64' || fail "platforms: $(cat stdout)"
printf 'channels: [%s/channel]\nplatforms: [osx-arm64]\ndependencies: [lib]\n' "$work" >mac.yml
expect_exit 2 "$condaimg" lock mac.yml --lockfile - --libc none --cache-dir cache
expect_exit 0 run lock mac.yml --lockfile -
expect_stderr 'mac.yml is not written for linux-64: its platforms are osx-arm64'

say "files of other tools are told as theirs"
other() # SENTENCE FILE: the text on standard input
{
	cat >"$2"
	expect_exit 1 "$condaimg" lock "$2" --lockfile - --libc none --cache-dir cache
	expect_stderr_line "condaimg: error: $2$1"
}
expect_stderr_line() { grep -qxF -- "$1" stderr || fail "stderr lacks the line '$1': $(cat stderr)"; }
other ":3: is a mark of a conflict in git: the merge is not finished" conflict.yml <<<$'dependencies:\n- a\n<<<<<<< HEAD\n- b\n=======\n>>>>>>> x'
other " is HTML or XML; was a page saved instead of the file?" page.yml <<<'<!DOCTYPE html><p>404</p>'
other " is a pointer of Git LFS; git lfs pull brings the file itself" lfs.yml <<<$'version https://git-lfs.github.com/spec/v1\noid sha256:0'
other " is a manifest of pixi; give the pixi.lock that pixi lock writes beside it" pixi.toml <<<$'[workspace]\nname="x"'
other " is a lock of another package manager, such as uv or poetry; conda-lock.yml and pixi.lock are read" uv.lock <<<$'version = 1\n[[package]]\nname = "a"'
other " is TOML, which is not read; give an environment.yml, a list of specs or a lock" pyproject.toml <<<'[project]'
other " is neither a conda-lock file (keys 'metadata' and 'package') nor a pixi.lock ('environments' and 'packages')" flake.lock <<<'{"nodes": {}}'
# shellcheck disable=SC2016 # these are no commands
other ' is what `micromamba list` prints; write the file with `conda list --explicit --sha256`, or `conda env export`' list.mamba <<<'List of packages in environment: "/x"'
other ":1: '@explicit' is no spec: the mark of a list of URLs is written '@EXPLICIT', on a line of its own" lower.txt <<<'@explicit'

say "several files"
mkdir -p more
printf 'channels: [../channel]\ndependencies: [old]\nvariables: {GREETING: later}\n' >more/b.yml
printf '# comment\nlib=1\n' >c.txt
expect_exit 0 run lock env.yml more/b.yml c.txt --lockfile more/all.yml
grep -q 'lib-1-0' more/all.yml || fail "lib=1 of c.txt does not hold: $(cat more/all.yml)"
for source in ../env.yml b.yml ../c.txt; do grep -q "^  - $source\$" more/all.yml || fail "no source $source: $(cat more/all.yml)"; done
grep -q 'later' more/all.yml || fail "the later variable does not win"
expect_exit 0 run build env.yml more/b.yml c.txt --lockfile more/all.yml --dry-run
expect_exit 3 run lock env.yml c.txt <(echo 'lib=2') --lockfile -
expect_exit 2 run build env.yml conda-lock.yml -o oci:out:x
expect_stderr 'conda-lock.yml is a lock, which is taken alone'

say "variables are those of the file, not of a lock that still answers"
expect_exit 0 run lock env.yml
sed -i 's/hello/changed/' env.yml
expect_exit 0 run build env.yml -o oci:out:vars
grep -rqs 'GREETING=changed' out/blobs || fail "the image has the old variable"

say "virtual packages"
printf 'channels: [%s/channel]\ndependencies: [gpu]\n' "$work" >more/gpu.yml
expect_exit 3 run lock more/gpu.yml --lockfile -
expect_exit 0 run lock more/gpu.yml --lockfile - --cuda 12.4
grep -q '__cuda=12.4=0' stdout || fail "the lock does not say __cuda"
printf 'subdirs:\n  linux-64:\n    packages:\n      __cuda: "12.6"\n' >more/virtual-packages.yml
expect_exit 0 run lock more/gpu.yml --lockfile -
grep -q '__cuda=12.6=0' stdout || fail "virtual-packages.yml is not read"
expect_exit 3 run lock more/gpu.yml --lockfile - --cuda ''
printf 'subdirs: {}\n' >none.yml
expect_exit 3 run lock more/gpu.yml --lockfile - --virtual-package-spec none.yml
expect_exit 2 run lock more/gpu.yml --lockfile - --cuda new
expect_stderr '--cuda new'

say "what is refused"
expect_exit 1 run build pixi.lock -e wheels -o oci:out:x
expect_stderr "environment 'wheels' has packages from PyPI.*requests-2"
expect_exit 2 run build pixi.lock -e prod -o oci:out:x
expect_stderr "no environment 'prod'; it has default, wheels"
expect_exit 2 run build list.txt -e default -o oci:out:x
expect_stderr "list.txt is none"
sed 's/#.*//' list.txt | sed '1i @EXPLICIT' >bare.txt
expect_exit 1 "$condaimg" mirror bare.txt mirrored --platform linux-64
expect_stderr 'has no checksum, and what is downloaded could not be verified'
sed 's/\(#[0-9a-f]\)[0-9a-f]/\1x/' list.txt >wrong.txt
expect_exit 1 run build wrong.txt -o oci:out:x
sed 's/#[0-9a-f]\{6\}/#000000/' list.txt >wrong.txt
expect_exit 4 run build wrong.txt -o oci:out:x
expect_exit 2 run lock env.yml --format yaml
expect_exit 2 run lock env.yml --md5
expect_exit 2 "$condaimg" lock env.yml --format explicit --platform linux-64,linux-aarch64 --libc none --cache-dir cache
expect_stderr 'is for one platform, and there are 2'
say ok
