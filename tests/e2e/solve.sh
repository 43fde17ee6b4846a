#!/bin/bash
# Locks: exclude-newer, pins, update, check, several platforms; refusals as text and data; one order whatever the order
# of what is asked or served. The channel is an index alone, made here.
# Usage: solve.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need python3

make_channel() # SEED: the order of records and keys
{
	python3 - "$1" <<'END'
import hashlib, json, os, random, sys

seed = int(sys.argv[1])
day = 86400000
records = []

def pkg(subdir, name, version, day_built, depends=(), build="0", **more):
    records.append((subdir, dict(name=name, version=version, build=build, build_number=0, depends=list(depends),
                                 subdir=subdir, timestamp=day_built * day, license="MIT", size=100, **more)))

for s in "linux-64", "linux-aarch64":
    for minor in 11, 12, 13:
        pkg(s, "python", f"3.{minor}.0", 19000 + minor, ["zlib"], f"cp3{minor}")
        for v in "1.26", "2.0", "2.1":
            if v != "1.26" or minor < 13:
                pkg(s, "numpy", v, 19100 + minor, [f"python 3.{minor}.*", "blas"], f"py3{minor}")
    for v in "1.2", "1.3":
        pkg(s, "zlib", v, 19000 + int(v[-1]))
    pkg(s, "blas", "1", 19000)
    pkg("noarch", f"sysroot_{s}", "2.17", 18000, noarch="generic")
    pkg("noarch", f"sysroot_{s}", "2.28", 19500, noarch="generic")
pkg("linux-64", "blas", "2", 19600)
pkg("linux-64", "only64", "1", 19000)
# native gets its second version on one platform alone, which lets tool 2 in there alone
pkg("linux-64", "native", "1", 19000)
pkg("linux-aarch64", "native", "1", 19000)
pkg("linux-aarch64", "native", "2", 19000)
pkg("noarch", "tool", "1", 19000, ["native"], noarch="python")
pkg("noarch", "tool", "2", 19000, ["native >=2"], noarch="python")
pkg("linux-64", "torch", "2", 19000, ["__cuda >=12"], "cuda")

rng = random.Random(seed)
rng.shuffle(records)
for subdir in "linux-64", "linux-aarch64", "noarch":
    files = {}
    for where, r in records:
        if where == subdir:
            keys = list(r)
            rng.shuffle(keys)
            fn = f"{r['name']}-{r['version']}-{r['build']}.conda"
            digest = hashlib.sha256((subdir + fn).encode()).hexdigest()
            files[fn] = {**{k: r[k] for k in keys}, "sha256": digest, "md5": digest[:32]}
    os.makedirs(f"channel/{subdir}", exist_ok=True)
    with open(f"channel/{subdir}/repodata.json", "w") as f:
        json.dump({"info": {"subdir": subdir}, "packages": {}, "packages.conda": files, "repodata_version": 1}, f)
END
}

environment() # DIR SPEC...: DIR/environment.yml
{
	local file=$1/environment.yml

	mkdir -p "$1"
	shift
	{
		printf 'channels: [../channel]\ndependencies:\n'
		printf '  - "%s"\n' "$@"
	} >"$file"
}

lock() # DIR OPTION...
{
	local dir=$1

	shift
	"$condaimg" lock "$dir/environment.yml" --cache-dir cache --platform linux-64 "$@"
}

# Every package of a lock as NAME VERSION, of one platform
locked() # DIR [PLATFORM]
{
	awk -v want="${2:-linux-64}" '/^- name:/ { name = $3 } /^  version:/ { version = $2 } /^  platform:/ && $2 == want { print name, version }' \
		"$1/conda-lock.yml" | tr -d "'\"" | LC_ALL=C sort | paste -sd, | sed 's/,/, /g'
}

expect_locked() # DIR WANT [PLATFORM]
{
	local got

	got=$(locked "$1" "${3:-}")
	[ "$got" = "$2" ] || fail "$1 has locked: $got
expected: $2"
}

