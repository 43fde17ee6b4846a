#!/bin/bash
# Work on images where they are: diff, build --attach, attach, inspect --referrers; against Debian's docker-registry, which
# has no referrers API, and a scripted registry that has it. What is attached is read back with curl and jq.
# Usage: imagework.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need curl
# shellcheck source=tests/e2e/registry-lib.sh
. "$root/tests/e2e/registry-lib.sh"

cat >make.py <<'PYTHON'
import hashlib, importlib.util, json, os, sys

spec = importlib.util.spec_from_file_location("make_channel", sys.argv[1])
mc = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mc)
records = {"linux-64": {}, "linux-aarch64": {}, "noarch": {}}


def add(name, version, subdir, license):
    noise = b"".join(hashlib.sha256(f"{name}{version}{subdir}{i}".encode()).digest() for i in range(500))
    index = {"version": version, "subdir": subdir, "license": license}
    fn = f"{name}-{version}-0.conda"
    data = mc.archive(name, fn, [mc.File(f"share/{name}/data", noise)], index=index)
    os.makedirs(f"packages/{subdir}", exist_ok=True)
    with open(f"packages/{subdir}/{fn}", "wb") as f:
        f.write(data)
    records[subdir][fn] = {**index, "name": name, "build": "0", "build_number": 0, "depends": [],
                           "timestamp": 1600000000000, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(),
                           "md5": hashlib.md5(data).hexdigest()}


for subdir in "linux-64", "linux-aarch64":
    add("stays", "1", subdir, "MIT")
    add("moves", "1", subdir, "MIT")
    add("moves", "2", subdir, "BSD-3-clause")
    add("goes", "1", subdir, "ISC")
    add("comes", "1", subdir, "Zlib")
for subdir, packages in records.items():
    os.makedirs(f"packages/{subdir}", exist_ok=True)
    with open(f"packages/{subdir}/repodata.json", "w") as f:
        json.dump({"info": {"subdir": subdir}, "packages": {}, "packages.conda": packages}, f)
PYTHON
python3 make.py "$root/tests/e2e/make_channel.py" || fail "no channel"
mkdir one two
printf 'name: app\nchannels: [%s]\ndependencies: [stays, moves=1, goes]\n' "$work/packages" >one/environment.yml
printf 'name: app\nchannels: [%s]\ndependencies: [stays, moves=2, comes]\n' "$work/packages" >two/environment.yml
common=(--libc none --virtual-package __glibc=2.28)
for each in one two; do
	expect_exit 0 "$condaimg" lock $each/environment.yml "${common[@]}" --platform linux-64,linux-aarch64
done
build() { expect_exit 0 "$condaimg" build "$@"; }
registry plain
plain=$host

