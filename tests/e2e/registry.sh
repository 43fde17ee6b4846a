#!/bin/bash
# Against Debian's docker-registry: build, push, pull, mount, cuts, healing, two platforms, bases; and what skopeo and
# podman make of it.
# Usage: registry.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/registry-lib.sh
. "$root/tests/e2e/registry-lib.sh"
export TMPDIR=$work/tmp
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >policy.json
skopeo() { command skopeo --policy "$work/policy.json" "$@"; }
pod() { podman --root "$work/podman" --runroot "$work/podman-run" --storage-driver vfs --cgroup-manager cgroupfs "$@"; }

# 46 packages for two platforms, half of them noarch.
cat >make.py <<'PYTHON'
import hashlib, importlib.util, json, os, sys

spec = importlib.util.spec_from_file_location("make_channel", sys.argv[1])
mc = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mc)
records = {"linux-64": {}, "linux-aarch64": {}, "noarch": {}}


def add(name, version, subdir, size):
    noise = b"".join(hashlib.sha256(f"{name}{version}{subdir}{i}".encode()).digest() for i in range(size // 32))
    files = [mc.File(f"share/{name}/data", noise)]
    index = {"version": version, "subdir": subdir}
    fn = f"{name}-{version}-0.conda"
    data = mc.archive(name, fn, files, index=index, noarch="generic" if subdir == "noarch" else None)
    os.makedirs(f"packages/{subdir}", exist_ok=True)
    with open(f"packages/{subdir}/{fn}", "wb") as f:
        f.write(data)
    record = {**index, "name": name, "build": "0", "build_number": 0, "depends": [],
              "timestamp": 1600000000000, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    records[subdir][fn] = record


for i in range(46):
    for subdir in ["noarch"] if i % 2 else ["linux-64", "linux-aarch64"]:
        add(f"p{i:02}", "1", subdir, 3000000 if i == 8 else 20000)
add("p10", "2", "linux-64", 20000)
for subdir, packages in records.items():
    with open(f"packages/{subdir}/repodata.json", "w") as f:
        json.dump({"info": {"subdir": subdir}, "packages": {}, "packages.conda": packages}, f)
PYTHON
python3 make.py "$root/tests/e2e/make_channel.py" || fail "no channel"
{
	printf 'name: many\nchannels: [%s]\ndependencies:\n' "$work/packages"
	for i in $(seq 0 45); do printf '  - p%02d=1\n' "$i"; done
} >environment.yml
sed 's/p10=1/p10=2/' environment.yml >changed.yml
build() { expect_exit 0 "$condaimg" build "$@" --libc none --virtual-package __glibc=2.28; }

say "build and push"
registry plain
expect_exit 0 "$condaimg" lock environment.yml --platform linux-64 --platform linux-aarch64 --libc none --virtual-package __glibc=2.28
build environment.yml --platform linux-64 -t many:1 --push "$host/many:1"
digest=$(digest_of "$(head -n 1 stdout)")
[ "$(cat stdout)" = "oci:many:1@$digest
docker://$host/many:1@$digest" ] || fail "the result is $(cat stdout)"
[ ! -s stderr ] || fail "chatter: $(cat stderr)"
[ "$(skopeo inspect --raw --tls-verify=false "docker://$host/many:1" | sha256sum)" = "${digest#*:}  -" ] ||
	fail "skopeo sees another manifest"

say "unchanged: no blob is uploaded, in less than a second"
: >plain.log
before=$(date +%s%N)
build environment.yml --platform linux-64 --push "$host/many:1" --json
took=$((($(date +%s%N) - before) / 1000000))
[ "$(jq -c '[.blobs_uploaded, .bytes_uploaded, .blobs_there]' stdout)" = '[0,0,49]' ] || fail "$(cat stdout)"
sleep 0.2
[ "$(accesses plain.log '"(POST|PUT|PATCH) ')" = 0 ] || fail "uploads: $(grep -E '"(POST|PUT|PATCH) ' plain.log)"
[ "$(accesses plain.log '"HEAD /v2/many/blobs/')" = 49 ] || fail "not one HEAD a blob"
echo "an unchanged build and push takes $took ms"
[ "$took" -lt "${CONDAIMG_TEST_MS:-1000}" ] || nm -D "$condaimg" 2>/dev/null | grep -q asan || fail "it took $took ms"

say "several names of one build"
build environment.yml --platform linux-64 --push "$host/names:1" --push "$host/names:2" --push "$host/others:1" --json
[ "$(jq -c '[.image, .pushed, (.places | length)]' stdout)" = "[\"docker://$host/names:1\",null,3]" ] || fail "$(cat stdout)"
for name in names:1 names:2 others:1; do
	[ "$(skopeo inspect --raw --tls-verify=false "docker://$host/$name" | sha256sum)" = "${digest#*:}  -" ] || fail "$name is another image"
done

say "one package changed: its layer, and what tells of it"
: >plain.log
build changed.yml --platform linux-64 --push "$host/many:2" --json
sleep 0.2
skopeo inspect --raw --tls-verify=false "docker://$host/many:1" | jq -r '.layers[].digest' | sort >one
skopeo inspect --raw --tls-verify=false "docker://$host/many:2" | jq -r '.layers[] | "\(.digest) \(.annotations["io.condaimg.packages"] // .annotations["io.condaimg.part"])"' |
	sort >two
join -v 2 one two | cut -d' ' -f2 | sort | tr '\n' ' ' >new
[ "$(cat new)" = "environment p10-2-0 " ] || fail "new layers: $(cat new)"
[ "$(jq .blobs_uploaded stdout)" = 3 ] || fail "$(cat stdout)" # the package, the environment's records, the config
[ "$(accesses plain.log '"PUT /v2/many/blobs/')" = 3 ] || fail "uploads: $(grep '"PUT ' plain.log)"

say "pull; skopeo there and back"
expect_exit 0 "$condaimg" pull "$host/many:1" oci:back
[ "$(cat stdout)" = "oci:back:1@$digest" ] || fail "$(cat stdout)"
for blob in back/blobs/sha256/*; do cmp "$blob" "many/blobs/sha256/${blob##*/}" || fail "$blob"; done
skopeo copy -q --src-tls-verify=false "docker://$host/many:1" oci:skopeo:1 || fail "skopeo copy"
expect_exit 0 "$condaimg" copy oci:skopeo:1 "docker://$host/again:1"
[ "$(cat stdout)" = "docker://$host/again:1@$digest" ] || fail "$(cat stdout)"
skopeo copy -q --dest-tls-verify=false oci:many:1 "docker://$host/by-skopeo:1" || fail "skopeo copy"
expect_exit 0 "$condaimg" copy "docker://$host/by-skopeo@$digest" docker-archive:x.tar
[ "$(skopeo inspect docker-archive:x.tar | jq '.Layers | length')" = 48 ] || fail "the archive"
expect_exit 0 "$condaimg" inspect "docker://$host/many:1" --json
[ "$(jq '[.layers[].packages[]] | length' stdout)" = 46 ] || fail "inspect: $(cat stdout)"
expect_exit 0 "$condaimg" sbom "docker://$host/many:1"
[ "$(jq '[.packages[] | select(.name | startswith("p"))] | length' stdout)" = 46 ] || fail "sbom"
expect_exit 0 "$condaimg" export-rootfs "docker://$host/many:1" rootfs
[ "$(find rootfs -name data | wc -l)" = 46 ] || fail "export-rootfs"
expect_exit 0 "$condaimg" verify "docker://$host/many:1" --platform linux-64
: >plain.log
expect_exit 0 "$condaimg" inspect "docker://$host/many:1"
sleep 0.2
[ "$(accesses plain.log '"GET /v2/many/blobs/')" = 1 ] || fail "inspect reads layers"

say "the media types of old readers"
expect_exit 0 "$condaimg" copy oci:many:1 "docker://$host/old:1" --media-types docker
skopeo inspect --raw --tls-verify=false "docker://$host/old:1" | jq -r '.mediaType, .config.mediaType, .layers[].mediaType' | sort -u >types
printf '%s\n' application/vnd.docker.container.image.v1+json application/vnd.docker.distribution.manifest.v2+json \
	application/vnd.docker.image.rootfs.diff.tar.gzip | diff - types || fail "types"
build environment.yml --platform linux-64 -o "docker://$host/old:2" --media-types docker
[ "$(skopeo inspect --raw --tls-verify=false "docker://$host/old:2" | sha256sum)" = \
	"$(skopeo inspect --raw --tls-verify=false "docker://$host/old:1" | sha256sum)" ] || fail "built otherwise than converted"

say "two platforms in one run"
build environment.yml --platform linux/amd64,linux/arm64 --push "$host/both:1"
index=$(digest_of "$(cat stdout)")
[ "$(skopeo inspect --raw --tls-verify=false "docker://$host/both:1" | sha256sum)" = "${index#*:}  -" ] || fail "another index"
for arch in amd64 arm64; do
	skopeo inspect --override-arch $arch --tls-verify=false "docker://$host/both:1" | jq -r '.Architecture, .Layers[]' >$arch
	[ "$(head -n 1 $arch)" = $arch ] || fail "skopeo sees $(head -n 1 $arch)"
	sort -o $arch $arch
done
# 23 noarch packages and the system files are one blob; 23 packages and the environments are not
[ "$(comm -12 amd64 arm64 | wc -l)" = 24 ] || fail "$(comm -12 amd64 arm64 | wc -l) layers are shared"
expect_exit 0 "$condaimg" inspect --json "docker://$host/both:1" --platform linux/arm64
[ "$(jq -r .architecture stdout)" = arm64 ] || fail "inspect"
expect_exit 0 "$condaimg" copy "docker://$host/both:1" oci-archive:both.tar:1
[ "$(cat stdout)" = "oci-archive:both.tar:1@$index" ] || fail "$(cat stdout)"
expect_exit 0 "$condaimg" push oci-archive:both.tar "$host/both-again:1"
[ "$(cat stdout)" = "docker://$host/both-again:1@$index" ] || fail "$(cat stdout)"
expect_exit 0 "$condaimg" push oci-archive:both.tar "$host/one:1" --platform linux-64
[ "$(cat stdout)" = "docker://$host/one:1@$digest" ] || fail "$(cat stdout)"
expect_exit 2 "$condaimg" copy oci-archive:both.tar docker-archive:no.tar
expect_stderr 'say which with --platform'
[ ! -e no.tar ] || fail "an archive was left"
skopeo copy -q --all --src-tls-verify=false "docker://$host/both:1" oci:both-skopeo:1 || fail "skopeo copy --all"
expect_exit 0 "$condaimg" copy oci:both-skopeo:1 oci:both-back:1
[ "$(cat stdout)" = "oci:both-back:1@$index" ] || fail "$(cat stdout)"

say "nothing is kept on this machine"
build environment.yml --platform linux-64 --push "$host/streamed:1" --no-store --cache-dir "$work/other"
[ "$(cat stdout)" = "docker://$host/streamed:1@$digest" ] || fail "$(cat stdout)"
[ -z "$(find other/layers -type f)" ] || fail "layers were stored"
expect_exit 2 "$condaimg" build environment.yml --platform linux-64 --no-store -o oci:x --push "$host/x"
expect_stderr 'no-store'

say "connections are cut in the middle of a blob"
python3 "$root/tests/e2e/cut_proxy.py" proxy.port "${host#*:}" 1000000 0 2 &
pids+=($!)
wait_for proxy.port
expect_exit 0 "$condaimg" push oci:many:1 "127.0.0.1:$(cat proxy.port)/cut:1" --json
[ "$(jq -c '[.blobs_uploaded, .digest]' stdout)" = "[49,\"$digest\"]" ] || fail "$(cat stdout)"
python3 "$root/tests/e2e/cut_proxy.py" down.port "${host#*:}" 0 1000000 2 &
pids+=($!)
wait_for down.port
expect_exit 0 "$condaimg" pull "127.0.0.1:$(cat down.port)/cut:1" oci:cut-back
diff -r cut-back/blobs back/blobs || fail "what came through the cuts"

say "two at once"
"$condaimg" push oci:many:1 "$host/race:1" >race.1 2>&1 &
first=$!
"$condaimg" push oci:many:1 "$host/race:1" >race.2 2>&1 || fail "the second of two: $(cat race.2)"
wait $first || fail "the first of two: $(cat race.1)"
skopeo inspect --tls-verify=false "docker://$host/race:1" >/dev/null || fail "after the race"

say "a blob that was deleted is sent again"
big=$(jq -r '.layers | max_by(.size) | .digest' "many/blobs/sha256/${digest#*:}")
curl -fsS -X DELETE "http://$host/v2/many/blobs/$big" || fail "cannot delete"
expect_exit 0 "$condaimg" push oci:many:1 "$host/many:1" --json
[ "$(jq .blobs_uploaded stdout)" = 1 ] || fail "$(cat stdout)"
expect_exit 0 "$condaimg" pull "$host/many:1" oci:healed

say "a base in a registry: by tag, locked by digest, mounted"
printf 'name: top\nchannels: [%s]\ndependencies: [p00]\n' "$work/packages" >top.yml
expect_exit 1 "$condaimg" build top.yml --base "docker://$host/many:1" --platform linux-64 --push "$host/top:1"
expect_stderr 'no GNU libc'
python3 - <<'PYTHON'
import gzip, hashlib, io, json, os, tarfile

def put(data):
    name = hashlib.sha256(data).hexdigest()
    open("glibc/blobs/sha256/" + name, "wb").write(data)
    return {"digest": "sha256:" + name, "size": len(data)}

os.makedirs("glibc/blobs/sha256")
raw = io.BytesIO()
with tarfile.open(fileobj=raw, mode="w") as tar:
    text = b"\0GNU C Library (Test GLIBC) stable release version 2.31.\n\0" + os.urandom(50000)
    info = tarfile.TarInfo("lib/libc.so.6")
    info.size = len(text)
    tar.addfile(info, io.BytesIO(text))
layer = put(gzip.compress(raw.getvalue(), mtime=0))
entries = []
for arch in "amd64", "arm64":
    config = put(json.dumps({"architecture": arch, "os": "linux", "config": {"Env": ["PATH=/bin"]},
                             "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(raw.getvalue()).hexdigest()]}}).encode())
    manifest = put(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **layer}]}).encode())
    entries.append({"mediaType": "application/vnd.oci.image.manifest.v1+json", "platform": {"os": "linux", "architecture": arch}, **manifest})
index = put(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}).encode())
open("glibc/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
json.dump({"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.index.v1+json", **index,
          "annotations": {"org.opencontainers.image.ref.name": "1"}}]}, open("glibc/index.json", "w"))

PYTHON
expect_exit 0 "$condaimg" push oci:glibc:1 "$host/base:1"
base=$(digest_of "$(cat stdout)")
expect_exit 0 "$condaimg" lock top.yml --platform linux-64,linux-aarch64 --base "docker://$host/base:1" --lockfile top.lock
grep -q "condaimg.base: docker://$host/base:1@$base" top.lock || fail "the lock does not say the base: $(grep base top.lock)"
grep -q '__glibc=2.31' top.lock || fail "the base's glibc is not in the lock"
expect_exit 0 "$condaimg" lock top.yml --platform linux-64,linux-aarch64 --base "docker://$host/base:1" --lockfile top.lock --check
cp top.lock conda-lock-top.yml
: >plain.log
expect_exit 0 "$condaimg" build top.yml --lockfile top.lock --base "docker://$host/base:1" --platform linux-64 -o "docker://$host/top:1" --json
top=$(jq -r .digest stdout)
[ "$(jq .blobs_mounted stdout)" = 1 ] || fail "the base's layer is not mounted: $(cat stdout)"
skopeo inspect --raw --tls-verify=false "docker://$host/top:1" >top.json
[ "$(jq -r '.annotations["org.opencontainers.image.base.name"]' top.json)" = "$host/base:1" ] || fail "$(cat top.json)"
[ "$(jq -r '.annotations["org.opencontainers.image.base.digest"]' top.json)" = \
	"$(jq -r '.manifests[0].digest' "glibc/blobs/sha256/${base#*:}")" ] || fail "$(cat top.json)"
# the tag moves on; the lock does not
expect_exit 0 "$condaimg" push oci:many:1 "$host/base:1"
expect_exit 0 "$condaimg" build top.yml --lockfile top.lock --base "docker://$host/base:1" --platform linux-64 -o "docker://$host/top:2" --json
[ "$(jq -r .digest stdout)" = "$top" ] || fail "another base was taken"
expect_exit 0 "$condaimg" build conda-lock-top.yml --platform linux-64 -o "docker://$host/top:3" --json
[ "$(jq -r .digest stdout)" = "$top" ] || fail "the lock does not bring its base along"
expect_exit 2 "$condaimg" build top.yml --base "docker://$host/base:1" --offline
expect_stderr 'offline'

say "mirrors, for pulls"
cat >registries.conf <<-END
	[[registry]]
	prefix = "registry.invalid/team"
	location = "$host"
	[[registry.mirror]]
	location = "127.0.0.1:1/nobody"
	[[registry]]
	location = "blocked.invalid"
	blocked = true
END
export CONTAINERS_REGISTRIES_CONF=$work/registries.conf
expect_exit 0 "$condaimg" pull registry.invalid/team/many:1 oci:mirrored
[ "$(cat stdout)" = "oci:mirrored:1@$digest" ] || fail "$(cat stdout)"
expect_exit 1 "$condaimg" push oci:many:1 registry.invalid/team/many:1
expect_exit 2 "$condaimg" pull blocked.invalid/x oci:no
expect_stderr 'blocks'
unset CONTAINERS_REGISTRIES_CONF

say "podman runs it from there"
if [ "$(id -u)" != 0 ] || ! command -v podman runc >/dev/null; then
	echo "SKIP: no podman for root here"
elif ! chroot / true 2>/dev/null || ! pod info >podman.log 2>&1; then
	echo "SKIP: podman cannot work here: $(tail -n 1 podman.log)"
else
	CONDAIMG_TEST_CACHE=${CONDAIMG_TEST_CACHE:-} embedded_channel
	printf 'name: jq\nchannels: [%s]\ndependencies: [jq]\n' "$channel" >jq.yml
	expect_exit 0 "$condaimg" build jq.yml --platform linux-64 --push "$host/jq:1"
	pod pull -q --tls-verify=false "$host/jq:1" >pull.log 2>&1 || fail "podman pull: $(cat pull.log)"
	[ "$(pod --runtime runc run --rm --network none --ulimit nofile=4096:4096 --ulimit nproc=4096:4096 \
		"$host/jq:1" jq -n 40+2 2>run.log)" = 42 ] || echo "SKIP: podman run: $(tail -n 1 run.log)"
fi
echo "ok"
