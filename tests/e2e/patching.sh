#!/bin/bash
# condaimg patch and rebase: the new image is the one that build makes of the new lock or on the new base, to the digest; which requests that
# takes is counted in the registry's log; and what cannot be is told in a sentence.
# Usage: patching.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need curl openssl
# shellcheck source=tests/e2e/registry-lib.sh
. "$root/tests/e2e/registry-lib.sh"

python3 "$root/tests/e2e/patch_channel.py" "$root/tests/e2e/make_channel.py" || fail "no channel"
channel=$work/www/ch
libc=(--libc none --virtual-package __glibc=2.28)
channel_is() # old|new
{
	local dir

	for dir in "$channel"/*; do cp "$dir/repodata.$1.json" "$dir/repodata.json"; done
}
environment() # FILE SPEC...
{
	local file=$1

	shift
	printf 'name: app\nchannels: [%s]\ndependencies:\n' "$channel" >"$file"
	printf '  - %s\n' "$@" >>"$file"
}
build() { expect_exit 0 "$condaimg" build "$@"; }
patch() { expect_exit 0 "$condaimg" patch "$@"; }
rebase() { expect_exit 0 "$condaimg" rebase "$@"; }
same_as_build() # WHAT DIGEST: what was just built
{
	[ "$(digest_of "$(cat stdout)")" = "$2" ] || fail "$1: $2, but build makes $(cat stdout)"
}
no_layer_is_read() # FILE
{
	grep '"GET ' plain.log | grep -oE 'sha256:[0-9a-f]{64}' | sort -u | comm -12 - "$1" >read
	[ ! -s read ] || fail "layers are read: $(cat read)"
}
fresh() { rm -rf "$work/fresh" && mkdir "$work/fresh"; }
registry plain

say "in the registry: two layers are sent, none is read, and a build of the new lock has the same digest"
environment one.yml app 'ssl <2' zz aa vars act python=3.11 pip p01 p02 p03 p04
channel_is old
expect_exit 0 "$condaimg" lock one.yml --lockfile one.lock "${libc[@]}" --platform linux-64
expect_exit 0 "$condaimg" lock one.yml --lockfile both.lock "${libc[@]}" --platform linux-64,linux-aarch64
channel_is new
build one.lock --libc none --push "$host/app:1" --attach lock,sbom --env A=b --label x=y --copy "$root/docs/registry.md:/app/"
old=$(digest_of "$(cat stdout)")
sleep 0.2
: >plain.log
patch "docker://$host/app:1" 'ssl>=1.1' -t 2 --lockfile two.lock --json
new=$(jq -r .digest stdout)
[ "$(jq -c '[.image, .blobs_uploaded, .blobs_mounted, (.platforms[0] | .layers.kept, .layers.new, (.changed | map([.name, .from.version, .to.version])), .added, .removed)]' stdout)" = \
	"[\"docker://$host/app:2\",3,0,13,2,[[\"ssl\",\"1.0\",\"1.1\"]],[],[]]" ] || fail "$(cat stdout)"
sleep 0.2
skopeo inspect --raw --tls-verify=false "docker://$host/app:1" | jq -r '.layers[].digest' | sort >layers.1
no_layer_is_read layers.1
skopeo inspect --raw --tls-verify=false "docker://$host/app:2" | jq -r '.layers[] | "\(.digest) \(.annotations["io.condaimg.packages"] // .annotations["io.condaimg.part"])"' | sort >layers.2
[ "$(join -v 2 layers.1 layers.2 | cut -d' ' -f2 | sort | tr '\n' ' ')" = "environment ssl-1.1-0 " ] || fail "$(cat layers.2)"
fresh
build two.lock --libc none -o oci:two:1 --env A=b --label x=y --copy "$root/docs/registry.md:/app/" --cache-dir "$work/fresh"
same_as_build "patch" "$new"
[ "$(digest_of "$(cat stdout)")" != "$old" ] || fail "nothing changed"

say "what was attached to the old image is attached to the new one, and patches it again; also from an empty disk"
expect_exit 0 "$condaimg" inspect "docker://$host/app:2" --referrers --json
[ "$(jq -c '[.referrers[].artifact_type] | sort' stdout)" = \
	'["application/spdx+json","application/vnd.conda.lock.v1+yaml","application/vnd.cyclonedx+json"]' ] || fail "$(jq .referrers stdout)"
fresh
: >plain.log
patch "docker://$host/app@$new" p03 -o "docker://$host/other:3" --cache-dir "$work/fresh" --json
[ "$(jq -c '[.blobs_uploaded, .blobs_mounted]' stdout)" = '[3,13]' ] || fail "$(cat stdout)"
sleep 0.2
no_layer_is_read layers.1
expect_exit 0 "$condaimg" diff "docker://$host/app:2" "docker://$host/other:3" --json
[ "$(jq -c '[.changed[].name, .config]' stdout)" = '["p03",[]]' ] || fail "$(cat stdout)"

say "what is there already meets it: the same image by another name"
patch "docker://$host/app:2" 'ssl>=1.1' -t 2b
[ "$(cat stdout)" = "docker://$host/app:2b@$new" ] || fail "$(cat stdout)"

say "--dry-run tells, and writes nothing"
: >plain.log
patch "docker://$host/app:1" ssl --dry-run
grep -q '^~ ssl .*1\.0 0 -> 1\.1 0$' stdout || fail "$(cat stdout)"
grep -q "^+++ $new$" stdout || fail "$(cat stdout)"
grep -qE '^layers: 2 new \(.*\), 13 stay$' stdout || fail "$(cat stdout)"
sleep 0.2
[ "$(accesses plain.log '"(POST|PUT|PATCH) ')" = 0 ] || fail "a dry run writes"

say "both platforms: an index again, solved together"
build both.lock --libc none --platform linux-64,linux-aarch64 --push "$host/both:1" --attach lock
patch "docker://$host/both:1" ssl -t 2 --lockfile both2.lock --json
new=$(jq -r .digest stdout)
[ "$(jq -c '[.platforms[] | [.platform, .layers.new]]' stdout)" = '[["linux-64",2],["linux-aarch64",2]]' ] || fail "$(cat stdout)"
build both2.lock --libc none --platform linux-64,linux-aarch64 -o oci:both:2
same_as_build "index" "$new"
patch "docker://$host/both:1" ssl -t arm --platform linux/arm64 --json
[ "$(jq -c '[.digest == .platforms[0].digest, .platforms[].platform]' stdout)" = '[true,"linux-aarch64"]' ] || fail "$(cat stdout)"

say "archives go to another place; a lock by hand"
build one.lock --libc none -o oci-archive:one.tar:1
patch oci-archive:one.tar ssl -o oci:x:1 --lockfile records.lock
expect_stderr 'no lock attached: all of its layers are read'
cp stdout unlocked
build records.lock --libc none -o oci:x:2
same_as_build "an image without a lock" "$(digest_of "$(cat unlocked)")"
expect_exit 2 "$condaimg" patch oci-archive:one.tar ssl -t 2 --lock one.lock
expect_stderr 'is an archive, .* -o'
patch oci-archive:one.tar ssl --lock one.lock -o docker-archive:two.tar:app:2 --lockfile three.lock
new=$(digest_of "$(cat stdout)")
build three.lock --libc none -o oci:three:1
same_as_build "archive" "$new"
patch docker-archive:two.tar p01 --lock three.lock -o oci:four:1

say "what cannot be"
refused() # CODE REGEX ARGS...
{
	local code=$1 what=$2

	shift 2
	expect_exit "$code" "$condaimg" "$@"
	expect_stderr "$what"
}
refused 2 'there is no numpy in' patch "docker://$host/app:1" numpy -t x
refused 2 'no spec of one package' patch "docker://$host/app:1" 'ssl*' -t x
refused 2 'say with -t' patch "docker://$host/app:1" ssl
refused 2 'expected a tag' patch "docker://$host/app:1" ssl -t a/b
refused 3 'cannot be met' patch "docker://$host/app:1" 'ssl>=2' -t x
refused 3 'cannot be met' patch "docker://$host/app:1" 'ssl>=3' -t x
refused 1 'not the lock of' patch "docker://$host/app:1" ssl -t x --lock two.lock
refused 1 'no image' patch "docker://$host/app:none" ssl -t x
expect_exit 0 "$condaimg" copy "oci:bases/old:1" "docker://$host/base-old:1"
refused 1 'was not built by condaimg' patch "docker://$host/base-old:1" ssl -t x --platform linux-64
# changed by something else: a label that nobody could have said, a layer on top
skopeo copy -q --src-tls-verify=false "docker://$host/app:1" dir:changed || fail "skopeo"
python3 - <<'PYTHON'
import hashlib, json, os

def change(what):
    with open("changed/manifest.json") as f:
        manifest = json.load(f)
    with open("changed/" + manifest["config"]["digest"][7:]) as f:
        config = json.load(f)
    what(manifest, config)
    data = json.dumps(config).encode()
    digest = hashlib.sha256(data).hexdigest()
    with open("changed/" + digest, "wb") as f:
        f.write(data)
    manifest["config"].update(digest="sha256:" + digest, size=len(data))
    return manifest

def health(manifest, config):
    config["config"]["Healthcheck"] = {"Test": ["NONE"]}

def on_top(manifest, config):
    layer = dict(manifest["layers"][-1])
    del layer["annotations"]
    manifest["layers"].append(layer)
    config["rootfs"]["diff_ids"].append(config["rootfs"]["diff_ids"][-1])
    config["history"].append({"created_by": "RUN something"})

def swapped(manifest, config):
    a, b = [l["annotations"] for l in manifest["layers"] if l["annotations"]["io.condaimg.part"] == "packages"][:2]
    key = "io.condaimg.packages"
    a[key], b[key] = b[key], a[key]

for name, what in ("health", health), ("ontop", on_top), ("swapped", swapped):
    os.system(f"cp -r changed {name}")
    manifest = change(what)
    with open(name + "/manifest.json", "w") as f:
        json.dump(manifest, f)
    os.system(f"cp changed/* {name}/ 2>/dev/null")
    with open(name + "/manifest.json", "w") as f:
        json.dump(manifest, f)
PYTHON
for name in health ontop swapped; do
	skopeo copy -q --dest-tls-verify=false dir:$name "docker://$host/$name:1" || fail "skopeo copy $name"
done
refused 1 'cannot be made again of one.lock: its config or manifest would be another' patch "docker://$host/health:1" ssl -t 2 --lock one.lock
refused 1 'are in other layers than one.lock comes to' patch "docker://$host/swapped:1" ssl -t 2 --lock one.lock
refused 1 'was put on top by something else' patch "docker://$host/ontop:1" ssl -t 2 --lock one.lock

say "certificates have to be given again, and are part of what moves"
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out ca.pem -days 2 -subj /CN=x 2>/dev/null || fail "no certificate"
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out ca2.pem -days 2 -subj /CN=y 2>/dev/null || fail "no certificate"
environment certs.yml app ca-certificates
channel_is old
expect_exit 0 "$condaimg" lock certs.yml --lockfile certs.lock "${libc[@]}" --platform linux-64
channel_is new
build certs.lock --libc none --ca-file ca.pem -o oci:certs:1 --attach lock
refused 2 'give the same ones with --ca-file' patch oci:certs:1 ca-certificates -t 2
refused 2 'other certificates' patch oci:certs:1 ca-certificates -t 2 --ca-file ca2.pem
patch oci:certs:1 ca-certificates -t 2 --ca-file ca.pem --json --lockfile certs2.lock
new=$(jq -r .digest stdout)
[ "$(jq '.platforms[0].layers.new' stdout)" = 3 ] || fail "$(cat stdout)"
build certs2.lock --libc none --ca-file ca.pem -o oci:certs:3
same_as_build "certificates" "$new"

say "rebase: a build on the new base has the same digest; no layer of packages is read"
for name in old new odd linked ancient; do
	expect_exit 0 "$condaimg" copy "oci:bases/$name:1" "docker://$host/base-$name:1"
done
expect_exit 0 "$condaimg" lock one.yml --lockfile based.lock --base "docker://$host/base-old:1" --platform linux-64,linux-aarch64
on() # BASE ARGS...
{
	local base=$1

	shift
	build based.lock --platform linux-64,linux-aarch64 --base "docker://$host/base-$base:1" "$@"
}
options=(--env A=b --label x=y --port 80 --cmd 'serve it' --user me:77)
on old --push "$host/based:1" --attach lock "${options[@]}"
fresh
: >plain.log
rebase "docker://$host/based:1" --base "docker://$host/base-new:1" -t 2 --json --cache-dir "$work/fresh"
new=$(jq -r .digest stdout)
[ "$(jq -c '[.blobs_mounted, (.platforms[] | [.layers.new, .changed])]' stdout)" = '[1,[1,[]],[1,[]]]' ] || fail "$(cat stdout)"
sleep 0.2
for arch in amd64 arm64; do
	skopeo inspect --override-arch $arch --tls-verify=false "docker://$host/based:1" | jq -r '.Layers[]'
done | sort -u >layers.based
no_layer_is_read layers.based
on new -o oci:rebased:1 "${options[@]}"
same_as_build "rebase" "$new"
rebase "docker://$host/based:2" --base "docker://$host/base-old:1" -t 3 --platform linux/amd64
new=$(digest_of "$(cat stdout)")
[ "$new" = "$(skopeo inspect --raw --tls-verify=false "docker://$host/based:1" | jq -r '.manifests[0].digest')" ] ||
	fail "there and back is $new"
patch "docker://$host/based:2" vars=1 -t 4 --lockfile based4.lock --cache-dir "$work/fresh"
new=$(digest_of "$(cat stdout)")
build based4.lock --platform linux-64,linux-aarch64 --base "docker://$host/base-new:1" "${options[@]}" -o oci:rebased:4
same_as_build "patch of a rebased image" "$new"

say "bases on this machine have to be named; scratch"
expect_exit 0 "$condaimg" copy "docker://$host/base-old:1" oci:local:1
build based.lock --platform linux-64 --base oci:local:1 -o oci:here:1 --attach lock
refused 1 'does not tell which base .* --old-base' rebase oci:here:1 --base "docker://$host/base-new:1" -t 2
refused 1 'is not the base of' rebase oci:here:1 --base "docker://$host/base-new:1" -t 2 --old-base "docker://$host/base-new:1"
rebase oci:here:1 --base "docker://$host/base-new:1" -t 2 --old-base oci:local:1
new=$(digest_of "$(cat stdout)")
build based.lock --platform linux-64 --base "docker://$host/base-new:1" -o oci:here:3
same_as_build "from a base without a name" "$new"
refused 2 'no C library' rebase oci:here:1 --base scratch -t 4 --old-base oci:local:1
build one.lock --libc none --platform linux-64 -o oci:here:5 --attach lock
rebase oci:here:5 --base "docker://$host/base-new:1" -t 6
new=$(digest_of "$(cat stdout)")
build one.lock --platform linux-64 --base "docker://$host/base-new:1" -o oci:here:7
same_as_build "from scratch" "$new"
refused 3 'glibc 2.12, and app-1-0 needs .__glibc >=2.17' rebase oci:here:5 --base "docker://$host/base-ancient:1" -t 8
refused 2 'say with --base' rebase oci:here:5 -t 8

say "copied files stay where they would be the same, and are refused where not; places are made anew"
mkdir -p src && echo hello >src/a
on old -o oci:copied:1 --attach lock --copy src:/app --workdir /app --volume /data
rebase oci:copied:1 --base "docker://$host/base-new:1" -t 2
new=$(digest_of "$(cat stdout)")
on new -o oci:copied:3 --copy src:/app --workdir /app --volume /data
same_as_build "copied files" "$new"
refused 1 '/app is not the same in the new base' rebase oci:copied:1 --base "docker://$host/base-odd:1" -t 4
refused 1 '/app is not the same in the new base' rebase oci:copied:1 --base "docker://$host/base-linked:1" -t 4
on old -o oci:places:1 --attach lock --workdir /app/x --volume /data
for base in new odd linked; do
	rebase oci:places:1 --base "docker://$host/base-$base:1" -t $base
	new=$(digest_of "$(cat stdout)")
	on $base -o oci:places:b --workdir /app/x --volume /data
	same_as_build "places on $base" "$new"
done

say "random images, options and specs"
python3 "$root/tests/e2e/patch_random.py" "$condaimg" "$channel" "${CONDAIMG_TEST_PATCHES:-8}" || fail "random"
echo ok