expect_stderr_line() # WANT
{
	grep -qxF -- "$1" stderr || fail "stderr lacks the line '$1': $(cat stderr)"
}

make_channel 1

say "newest by default; a date leaves newer packages out, the libc too"
environment plain numpy "python 3.12.*"
expect_exit 0 lock plain
expect_locked plain "blas 2, numpy 2.1, python 3.12.0, sysroot_linux-64 2.28, zlib 1.3"
# 19600 days are 2023-08-31, 19500 are 2023-05-23: the end of the day counts
expect_exit 0 lock plain --exclude-newer 2023-08-31
expect_locked plain "blas 2, numpy 2.1, python 3.12.0, sysroot_linux-64 2.28, zlib 1.3"
expect_exit 0 lock plain --exclude-newer 2023-08-30
expect_locked plain "blas 1, numpy 2.1, python 3.12.0, sysroot_linux-64 2.28, zlib 1.3"
expect_exit 0 lock plain --exclude-newer 2023-05-22T23:59:59Z
expect_locked plain "blas 1, numpy 2.1, python 3.12.0, sysroot_linux-64 2.17, zlib 1.3"
grep -q 'condaimg.exclude-newer: .*2023-05-22T23:59:59.000Z' plain/conda-lock.yml || fail "the lock does not say its date"
expect_exit 2 lock plain --exclude-newer 7d
expect_stderr "'7d' is no point in time"

say "a list becomes a lock with the C library that build would choose, and moves no more"
expect_exit 0 lock plain --exclude-newer 2023-05-22
"$condaimg" lock plain/conda-lock.yml --format explicit >list.txt
expect_exit 0 "$condaimg" lock list.txt --lockfile list.yml --cache-dir cache --exclude-newer 2023-05-22
grep -A20 'name: sysroot_linux-64' list.yml | grep -q 'category: libc' || fail "no C library: $(cat list.yml)"
expect_exit 0 "$condaimg" build list.yml --dry-run --offline --cache-dir cache --platform linux-64
! grep -q 'names no C library' stderr || fail "the lock's C library is not seen: $(cat stderr)"
grep -q 'sysroot_linux-64 *2.17' stdout || grep -q 'sysroot_linux-64-2.17' list.yml || fail "not the libc of that date: $(cat list.yml)"
expect_exit 0 "$condaimg" lock list.txt --lockfile list.yml --libc none
! grep -q sysroot list.yml || fail "--libc none: $(cat list.yml)"
printf 'channels: [./channel]\ndependencies: [zlib]\n' >one.yml
expect_exit 0 "$condaimg" lock one.yml one.yml --lockfile - --cache-dir cache --platform linux-64
grep -qF "condaimg.requested: '[\"zlib\"]'" stdout || fail "asked for twice: $(grep requested stdout)"

say "pins"
expect_exit 0 lock plain --pin "zlib <1.3" --pin "nothere 1"
expect_locked plain "blas 2, numpy 2.1, python 3.12.0, sysroot_linux-64 2.28, zlib 1.2"
expect_exit 2 lock plain --pin "*"

say "--check: the same question or another, without any channel"
expect_exit 0 lock plain --pin "zlib <1.3"
mv channel away
expect_exit 0 lock plain --pin "zlib <1.3" --check
[ ! -s stdout ] || fail "--check prints: $(cat stdout)"
expect_exit 1 lock plain --check
expect_stderr "is not current for linux-64: the pins are others"
expect_exit 1 lock plain --pin "zlib <1.3" --exclude-newer 2024-01-01 --check
expect_stderr "it was made without --exclude-newer"
expect_exit 1 lock plain --pin "zlib <1.3" --platform linux-aarch64 --check
expect_stderr "has nothing for linux-aarch64"
environment other numpy "python 3.13.*"
cp plain/conda-lock.yml other/
expect_exit 1 lock other --pin "zlib <1.3" --check
expect_stderr "'python=3.13' is asked for now"
expect_exit 1 lock other --pin "zlib <1.3" --check --json
python3 -c 'import json; d = json.load(open("stdout")); assert d["current"] is False and "asked for now" in d["reason"], d' || fail "--check --json"
rm other/conda-lock.yml
expect_exit 1 lock other --check
expect_stderr "there is no other/conda-lock.yml"
mv away channel

