#!/bin/bash
# Bills of materials: SPDX and CycloneDX say what the lock says, from lock and image alike, and always the same.
# With SPDX_SCHEMA and CYCLONEDX_SCHEMA in the environment (files), documents are held to the official schemas, too.
# Usage: sbom.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need python3 jq
python3 -c 'import yaml' 2>/dev/null || skip "there is no python3-yaml"
schemas=()
if [ -n "${SPDX_SCHEMA:-}" ] && [ -n "${CYCLONEDX_SCHEMA:-}" ]; then schemas=("$SPDX_SCHEMA" "$CYCLONEDX_SCHEMA"); fi
embedded_channel
hello_environment environment.yml

# What the lock says, by a reader of YAML and JSON that is not condaimg.
wanted() # LOCK
{
	python3 - "$1" <<'PYTHON'
import json, re, sys, yaml
lock = yaml.safe_load(open(sys.argv[1]))
custom = lock["metadata"].get("custom_metadata", {})
names = {p["name"]: p for p in lock["package"]}
libc = [p["name"] for p in lock["package"] if p["category"] == "libc"]
rows = []
for p in lock["package"]:
    stem = re.sub(r"\.(conda|tar\.bz2)$", "", p["url"].rsplit("/", 1)[1])
    key = ("libc-record" if p["category"] == "libc" else "record") + "." + p["platform"] + "/" + p["url"].rsplit("/", 1)[1]
    record = json.loads(next(v for k, v in custom.items() if k == "condaimg." + key))
    needs = set()
    for d in record["depends"]:
        name = re.split(r"[ =<>!~\[]", d)[0]
        if name == "__glibc":
            needs |= set(libc)
        elif name in names and name not in libc:
            needs.add(name)
    rows.append({"name": p["name"], "version": p["version"], "build": stem.rsplit("-", 1)[1], "sha256": p["hash"]["sha256"],
                 "url": p["url"], "needs": sorted(needs - {p["name"]})})
json.dump(rows, sys.stdout)
PYTHON
}

check() # NAME INPUT
{
	local format

	for format in spdx cyclonedx; do
		expect_exit 0 "$condaimg" sbom "$2" --format $format
		[ ! -s stderr ] || fail "sbom $2 says: $(cat stderr)"
		cp stdout "$1.$format"
		expect_exit 0 env TZ=Asia/Tokyo LC_ALL=C.UTF-8 "$condaimg" sbom "$2" --format $format -o "again.$format"
		cmp "$1.$format" "again.$format" || fail "$2: another $format the second time"
	done
	python3 "$root/tests/e2e/sbom_check.py" "$1.spdx" "$1.cyclonedx" wanted.json "${schemas[@]}" || fail "$2"
}

say "from a lock"
expect_exit 0 "$condaimg" lock environment.yml
wanted conda-lock.yml >wanted.json
check lock conda-lock.yml

