#!/bin/bash
# The air gap: an image from a bundle is the image from afar, to the digest, with the network cut; and whatever is not as it was made is refused.
# Usage: bundle.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/servers.sh
. "$root/tests/e2e/servers.sh"
need jq zstd unshare tar
python=/usr/bin/python3
unset CONDAIMG_CONDARC
cut_off() { unshare -rn "$@"; }
unshare -rn true 2>/dev/null || skip "there are no network namespaces here"

embedded_channel
serve_folder "$channel"
channel=$url
printf 'name: hello\nchannels: [%s]\ndependencies: [jq, tzdata, ca-certificates]\nvariables: {GREETING: hello}\n' "$channel" >environment.yml
common=(--cache-dir cache --platform linux-64)
same() { [ "$(digest_of "$(cat stdout)")" = "$1" ] || fail "another image: $(cat stdout), expected $1"; }
# As on a machine that never saw any of it.
apart() { rm -rf apart; cut_off "$condaimg" "$@" --cache-dir apart --platform linux-64 --offline; }

say "from an environment, with and without a lock beside it; from a lock"
expect_exit 0 "$condaimg" build environment.yml -o oci:out:online "${common[@]}"
online=$(digest_of "$(cat stdout)")
expect_exit 0 "$condaimg" bundle environment.yml -o env.bundle "${common[@]}"
grep -qxE 'env.bundle@sha256:[0-9a-f]{64}' stdout || fail "$(cat stdout)"
[ "$(digest_of "$(cat stdout)")" = "sha256:$(sha256sum <env.bundle | cut -d' ' -f1)" ] || fail "not the file's digest"
expect_exit 0 apart build env.bundle -o oci:out:offline
same "$online"
expect_exit 0 "$condaimg" lock environment.yml "${common[@]}"
expect_exit 0 "$condaimg" bundle environment.yml -o beside.bundle "${common[@]}"
expect_exit 0 "$condaimg" bundle conda-lock.yml -o lock.bundle --cache-dir other --json
[ "$(jq -r .digest stdout)" = "sha256:$(sha256sum <lock.bundle | cut -d' ' -f1)" ] || fail "$(cat stdout)"
expect_exit 0 apart build lock.bundle -o oci:out:offline
same "$online"
expect_exit 0 apart build beside.bundle -o oci:out:offline
same "$online"
# the same content, the same file; whatever the cache, the time and the umask
(umask 077; TZ=Asia/Kathmandu "$condaimg" bundle conda-lock.yml -o again.bundle --cache-dir third -q >again.out)
cmp lock.bundle again.bundle || fail "another bundle of one lock"
# options are those of the build
expect_exit 0 "$condaimg" build environment.yml -o oci:out:online --prefix /env --compression zstd --user app "${common[@]}"
other=$(digest_of "$(cat stdout)")
expect_exit 0 apart build lock.bundle -o oci:out:offline --prefix /env --compression zstd --user app
same "$other"

say "what is in it: a tar, a channel"
tar -tf lock.bundle >names
grep -qx 'condaimg-bundle.json' names || fail "$(cat names)"
grep -qx 'channel/noarch/repodata.json' names || fail "$(cat names)"
mkdir unpacked
tar -C unpacked -xf lock.bundle
cmp unpacked/conda-lock.yml conda-lock.yml || fail "another lock"
if $python -c 'import conda_package_streaming, msgpack, zstandard' 2>/dev/null; then
	$python -B "$root/tests/e2e/channel_check.py" unpacked/channel --archives >check.out 2>&1 || fail "$(cat check.out)"
fi
expect_exit 0 "$condaimg" sbom lock.bundle
expect_exit 0 "$condaimg" mirror lock.bundle mirrored --cache-dir apart
diff -r unpacked/channel mirrored -x .lock || fail "the channel in a bundle is no mirror"

echo "mirrored_channels: {'$channel': ['file://$work/mirrored']}" >rc.yml
rm -rf apart
expect_exit 0 cut_off "$condaimg" build conda-lock.yml --condarc rc.yml -o oci:out:offline --cache-dir apart --platform linux-64
same "$online"

say "a base image is in it"
expect_exit 0 "$condaimg" build environment.yml --prefix /opt/base -o oci:base:base "${common[@]}"
expect_exit 0 "$condaimg" build environment.yml --base oci:base:base -o oci:out:based "${common[@]}"
based=$(digest_of "$(cat stdout)")
expect_exit 0 "$condaimg" bundle environment.yml --base oci:base:base -o based.bundle "${common[@]}"
mv base elsewhere
expect_exit 0 apart build based.bundle -o oci:out:offline
same "$based"
expect_exit 0 apart build based.bundle --base oci:base:base -o oci:out:offline
same "$based"
expect_exit 1 apart build based.bundle --base oci:nowhere -o oci:out:offline
expect_exit 0 "$condaimg" inspect oci-archive:based.bundle --json
[ "$(jq -r .digest stdout)" = "$(jq -r '.manifests[0].digest' elsewhere/index.json)" ] || fail "not the base: $(cat stdout)"

