#!/bin/bash
# From real packages: the solver picks what mamba picked, and the image's prefix is what mamba installed, file for file.
# Usage: real-tree.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need umoci zstd python3 jq
expected=$shared/expected/py37-requests
for file in "$expected.packages" "$expected.tree.zst" "$shared/tools/tree-manifest" "$real_channel/noarch"; do
	[ -e "$file" ] || skip "there is no $file"
done
export LC_ALL=C.UTF-8
real_environment environment.yml

# mamba's machine was one with glibc 2.28; the channel has no C library.
say "the lock: the same packages"
expect_exit 0 "$condaimg" lock environment.yml --libc none --virtual-package __glibc=2.28
"$condaimg" build environment.yml --libc none --virtual-package __glibc=2.28 --dry-run --json |
	jq -r '.packages[] | "\(.name)-\(.version)-\(.build)"' | sort >packages
sort "$expected.packages" | diff - packages || fail "other packages than mamba's"

say "the image: the same files, with both codecs"
expect_exit 0 "$condaimg" build conda-lock.yml --libc none -o oci:image:gzip
expect_result 'oci:image:gzip@sha256:[0-9a-f]{64}'
umoci unpack --rootless --image image:gzip bundle >umoci.log 2>&1 || fail "umoci: $(tail -n 3 umoci.log)"
python3 "$shared/tools/tree-manifest" bundle/rootfs/opt/conda/envs/default >tree
zstd -dcq "$expected.tree.zst" | grep -v '^#' >expected.tree
[ "$(wc -l <expected.tree)" -gt 10000 ] || fail "the expectation has only $(wc -l <expected.tree) lines"
diff expected.tree tree || fail "other files than mamba's"

# What umoci cannot unpack is compared as bytes.
expect_exit 0 "$condaimg" build conda-lock.yml --libc none --compression zstd -o oci:image:zstd
layers() # TAG
{
	local manifest
	manifest=$(jq -r --arg tag "$1" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $tag).digest' image/index.json)
	jq -r '.layers[].digest' "image/blobs/sha256/${manifest#*:}"
}
layers gzip >gzip.layers
layers zstd >zstd.layers
[ "$(wc -l <gzip.layers)" = "$(wc -l <zstd.layers)" ] || fail "codecs differ in the number of layers"
while read -r one other <&3; do
	[ "$(gzip -dc "image/blobs/sha256/${one#*:}" | sha256sum)" = "$(zstd -dcq "image/blobs/sha256/${other#*:}" | sha256sum)" ] ||
		fail "layer $one is not layer $other"
done 3< <(paste -d ' ' gzip.layers zstd.layers)

say "conda-meta: what conda and mamba read"
meta=bundle/rootfs/opt/conda/envs/default/conda-meta
(cd $meta && ls -- *.json) | sed 's/\.json$//' | sort | diff packages - || fail "conda-meta"
python3 - $meta <<'PYTHON'
import glob, hashlib, json, os, stat, sys

prefix = os.path.dirname(sys.argv[1])
owned = {}
for path in glob.glob(sys.argv[1] + "/*.json"):
    record = json.load(open(path))
    for key in "name version build build_number channel subdir fn url depends files paths_data link".split():
        assert key in record, (path, key)
    listed = {p["_path"] for p in record["paths_data"]["paths"]}
    assert set(record["files"]) <= listed or listed == set(record["files"]), path
    for p in record["paths_data"]["paths"]:
        owned.setdefault(p["_path"], []).append((path, p))
on_disk = set()
for directory, subdirs, files in os.walk(prefix):
    for name in files + [s for s in subdirs if os.path.islink(os.path.join(directory, s))]:
        on_disk.add(os.path.relpath(os.path.join(directory, name), prefix))
on_disk = {p for p in on_disk if not p.startswith("conda-meta/")}
lost = set(owned) - on_disk - {p for p in owned if p.endswith(".pyc")}
assert not lost, ("recorded, but not there", sorted(lost)[:10])
assert not on_disk - set(owned), ("there, but recorded by nobody", sorted(on_disk - set(owned))[:10])
checked = 0
for path, claims in owned.items():
    at = os.path.join(prefix, path)
    if path not in on_disk or os.path.islink(at) or len(claims) > 1:
        continue
    want = claims[0][1].get("sha256_in_prefix") or claims[0][1].get("sha256")
    if want:
        checked += 1
        got = hashlib.sha256(open(at, "rb").read()).hexdigest()
        assert got == want, (path, claims)
assert checked > 5000, checked
print(f"{len(owned)} paths recorded, {checked} hashes checked")
PYTHON
echo "ok"