say "--update moves what is named and what must follow"
environment update numpy "python <3.13"
expect_exit 0 lock update --exclude-newer 2022-04-30
expect_exit 1 lock update --check
expect_locked update "blas 1, numpy 2.1, python 3.12.0, sysroot_linux-64 2.17, zlib 1.3"
expect_exit 0 lock update --update numpy
expect_locked update "blas 1, numpy 2.1, python 3.12.0, sysroot_linux-64 2.17, zlib 1.3"
expect_exit 0 lock update --check
expect_exit 0 lock update --update numpy,blas
expect_locked update "blas 2, numpy 2.1, python 3.12.0, sysroot_linux-64 2.17, zlib 1.3"
expect_exit 0 lock update --update sysroot_linux-64
expect_locked update "blas 2, numpy 2.1, python 3.12.0, sysroot_linux-64 2.28, zlib 1.3"
environment update "numpy <2" python
expect_exit 0 lock update --update numpy
expect_locked update "blas 2, numpy 1.26, python 3.12.0, sysroot_linux-64 2.28, zlib 1.3"
environment update numpy "python 3.13.*"
expect_exit 0 lock update --update=python
expect_locked update "blas 2, numpy 2.1, python 3.13.0, sysroot_linux-64 2.28, zlib 1.3"
expect_exit 0 lock update --update
expect_locked update "blas 2, numpy 2.1, python 3.13.0, sysroot_linux-64 2.28, zlib 1.3"
expect_exit 2 lock update --update nowhere
expect_stderr "--update names 'nowhere', which is neither locked nor asked for"
expect_exit 0 lock update --update=Numpy,blas
expect_exit 2 lock update --update "numpy>2"
expect_stderr "--update takes names of packages, not 'numpy>2'"
expect_exit 0 "$condaimg" lock --update numpy update/environment.yml --cache-dir cache --platform linux-64
expect_exit 2 "$condaimg" lock --cache-dir cache --update update/environment.yml
expect_stderr "--update took 'update/environment.yml' for a package: put the file first"
expect_exit 2 lock update --update numpy scipy
expect_stderr "there is no file scipy; several packages stand behind --update as one word: --update numpy,scipy"
expect_exit 2 lock other --update numpy
expect_stderr "there is no other/conda-lock.yml"

say "several platforms: one lock, the same noarch builds"
environment multi tool numpy
expect_exit 0 "$condaimg" lock multi/environment.yml --cache-dir cache --platform linux-aarch64,linux-64
expect_locked multi "blas 2, native 1, numpy 2.1, python 3.13.0, sysroot_linux-64 2.28, tool 1, zlib 1.3"
expect_locked multi "blas 1, native 2, numpy 2.1, python 3.13.0, sysroot_linux-aarch64 2.28, tool 1, zlib 1.3" linux-aarch64
cp multi/conda-lock.yml both.yml
expect_exit 0 "$condaimg" lock multi/environment.yml --cache-dir cache --platform linux-64 --platform linux/arm64
cmp both.yml multi/conda-lock.yml || fail "platforms in another order give another lock"
expect_exit 0 "$condaimg" lock multi/environment.yml --cache-dir cache --platform linux-aarch64,linux-64 --check
expect_exit 2 "$condaimg" sbom both.yml --platform linux-aarch64,linux-64
expect_stderr "names 2 platforms, and only lock and build take several"