say "build --attach: the image's digest stays what it is"
build one/conda-lock.yml --platform linux-64 --push "$plain/app:1"
bare=$(cat stdout)
build one/conda-lock.yml --platform linux-64 --push "$plain/app:1" --attach lock,sbom,provenance
[ "$(cat stdout)" = "$bare" ] || fail "$(cat stdout), expected $bare"
digest=${bare##*@}
build two/conda-lock.yml --platform linux-64 --push "$plain/app:2" --env A=b --attach lock

say "docker-registry: the tag sha256-HEX lists them, and what they lead to is what it is called"
get() # PATH
{
	curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json' \
		"http://$plain/v2/app/$1"
}
get "manifests/sha256-${digest#*:}" >index.json
[ "$(jq -c '[.mediaType, (.manifests | map(.artifactType))]' index.json)" = \
	'["application/vnd.oci.image.index.v1+json",["application/vnd.conda.lock.v1+yaml","application/spdx+json","application/vnd.cyclonedx+json","application/vnd.in-toto+json"]]' ] ||
	fail "$(cat index.json)"
for i in 0 1 2 3; do
	at=$(jq -r ".manifests[$i].digest" index.json)
	get "manifests/$at" >manifest.json
	[ "sha256:$(sha256sum <manifest.json | cut -d' ' -f1)" = "$at" ] || fail "manifest $i"
	[ "$(stat -c %s manifest.json)" = "$(jq ".manifests[$i].size" index.json)" ] || fail "size of manifest $i"
	[ "$(jq -c '[.subject.digest, .config.mediaType, .config.size, .artifactType == .layers[0].mediaType]' manifest.json)" = \
		"[\"$digest\",\"application/vnd.oci.empty.v1+json\",2,true]" ] || fail "$(cat manifest.json)"
	get "blobs/$(jq -r '.layers[0].digest' manifest.json)" >"document.$i"
done
grep -q '^version: 1' document.0 || fail "the lock: $(cat document.0)"
[ "$(jq -r '.spdxVersion' document.1)" = SPDX-2.3 ] || fail "spdx: $(cat document.1)"
[ "$(jq -r '.bomFormat' document.2)" = CycloneDX ] || fail "cyclonedx: $(cat document.2)"
jq -e --arg hex "${digest#*:}" --arg lock "$(sha256sum <document.0 | cut -d' ' -f1)" '
	._type == "https://in-toto.io/Statement/v1" and .predicateType == "https://slsa.dev/provenance/v1" and
	.subject == [{digest: {sha256: $hex}, name: "app"}] and
	.predicate.buildDefinition.externalParameters.lock.digest.sha256 == $lock and
	.predicate.buildDefinition.externalParameters.platform == "linux-64" and
	(.predicate.buildDefinition.buildType | type) == "string" and (.predicate.runDetails.builder.id | type) == "string"' \
	document.3 >/dev/null || fail "provenance: $(cat document.3)"
jq -r '.predicate.buildDefinition.resolvedDependencies[] | .digest.sha256 + " " + .name' document.3 | sort >told
(cd packages/linux-64 && sha256sum goes-1-0.conda moves-1-0.conda stays-1-0.conda) | tr -s ' ' | sort | diff - told ||
	fail "resolvedDependencies"
# A lock that is attached builds the image again.
cp document.0 attached.yml
build attached.yml -o oci:again
[ "$(digest_of "$(cat stdout)")" = "$digest" ] || fail "the attached lock gives $(cat stdout)"

say "attach in condaimg.yml; the command line's is instead of it"
mkdir project
printf 'name: app\nchannels: [%s]\ndependencies: [stays]\n' "$work/packages" >project/environment.yml
printf 'attach: [lock, cyclonedx]\nlibc: none\nvirtual-package: __glibc=2.28\nplatform: linux-64\n' >project/condaimg.yml
attached() { jq -c '[.attached[].artifact_type]' stdout; }
build project -o oci:projected:1 --json
[ "$(attached)" = '["application/vnd.conda.lock.v1+yaml","application/vnd.cyclonedx+json"]' ] || fail "$(cat stdout)"
build project -o oci:projected:1 --attach spdx --json
[ "$(attached)" = '["application/spdx+json"]' ] || fail "$(cat stdout)"
expect_exit 2 "$condaimg" build project -o oci-archive:project.tar
expect_stderr '--attach: nothing can be attached to oci-archive:project.tar'
expect_exit 0 "$condaimg" digest project -o oci-archive:project.tar
printf 'attach: locks\n' >project/condaimg.yml
expect_exit 2 "$condaimg" build project -o oci:projected:1
expect_stderr "'locks' is not known"
rm -r project

say "the same once more is the same bytes: nothing is added"
before=$(sha256sum <index.json)
build one/conda-lock.yml --platform linux-64 --push "$plain/app:1" --attach lock,sbom,provenance --json
jq -r '.attached[].digest' stdout | diff - <(jq -r '.manifests[].digest' index.json) || fail "other digests"
[ "$(get "manifests/sha256-${digest#*:}" | sha256sum)" = "$before" ] || fail "the list changed"

say "attach afterwards: what build attached, to the byte"
build one/conda-lock.yml --platform linux-64 --push "$plain/other:1"
expect_exit 0 "$condaimg" attach "docker://$plain/other:1" one/conda-lock.yml
cut -d' ' -f2 stdout | diff - <(jq -r '.manifests[:3][].digest' index.json) || fail "other digests: $(cat stdout)"
expect_exit 1 "$condaimg" attach "docker://$plain/app:1" two/conda-lock.yml
expect_stderr "is not the lock of .*: the image has no (comes|moves-2)"
expect_exit 2 "$condaimg" attach "docker://$plain/app:1" one/conda-lock.yml --attach provenance
expect_stderr "is for build"
expect_exit 2 "$condaimg" attach "docker://$plain/app:1" one/conda-lock.yml --attach locks
expect_exit 2 "$condaimg" build one/conda-lock.yml -o oci-archive:app.tar --attach lock
expect_stderr "oci-archive:app.tar"
[ ! -e app.tar ] || fail "it was built all the same"

say "a registry with a referrers API: no tag"
serve_api()
{
	rm -f port
	python3 "$kit" scripted port api.log '{"referrers": true}' 2>server.log &
	pids+=($!)
	wait_for port
	api=127.0.0.1:$(cut -d" " -f1 port)
}
serve_api
build one/conda-lock.yml --platform linux-64 --push "$api/app:1" --attach lock,sbom,provenance
[ "$(curl -sf "http://$api/v2/app/tags/list" | jq -c .tags)" = '["1"]' ] || fail "tags: $(curl -s "http://$api/v2/app/tags/list")"
curl -sf "http://$api/v2/app/referrers/$digest" | jq -r '.manifests[].digest' | sort |
	diff - <(jq -r '.manifests[].digest' index.json | sort) || fail "other referrers than in docker-registry"

say "inspect --referrers, in all places"
build one/conda-lock.yml --platform linux-64 -o oci:layout:1 --attach lock,sbom,provenance
build two/conda-lock.yml --platform linux-64 -o oci:layout:2
for place in "docker://$plain/app:1" "docker://$api/app:1" oci:layout:1; do
	expect_exit 0 "$condaimg" inspect "$place" --referrers --json
	jq -r '.referrers[] | .artifact_type + " " + .digest' stdout | sort |
		diff - <(jq -r '.manifests[] | .artifactType + " " + .digest' index.json | sort) || fail "$place: $(cat stdout)"
done
expect_exit 0 "$condaimg" inspect oci:layout:2 --referrers
grep -qx '0 attached' stdout || fail "$(cat stdout)"
[ "$(skopeo inspect --raw oci:layout:1 | sha256sum)" = "${digest#*:}  -" ] || fail "skopeo sees another manifest"
# Alone with what is attached to it, an image needs no tag to be found.
build one/conda-lock.yml --platform linux-64 -o oci:alone:1 --attach lock
expect_exit 0 "$condaimg" inspect oci:alone
build one/conda-lock.yml --platform linux-64 -o oci:alone:1 --attach lock
[ "$(jq '.manifests | length' alone/index.json)" = 2 ] || fail "$(cat alone/index.json)"

say "many at once: the spec has no lock, but nobody breaks the list, and who is missing is put back by attaching again"
build one/conda-lock.yml --platform linux-64 --push "$plain/busy:1"
jobs=()
for kind in lock spdx cyclonedx; do
	"$condaimg" attach "docker://$plain/busy:1" one/conda-lock.yml --attach $kind >"busy.$kind" 2>&1 &
	jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job" || fail "$(cat busy.*)"; done
expect_exit 0 "$condaimg" inspect "docker://$plain/busy:1" --referrers --json
echo "$(jq '.referrers | length' stdout) of 3 at once are there"
expect_exit 0 "$condaimg" attach "docker://$plain/busy:1" one/conda-lock.yml
expect_exit 0 "$condaimg" inspect "docker://$plain/busy:1" --referrers --json
jq -r '.referrers[].digest' stdout | sort | diff - <(jq -r '.manifests[:3][].digest' index.json | sort) || fail "$(cat stdout)"

say "two platforms: each image has its own"
build one/conda-lock.yml --platform linux-64,linux-aarch64 --push "$plain/both:1" --attach lock
for p in linux-64 linux-aarch64; do
	expect_exit 0 "$condaimg" inspect "docker://$plain/both:1" --platform $p --referrers --json
	[ "$(jq -r '.referrers[].artifact_type' stdout)" = application/vnd.conda.lock.v1+yaml ] || fail "$p: $(cat stdout)"
done
expect_exit 2 "$condaimg" attach "docker://$plain/both:1" one/conda-lock.yml
expect_stderr "say which with --platform"

say "copy --referrers: what is attached goes along, byte for byte, from place to place and back"
expect_exit 0 "$condaimg" copy "docker://$plain/app:1" "docker://$plain/app-bare:1"
expect_exit 0 "$condaimg" inspect "docker://$plain/app-bare:1" --referrers --json
[ "$(jq '.referrers | length' stdout)" = 0 ] || fail "referrers are copied without being asked for"
# a signature of the lock: a document about a document, as cosign and notation keep them
subject=$(jq -c '.manifests[0] | {mediaType, digest, size}' index.json)
printf 'signed' >sig
expect_empty=$(printf '{}' | sha256sum | cut -d' ' -f1)
upload() # FILE
{
	local at hex

	hex=$(sha256sum <"$1" | cut -d' ' -f1)
	at=$(curl -sf -X POST -D - "http://$plain/v2/app/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
	curl -sf -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$1" "$at&digest=sha256:$hex" || fail "upload"
	echo "$hex"
}
sig=$(upload sig)
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x-signature","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:%s","size":2},"layers":[{"mediaType":"application/x-signature","digest":"sha256:%s","size":6}],"subject":%s}' \
	"$expect_empty" "$sig" "$subject" >sig.json
signature=sha256:$(sha256sum <sig.json | cut -d' ' -f1)
put_manifest() # WHICH FILE TYPE
{
	curl -sf -X PUT -H "Content-Type: $3" --data-binary "@$2" "http://$plain/v2/app/manifests/$1" || fail "put $1"
}
put_manifest "$signature" sig.json application/vnd.oci.image.manifest.v1+json
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x-signature","digest":"%s","size":%s}]}' \
	"$signature" "$(stat -c %s sig.json)" >list.json
put_manifest "sha256-$(jq -r '.manifests[0].digest' index.json | cut -d: -f2)" list.json application/vnd.oci.image.index.v1+json
all_there() # PLACE
{
	expect_exit 0 "$condaimg" inspect "$1" --referrers --json
	[ "$(jq -r .digest stdout)" = "$digest" ] || fail "$1: $(jq .digest stdout)"
	jq -r '.referrers[] | .artifact_type + " " + .digest' stdout | sort |
		diff - <(jq -r '.manifests[] | .artifactType + " " + .digest' index.json | sort) || fail "$1: $(cat stdout)"
}
from=docker://$plain/app:1
for to in "docker://$plain/carried:1" "docker://$api/carried:1" oci:carried:1 "docker://$api/carried2:1" "docker://$plain/carried2:1"; do
	expect_exit 0 "$condaimg" copy "$from" "$to" --referrers --json
	[ "$(jq '[.referrers, .digest == "'"$digest"'"]' -c stdout)" = '[5,true]' ] || fail "$from to $to: $(cat stdout)"
	all_there "$to"
	from=$to
done
[ "$(curl -sf "http://$plain/v2/carried2/manifests/$signature" -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json' | sha256sum)" = "${signature#*:}  -" ] || fail "the signature is not there"
[ "$(curl -sf "http://$plain/v2/carried2/manifests/sha256-$(jq -r '.manifests[0].digest' index.json | cut -d: -f2)" -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json' | jq -r '.manifests[].digest')" = "$signature" ] ||
	fail "the signature is not listed"
[ "$(curl -sf "http://$api/v2/carried2/tags/list" | jq -c .tags)" = '["1"]' ] || fail "tags in a registry with the API"
: >plain.log
expect_exit 0 "$condaimg" copy "docker://$plain/app:1" "docker://$plain/carried:1" --referrers --json
[ "$(jq -c '[.blobs_uploaded, .blobs_mounted, .referrers]' stdout)" = '[0,0,5]' ] || fail "$(cat stdout)"
sleep 0.2
[ "$(accesses plain.log '"(POST|PUT|PATCH) ')" = 0 ] || fail "what is there is sent again: $(grep -E '"(POST|PUT|PATCH) ' plain.log)"
expect_exit 0 "$condaimg" pull "$plain/both:1" oci:both:1 --referrers --json
[ "$(jq .referrers stdout)" = 2 ] || fail "$(cat stdout)"
expect_exit 0 "$condaimg" push oci:both:1 "$plain/both2:1" --referrers --platform linux/arm64 --json
[ "$(jq .referrers stdout)" = 1 ] || fail "$(cat stdout)"
expect_exit 2 "$condaimg" copy "docker://$plain/app:1" oci-archive:no.tar --referrers
expect_stderr 'nothing can be attached to oci-archive:no.tar'
[ ! -e no.tar ] || fail "it was copied all the same"
expect_exit 2 "$condaimg" copy "docker://$plain/app:1" "docker://$plain/no:1" --referrers --media-types docker
expect_stderr 'makes another image'

say "diff: of registries no layer is fetched"
expected='{"same":1,"changed":[["moves","1","2","MIT","BSD-3-Clause"]],"added":["comes"],"removed":["goes"],"licenses":[["moves","MIT","BSD-3-Clause"]]}'
told()
{
	jq -c '{same, changed: (.changed | map([.name, .from.version, .to.version, .from.license, .to.license])),
		added: (.added | map(.name)), removed: (.removed | map(.name)),
		licenses: (.licenses | map([.name, .from.license, .to.license]))}' stdout
}
: >plain.log
expect_exit 0 "$condaimg" diff "docker://$plain/app:1" "docker://$plain/app:2" --json
[ "$(told)" = "$expected" ] || fail "$(cat stdout)"
[ "$(jq -c '[.config[] | [.key, .from, .to]]' stdout)" = '[["env A",null,"b"]]' ] || fail "$(jq .config stdout)"
cp stdout diff.json
sleep 0.2
[ "$(accesses plain.log '"GET /v2/app/blobs/')" = 4 ] || fail "fetched: $(grep '"GET' plain.log)" # configs and locks
# What a node pulls, by skopeo's word.
layers() { skopeo inspect --raw --tls-verify=false "docker://$plain/app:$1" | jq -r '.layers[] | .digest + " " + (.size | tostring)' | sort; }
comm -13 <(layers 1) <(layers 2) >pull
[ "$(jq -c '[.pull.layers, .pull.size]' diff.json)" = "[$(wc -l <pull),$(awk '{s += $2} END {print s}' pull)]" ] ||
	fail "$(jq .pull diff.json)"
jq -r '.pull.digests[]' diff.json | sort | diff - <(cut -d' ' -f1 pull) || fail "other layers"
for pair in 'oci:layout:1 oci:layout:2' 'one/conda-lock.yml two/conda-lock.yml' "docker://$plain/app:1 two/conda-lock.yml" \
	"one/conda-lock.yml oci:layout:2"; do
	# shellcheck disable=SC2086
	expect_exit 0 "$condaimg" diff $pair --json --platform linux-64
	[ "$(told)" = "$expected" ] || fail "$pair: $(cat stdout)"
done
expect_exit 0 "$condaimg" diff "docker://$plain/app:1" "docker://$plain/app:1"
grep -q '0 changed, 0 added, 0 removed, 3 the same' stdout || fail "$(cat stdout)"
say "without a lock attached: packages yes, licences not, and it says so"
build two/conda-lock.yml --platform linux-64 --push "$plain/bare:2"
expect_exit 0 "$condaimg" diff "docker://$plain/app:1" "docker://$plain/bare:2"
grep -q "bare:2 has no lock attached" stdout || fail "$(cat stdout)"
grep -q '^~ moves  *1 0 -> 2 0$' stdout || fail "$(cat stdout)"
echo "ok"