say "from an image, in every kind of place"
expect_exit 0 "$condaimg" build conda-lock.yml -o oci:images:app
digest=$(digest_of "$(cat stdout)")
check image oci:images:app
expect_exit 0 "$condaimg" build conda-lock.yml -o oci-archive:app.tar:app
check archive oci-archive:app.tar
cmp image.spdx archive.spdx || fail "an image and its archive differ"
[ "$(jq -r '.metadata.component.version' image.cyclonedx)" = "$digest" ] || fail "the image's digest is not in it"
# Each licence text that is named is in the image, and each that is in the image is named, by both formats.
"$condaimg" export-rootfs oci:images:app rootfs >/dev/null
(cd rootfs && find opt/conda/envs/default/conda-meta/licenses -type f) | sed 's|^|/|' | LC_ALL=C sort >texts
jq -r '.components[].properties[]? | select(.name == "conda:license_file").value' image.cyclonedx | LC_ALL=C sort | diff - texts || fail "CycloneDX: licence texts"
jq -r '.packages[].licenseComments // empty' image.spdx | sed 's/^texts in the image: //' | sed 's/, /\n/g' | LC_ALL=C sort | diff - texts || fail "SPDX: licence texts"
[ "$(wc -l <texts)" -gt 20 ] || fail "only $(wc -l <texts) licence texts"
grep -q ' GNU Library General Public\|GNU Lesser General Public' rootfs/usr/share/licenses/sysroot_linux-64/*/* || fail "no licence of the C library"
# Packages, hashes, dependencies are those of the lock.
for f in image lock; do
	jq -S 'del(.documentNamespace, .creationInfo, .packages[].licenseComments) | .packages |= map(select(.SPDXID != "SPDXRef-Subject"))' $f.spdx >$f.packages
done
cmp image.packages lock.packages || fail "image and lock tell of other packages"
expect_exit 0 "$condaimg" build conda-lock.yml -o docker-archive:docker.tar:app:1
expect_exit 0 "$condaimg" sbom docker-archive:docker.tar --format cyclonedx
for name in $(jq -r '.[].name' wanted.json); do
	jq -e --arg n "$name" 'any(.components[]; .name == $n)' stdout >/dev/null || fail "a docker archive lacks $name"
done

say "conda-meta: what scanners decode"
# Go's decoders fail on the whole file where one field is of another type: syft's CondaMetaPackage, trivy's packageJSON.
python3 - rootfs wanted.json <<'PYTHON'
import json, os, re, sys
text = dict(name=1, version=1, build=1, channel=1, subdir=1, url=1, fn=1, arch=0, noarch=0, license=0, license_family=0, md5=0, sha256=0, extracted_package_dir=0)
number = dict(build_number=1, size=1, timestamp=0)
wanted, found = {w["name"]: w for w in json.load(open(sys.argv[2]))}, 0
for directory, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(directory, name)[len(sys.argv[1]) + 1:]
        syft = re.search(r"(^|/)conda-meta/[^/]*\.json$", path)
        trivy = re.search(r".*/envs/.+/conda-meta/.+-.+-.+\.json", path)
        assert bool(syft) == bool(trivy), (path, "one scanner takes it for a record, the other does not")
        if not syft:
            continue
        r = json.load(open(os.path.join(sys.argv[1], path)))
        for key, needed in text.items():
            assert isinstance(r.get(key, ""), str) and (r.get(key) or not needed), (path, key)
        for key, needed in number.items():
            assert type(r.get(key, 0)) is int and 0 <= r.get(key, 0) < 2 ** 63 and (key in r or not needed), (path, key)
        for key in "depends", "files":
            assert isinstance(r[key], list) and all(isinstance(x, str) for x in r[key]), (path, key)
        assert type(r["link"]["type"]) is int and isinstance(r["link"]["source"], str), path
        assert type(r["paths_data"]["paths_version"]) is int, path
        for p in r["paths_data"]["paths"]:
            assert all(isinstance(p.get(k, ""), str) for k in ("_path", "path_type", "sha256", "sha256_in_prefix")) and p["_path"], (path, p)
            assert type(p.get("size_in_bytes", 0)) is int, (path, p)
        w = wanted[r["name"]]
        assert (r["version"], r["build"], r["sha256"], r["url"]) == (w["version"], w["build"], w["sha256"], w["url"]), path
        found += 1
assert found == len(wanted) - 1, (found, len(wanted))  # the C library's package has no record
print(f"{found} records, as syft and trivy decode them")
PYTHON

say "the C library by its upstream name"
version=$(jq -r '.[] | select(.name == "sysroot_linux-64").version' wanted.json)
jq -e --arg v "$version" 'any(.components[]; .name == "glibc" and .version == $v and .cpe == "cpe:2.3:a:gnu:glibc:\($v):*:*:*:*:*:*:*")' image.cyclonedx >/dev/null ||
	fail "no glibc $version"

say "time"
SOURCE_DATE_EPOCH=1000000000 "$condaimg" sbom conda-lock.yml | jq -e '.creationInfo.created == "2001-09-09T01:46:40Z"' >/dev/null ||
	fail "SOURCE_DATE_EPOCH"
[ "$(jq -r .creationInfo.created image.spdx)" = "$("$condaimg" sbom conda-lock.yml | jq -r .creationInfo.created)" ] || fail "created"

if [ -d "$real_channel" ]; then
	say "real packages: licences of all kinds"
	mkdir real
	real_environment real/environment.yml
	expect_exit 0 "$condaimg" lock real/environment.yml --libc none --virtual-package __glibc=2.28
	wanted real/conda-lock.yml >wanted.json
	check real real/conda-lock.yml
	jq -r '.packages[].licenseDeclared' real.spdx | sort | uniq -c | sort -rn | head -n 5
fi

say "what is refused"
expect_exit 2 "$condaimg" sbom environment.yml
expect_stderr "environment.yml is an environment.*condaimg lock"
expect_exit 2 "$condaimg" sbom conda-lock.yml --format xml
expect_stderr "--format is 'xml', expected spdx or cyclonedx"
expect_exit 1 "$condaimg" sbom missing.yml
expect_stderr "missing.yml"
expect_exit 1 "$condaimg" sbom oci:nothing:here
expect_stderr "oci:nothing:here"
echo "ok"