say "one order: shuffled specs, another order of keys, other numbers of threads"
for round in 2 3 4; do
	make_channel $round
	python3 - multi/environment.yml $round <<'END'
import random, sys
lines = open(sys.argv[1]).read().split("\n")
specs = [l for l in lines if l.startswith("  - ")] + ([] if "blas" in "".join(lines) else [])
random.Random(int(sys.argv[2])).shuffle(specs)
open(sys.argv[1], "w").write("\n".join(lines[:2] + specs) + "\n")
END
	for jobs in 1 4; do
		rm -r cache
		expect_exit 0 "$condaimg" lock multi/environment.yml --cache-dir cache --platform linux-aarch64,linux-64 -j $jobs
		cmp both.yml multi/conda-lock.yml || fail "round $round with $jobs threads gives another lock"
	done
done

say "refusals: sentences on stderr, data on stdout"
environment no "numpy <2" "python 3.13.*" blas
expect_exit 3 lock no
[ ! -s stdout ] || fail "a result of what cannot be solved: $(cat stdout)"
expect_stderr_line "Cannot solve no/environment.yml for linux-64:"
expect_stderr_line "  you ask for numpy <2"
expect_stderr_line "    numpy 1.26 (2 builds) needs python 3.11.* or 3.12.*, but you ask for python 3.13.*"
expect_stderr_line "What would help:"
expect_stderr_line "  numpy 2.1 would do instead of 'numpy <2'"
expect_stderr_line "  or python 3.12.0 would do instead of 'python 3.13.*'"
cp stderr text
make_channel 7
environment no blas "python 3.13.*" "numpy <2"
expect_exit 3 lock no
cmp text stderr || fail "another order gives another explanation"
expect_exit 3 lock no --json
python3 - <<'END' || fail "the data is not what it should be: $(cat stdout)"
import json
d = json.load(open("stdout"))
assert d["error"] == "unsatisfiable" and d["platform"] == "linux-64" and d["file"] == "no/environment.yml", d
asked, needs = d["reasons"]
assert asked["kind"] == "asked" and asked["package"] == "numpy" and asked["specs"] == ["numpy <2"], asked
assert needs["kind"] == "needs" and needs["package"] == "numpy" and needs["builds"] == 2 and needs["depth"] == 1, needs
assert needs["lowest"] == needs["highest"] == "1.26" and needs["against"] == "python 3.13.*", needs
assert needs["specs"] == ["python 3.11.*", "python 3.12.*"], needs
assert len(d["advice"]) == 2, d["advice"]
END
expect_exit 3 "$condaimg" build no/environment.yml --cache-dir cache --platform linux-64 --json
python3 -c 'import json; assert json.load(open("stdout"))["error"] == "unsatisfiable"' || fail "build --json"
environment no torch
expect_exit 3 lock no
expect_stderr_line "    torch 2 needs __cuda >=12, but the machine that runs the image is not said to have CUDA (--cuda VERSION says it)"
expect_stderr_line "What would help:"
expect_stderr_line "  with --cuda 12 it can be solved, if the machine that runs the image has a GPU for that"
expect_stderr_line "  or without 'torch' it can be solved"
expect_exit 0 lock no --virtual-package __cuda=12.4
environment no numpyy
expect_exit 3 lock no --json
python3 -c 'import json; d = json.load(open("stdout")); assert d["reasons"][0]["kind"] == "missing" and "did you mean numpy" in d["reasons"][0]["text"] and d["reasons"][0]["near"] == ["numpy"], d' ||
	fail "a name that nobody has: $(cat stdout)"