say "layers that are made already"
expect_exit 0 "$condaimg" bundle conda-lock.yml --with-layers -o layers.bundle --cache-dir other --json
n=$(jq .layers stdout)
[ "$n" -gt 2 ] || fail "$n layers"
(umask 077; "$condaimg" bundle conda-lock.yml --with-layers -o again.bundle --cache-dir third -q >again.out)
cmp layers.bundle again.bundle || fail "another bundle with layers of one lock"
# where it is unpacked, layers are as a cache has them; of the same bytes as in the image
mkdir unpacked-layers
tar -C unpacked-layers -xf layers.bundle
for f in unpacked-layers/layers/blobs/sha256/*; do
	cmp "$f" "out/blobs/sha256/${f##*/}" || fail "not a layer of the image: $f"
done
[ "$(ls unpacked-layers/layers/recipes | wc -l)" = "$n" ] || fail "$(ls -R unpacked-layers/layers)"
expect_exit 0 apart build layers.bundle -o oci:out:offline --json
[ "$(jq -r .digest stdout)" = "$online" ] || fail "another image: $(cat stdout)"
[ "$(jq .layers stdout)" = "$n" ] || fail "$n layers in the bundle: $(cat stdout)"
[ "$(jq .layers_new stdout)" = 0 ] || fail "layers were made: $(cat stdout)"
# for this run: the bundle's word on which recipe gave what is not remembered
[ ! -e apart/layers/recipes ] || fail "remembered: $(ls apart/layers/recipes)"
# other options, other layers: from packages
expect_exit 0 apart build layers.bundle -o oci:out:offline --prefix /env --compression zstd --user app
same "$other"
expect_exit 0 "$condaimg" bundle environment.yml --with-layers --prefix /env --compression zstd --user app -o other.bundle "${common[@]}"
expect_exit 0 apart build other.bundle -o oci:out:offline --prefix /env --compression zstd --user app --json
[ "$(jq -r .digest stdout)" = "$other" ] || fail "another image: $(cat stdout)"
[ "$(jq .layers_new stdout)" = 0 ] || fail "layers were made: $(cat stdout)"
# on a base
mv elsewhere base
expect_exit 0 "$condaimg" bundle environment.yml --base oci:base:base --with-layers -o based-layers.bundle "${common[@]}"
mv base elsewhere
expect_exit 0 apart build based-layers.bundle -o oci:out:offline --json
[ "$(jq -r .digest stdout)" = "$based" ] || fail "another image: $(cat stdout)"
[ "$(jq .layers_new stdout)" = 0 ] || fail "layers were made: $(cat stdout)"
# a broken layer in the cache does not get into it
blob=$(find other/layers/blobs/sha256 -type f -size +8 | sort | head -n 1)
printf x | dd of="$blob" bs=1 seek=1000 conv=notrunc 2>/dev/null
expect_exit 0 "$condaimg" bundle conda-lock.yml --with-layers -o again.bundle --cache-dir other
expect_stderr "broken"
cmp layers.bundle again.bundle || fail "another bundle, of a broken cache"
expect_exit 2 "$condaimg" bundle conda-lock.yml --prefix /env -o again.bundle "${common[@]}"
expect_stderr "with-layers"

say "a list of URLs, which tells no more than that"
expect_exit 0 "$condaimg" lock environment.yml --format explicit --lockfile list.txt "${common[@]}"
expect_exit 0 "$condaimg" build list.txt --libc none -o oci:out:list "${common[@]}"
list=$(digest_of "$(cat stdout)")
expect_exit 0 "$condaimg" bundle list.txt --libc none -o list.bundle "${common[@]}"
expect_exit 0 apart build list.bundle --libc none -o oci:out:offline
same "$list"

say "whatever is not as it was made is refused"
kill $server
size=$(stat -c %s lock.bundle)
# content, headers, padding, the list, the end
for at in 520 700 5000 $((size / 3)) $((size / 2)) $((size - 2000)) $((size - 1)); do
	cp lock.bundle bad.bundle
	$python - "$at" <<'END'
import sys
at = int(sys.argv[1])
with open("bad.bundle", "r+b") as f:
    f.seek(at)
    was = f.read(1)
    f.seek(at)
    f.write(bytes([was[0] ^ 1]))
END
	expect_exit 4 apart build bad.bundle -o oci:out:bad
	expect_stderr "bad.bundle"
done
for n in $((size - 1)) $((size - 512)) $((size / 2)) 600; do
	head -c "$n" lock.bundle >bad.bundle
	expect_exit 4 apart build bad.bundle -o oci:out:bad
done
{ cat lock.bundle; echo x; } >bad.bundle
expect_exit 4 apart build bad.bundle -o oci:out:bad
expect_stderr "bad.bundle has [0-9]+ bytes, expected $size"
# put together by others, with a list of its own
tar -C unpacked -cf bad.bundle condaimg-bundle.json conda-lock.yml channel
expect_exit 4 apart build bad.bundle -o oci:out:bad
sed 's/"condaimg_bundle": 1/"condaimg_bundle": 9/' lock.bundle >bad.bundle
expect_exit 1 apart build bad.bundle -o oci:out:bad
expect_stderr "made by a later condaimg"
[ -z "$(ls apart/packages/sha256 2>/dev/null)" ] || fail "packages of a refused bundle"
expect_exit 2 "$condaimg" build lock.bundle environment.yml
expect_stderr "a bundle is taken alone"
