#!/bin/bash
# Which layers images share: two platforms those of their noarch packages, environments that differ in a package all others.
# The C library, python and what depends on the machine are layers of their own. They are counted, and compared as bytes.
# Usage: shared-layers.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need jq python3 zstd

cat >make.py <<'PYTHON'
import importlib.util, sys
spec = importlib.util.spec_from_file_location("make_channel", sys.argv[1])
m = importlib.util.module_from_spec(spec)
spec.loader.exec_module(m)
c = m.Channel(sys.argv[2])
text = lambda path, t: m.File(path, t.encode(), mode=0o755)
for subdir in "linux-64", "linux-aarch64":
    # The real channel has no python for both that its noarch packages can use: what they link against is its version.
    c.add("python", text("bin/python3.10", subdir), subdir=subdir, version="3.10.9")
    c.add("native", text("lib/libnative.so.1", subdir), subdir=subdir)
    top = {"linux-64": "x86_64", "linux-aarch64": "aarch64"}[subdir] + "-conda-linux-gnu/sysroot/"
    loader = {"linux-64": "lib64/ld-linux-x86-64.so.2", "linux-aarch64": "lib/ld-linux-aarch64.so.1"}[subdir]
    c.add("sysroot_" + subdir, text(top + "lib64/ld-2.17.so", subdir), text(top + "lib64/libc.so.6", subdir),
        m.File(top + loader, kind=m.tarfile.SYMTYPE, target="../lib64/ld-2.17.so"), version="2.17")
for i in range(8):
    c.add(f"generic-{i}", text(f"share/g{i}", f"{i}"))
    c.add(f"module-{i}", text(f"site-packages/m{i}.py", f"x = {i}\n"), noarch="python", depends=["python"])
c.finish()
PYTHON
python3 make.py "$root/tests/e2e/make_channel.py" extra
names=(python native)
for i in 0 1 2 3 4 5 6 7; do names+=("generic-$i" "module-$i"); done
channels=$work/extra
if [ -d "$real_channel" ]; then
	channels="$channels, $real_channel"
	names+=(idna certifi packaging tqdm bzip2 readline)
else
	echo "without real packages: there is no $real_channel"
fi

environment() # FILE PACKAGE...
{
	local file=$1

	shift
	printf 'name: x\nchannels: [%s]\ndependencies:\n' "$channels" >"$file"
	printf -- '  - %s\n' "$@" >>"$file"
}
blob() { echo "images/blobs/sha256/${1#*:}"; }
# "PART PACKAGES DIGEST" a layer
layers() # TAG
{
	local manifest

	manifest=$(jq -r --arg t "$1" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $t).digest' images/index.json)
	jq -r '.layers[] | "\(.annotations["io.condaimg.part"]) \(.annotations["io.condaimg.packages"] // "-") \(.digest)"' "$(blob "$manifest")"
}
is_noarch() # NAME-VERSION-BUILD: of any of the channels
{
	local channel

	for channel in extra "$real_channel"; do
		if compgen -G "$channel/noarch/$1.*" >/dev/null; then return 0; fi
	done
	return 1
}

say "amd64 and arm64"
environment environment.yml "${names[@]}"
expect_exit 0 "$condaimg" lock environment.yml --platform linux-64,linux-aarch64
for codec in gzip zstd; do
	expect_exit 0 "$condaimg" build conda-lock.yml --platform linux-64 --compression $codec -o oci:images:amd64 --cache-dir amd64
	expect_exit 0 "$condaimg" build conda-lock.yml --platform linux-aarch64 --compression $codec -o oci:images:arm64 --cache-dir arm64
	for tag in amd64 arm64; do layers $tag | sort >$tag.layers; done
	shared=0 noarch=0
	while read -r part packages digest; do
		if grep -qxF "$part $packages $digest" arm64.layers; then
			shared=$((shared + 1))
			[ "$part" != libc ] || fail "two platforms have one C library"
		fi
		[ "$part" = packages ] || continue
		if is_noarch "$packages"; then
			noarch=$((noarch + 1))
			grep -qxF "$part $packages $digest" arm64.layers || fail "$packages is noarch, and another layer for arm64"
		elif grep -qF "$digest" arm64.layers; then
			fail "$packages is made for amd64, and a layer of arm64"
		fi
	done <amd64.layers
	# Those of noarch packages; the system files, which know no platform.
	[ $shared = $((noarch + 1)) ] || fail "$shared layers are shared, expected $noarch of noarch packages and that of the system files"
	[ $noarch -ge 16 ] || fail "only $noarch noarch packages"
	echo "$codec: $(wc -l <amd64.layers) and $(wc -l <arm64.layers) layers, $shared of them shared: $noarch noarch packages, the system files"
done
[ "$(jq '[.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "amd64" or .annotations["org.opencontainers.image.ref.name"] == "arm64").platform.architecture] | sort | unique | join(",")' images/index.json)" = '"amd64,arm64"' ] ||
	fail "architectures: $(jq -c '[.manifests[].platform]' images/index.json)"

say "environments that differ in one package"
environment less.yml "${names[@]:1}"
environment more.yml "${names[@]:1}" extra-one
cat >>make.py <<'PYTHON'
c.records.clear()
c.top = sys.argv[2] + "-more"
import os
for subdir in "noarch", "linux-64", "linux-aarch64":
    os.makedirs(os.path.join(c.top, subdir))
c.add("extra-one", text("share/one", "1"))
c.finish()
PYTHON
rm -rf extra
python3 make.py "$root/tests/e2e/make_channel.py" extra
sed -i "s|^channels: \[|&$work/extra-more, |" more.yml less.yml
for name in less more; do
	expect_exit 0 "$condaimg" build $name.yml --platform linux-64 -o "oci:images:$name" --cache-dir $name
	layers $name | sort >$name.layers
done
[ "$(comm -23 less.layers more.layers | cut -d' ' -f1)" = environment ] || fail "of the smaller: $(comm -23 less.layers more.layers)"
[ "$(comm -13 less.layers more.layers | cut -d' ' -f1,2)" = "environment -
packages extra-one-1-0" ] || fail "of the larger: $(comm -13 less.layers more.layers)"
echo "$(comm -12 less.layers more.layers | wc -l) of $(wc -l <less.layers) and $(wc -l <more.layers) layers shared"

say "another python: what does not look at it is shared"
sed -i 's/3\.10/3.11/g' make.py
rm -rf extra extra-more
python3 make.py "$root/tests/e2e/make_channel.py" extra
expect_exit 0 "$condaimg" build less.yml --platform linux-64 -o oci:images:python --cache-dir python
layers python | sort >python.layers
for i in 0 1 2 3 4 5 6 7; do
	grep -F "generic-$i-" python.layers | grep -qxFf less.layers || fail "generic-$i is another layer with another python"
	if grep -F "module-$i-" python.layers | grep -qxFf less.layers; then fail "module-$i is the same layer with another python"; fi
done
echo "8 generic layers shared, 8 of python modules not"
echo "ok"