environment no sklearn numpy_ vc
expect_exit 3 lock no
expect_stderr_line "  there is no package 'numpy_' in file://$PWD/channel; did you mean numpy?"
expect_stderr_line "  there is no package 'vc' in file://$PWD/channel; it is for Windows alone"
environment no opencv-python torhc
expect_exit 3 lock no
expect_stderr_line "  there is no package 'torhc' in file://$PWD/channel; did you mean torch?"
environment no "numpy=1.99" "blas=7"
expect_exit 3 lock no
expect_stderr_line "  blas 2 and numpy 2.1 would do instead of 'blas=7' and 'numpy=1.99'"
environment no "elsewhere::numpy"
expect_exit 3 lock no --channel ./channel --override-channels
expect_stderr_line "  nothing matches 'elsewhere::numpy': elsewhere is none of the channels that are searched (file://$PWD/channel)"
environment no only64
expect_exit 3 "$condaimg" lock no/environment.yml --cache-dir cache --platform linux-64,linux-aarch64
expect_stderr "for linux-aarch64; there is one for linux-64"

# Sixteen names of fifteen versions, every two of which refuse each other's; versions are shifted, so that counting does not see it.
mkdir -p pigeons/noarch
python3 - <<'END'
import json
n = 16
files = {}
for i in range(n):
    for hole in range(n - 1):
        version = str(1 + (hole + i) % (n - 1))
        files[f"p{i}-{version}-0.conda"] = {
            "name": f"p{i}", "version": version, "build": "0", "build_number": 0, "sha256": "00" * 32,
            "depends": [f"p{j} !={1 + (hole + j) % (n - 1)}" for j in range(n) if j != i]}
json.dump({"packages.conda": files}, open("pigeons/noarch/repodata.json", "w"))
END

say "a lock of another tool names no C library: it gets that of its channels, or a sentence"
environment foreign "numpy 2.1" "python 3.12.*"
expect_exit 0 lock foreign
expect_exit 0 lock foreign --format explicit
# As conda-lock and conda list --explicit have it: no category libc, nothing of ours.
grep -v sysroot stdout >foreign/list.txt
python3 - <<'END'
import re
text = open("foreign/conda-lock.yml").read()
text = re.sub(r"(?m)^  custom_metadata:\n(    .*\n)+", "", text)
head, *packages = re.split(r"(?m)^(?=- name: )", text)
packages = [p for p in packages if "sysroot" not in p]
assert "custom_metadata" not in head and len(packages) == 4, (head, len(packages))
open("foreign/other.yml", "w").write(head + "".join(packages))
END
build() { "$condaimg" build "$@" --dry-run --cache-dir cache --platform linux-64; }
for file in other.yml list.txt; do
	expect_exit 0 build foreign/$file
	expect_stderr "foreign/$file names no C library: the image gets sysroot_linux-64 2.28 .0. of file://"
	expect_exit 0 build foreign/$file --virtual-package __glibc=2.17
	expect_stderr "the image gets sysroot_linux-64 2.17"
	expect_exit 0 build foreign/$file --exclude-newer 2023-01-01
	expect_stderr "the image gets sysroot_linux-64 2.17"
	expect_exit 0 build foreign/$file --libc none
	[ ! -s stderr ] || fail "--libc none: $(cat stderr)"
done
expect_exit 3 build foreign/other.yml --virtual-package __glibc=2.99
expect_stderr "names no C library for the image, and none can be added .--base oci:DIR"
expect_stderr "no package sysroot_linux-64 of version 2.99 in file://"
expect_exit 3 build foreign/other.yml --override-channels -c ./pigeons
expect_stderr "no package sysroot_linux-64"

say "what cannot be found out is given up, within bounds on work and memory, and writes no lock"
mkdir hard
{
	echo "channels: [../pigeons]"
	echo "dependencies:"
	printf '  - p%d\n' $(seq 0 15)
} >hard/environment.yml
expect_exit 1 bash -c "ulimit -v 1000000; '$condaimg' lock hard/environment.yml --cache-dir cache --platform linux-64 --libc none"
expect_stderr "error: gave up after 1000000000 steps without finding a solution, or that there is none"
expect_stderr "ask for narrower versions"
[ ! -e hard/conda-lock.yml ] || fail "a lock of what was given up"
