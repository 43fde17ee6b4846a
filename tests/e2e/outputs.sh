#!/bin/bash
# What is written never goes over what is read, nor an image over a file that is no archive; and one build has as many
# names and places as are said.
# Usage: outputs.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need jq python3
cat >make.py <<'PYTHON'
import importlib.util, sys
spec = importlib.util.spec_from_file_location("make_channel", sys.argv[1])
m = importlib.util.module_from_spec(spec)
spec.loader.exec_module(m)
c = m.Channel(sys.argv[2])
c.add("one", m.File("share/x", b"one"))
c.finish()
PYTHON
python3 make.py "$root/tests/e2e/make_channel.py" extra
printf 'channels: [%s]\ndependencies: [one]\n' "$work/extra" >environment.yml
printf 'env: {A: b}\n' >condaimg.yml
build() { "$condaimg" build environment.yml --libc none "$@"; }
expect_exit 0 "$condaimg" lock environment.yml --libc none
expect_exit 0 build -o oci-archive:image.tar:app
echo "code" >code.txt
ln -s environment.yml by-link.yml
ln environment.yml by-name.yml
echo "notes" >notes.txt
: >empty

refused() # COMMAND...: with exit code 2, and no file changed
{
	find . -type f ! -path './std*' ! -path './home/*' -exec sha256sum {} + | sort >before
	expect_exit 2 "$@"
	expect_stderr "is a file that is read here|and no archive|has one name"
	find . -type f ! -path './std*' ! -path './home/*' ! -name before -exec sha256sum {} + | sort >after
	diff <(grep -v ' ./before$' before) <(grep -v ' ./after$' after) || fail "$*: a file changed"
	rm -f before after
}
say "what is read is not written"
refused "$condaimg" lock environment.yml --lockfile environment.yml --libc none
refused "$condaimg" lock environment.yml --lockfile ./by-name.yml --libc none
refused "$condaimg" lock environment.yml --lockfile by-link.yml --libc none
refused "$condaimg" lock environment.yml --config condaimg.yml --lockfile condaimg.yml --libc none
refused "$condaimg" lock conda-lock.yml --format explicit --lockfile conda-lock.yml
for file in environment.yml by-name.yml conda-lock.yml; do
	refused build -o "oci-archive:$file"
	refused build -o "docker-archive:$file"
	refused "$condaimg" bundle environment.yml --libc none -o $file
done
refused "$condaimg" build conda-lock.yml --libc none --copy code.txt:/app/ -o oci-archive:code.txt
refused "$condaimg" build conda-lock.yml --base oci-archive:image.tar --prefix /opt/x -o oci-archive:image.tar
refused "$condaimg" sbom conda-lock.yml -o conda-lock.yml
refused "$condaimg" sbom oci-archive:image.tar -o image.tar
refused "$condaimg" inspect oci-archive:image.tar --html image.tar
refused "$condaimg" inspect oci-archive:image.tar --compare oci-archive:image.tar --html ./image.tar
refused "$condaimg" copy oci-archive:image.tar oci-archive:image.tar:other

say "an image goes over an archive, and over no other file"
refused build -o oci-archive:notes.txt
refused "$condaimg" copy oci-archive:image.tar docker-archive:notes.txt
expect_exit 0 build -o oci-archive:image.tar:app
expect_exit 0 build -o oci-archive:empty
expect_exit 0 "$condaimg" copy oci-archive:image.tar docker-archive:empty:app:1

say "results go through links, and into pipes"
ln -s linked.json link.json
echo x >linked.json
expect_exit 0 "$condaimg" sbom conda-lock.yml -o link.json
[ -L link.json ] && jq -e .spdxVersion linked.json >/dev/null || fail "the link was replaced: $(ls -l link.json)"
expect_exit 0 "$condaimg" sbom conda-lock.yml -o /dev/null
[ -c /dev/null ] || fail "/dev/null is a file now"

say "as many names as are said, of one build"
expect_exit 0 build -t a:1 -t b -t a:2 -t a:1 --json
jq -e '.image == "oci:a:1" and .places == ["oci:a:1", "oci:b", "oci:a:2"] and (has("pushed") | not)' stdout >/dev/null || fail "$(cat stdout)"
digest=$(jq -r .digest stdout)
for place in oci:a:1 oci:a:2 oci:b:latest; do
	[ "$("$condaimg" inspect $place --json | jq -r .digest)" = "$digest" ] || fail "$place is not that image"
done
expect_exit 0 build -t x:1 -t y:2 -o oci:names
[ "$(cat stdout)" = "oci:names:1@$digest
oci:names:2@$digest" ] || fail "$(cat stdout)"
[ "$(find names/blobs -type f | wc -l)" = "$(find b/blobs -type f | wc -l)" ] || fail "two names are two images"
expect_exit 0 build -t y:3 -o oci:names:said
[ "$(jq -c '[.manifests[].annotations["org.opencontainers.image.ref.name"]]' names/index.json)" = '["1","2","said","3"]' ] || fail "$(cat names/index.json)"
refused build -t x:1 -t y:2 -o oci-archive:image.tar
refused build -t x:1 -o oci-archive:image.tar:named
expect_exit 0 build -t x:1 -o docker-archive:docker.tar
[ "$(tar -xOf docker.tar manifest.json | jq -c '.[0].RepoTags')" = '["x:1"]' ] || fail "no name in the archive"
mkdir project
cp environment.yml project/
printf 'tag: [web:1, ./below:2]\nlibc: none\n' >project/condaimg.yml
expect_exit 0 "$condaimg" build project --json
jq -e '.places == ["oci:web:1", "oci:project/below:2"]' stdout >/dev/null || fail "$(cat stdout)"
expect_exit 0 "$condaimg" build project -t own:1 --json
jq -e '.places == ["oci:own:1"]' stdout >/dev/null || fail "$(cat stdout)"
echo "ok"
