#!/bin/bash
# condaimg inspect --html: the page tells all of an image and nothing but it, in a real browser, on a phone and a desk,
# with a keyboard, and to a linter of accessibility (axe-core, fetched once into the cache by npm).
# HTML_SHOTS names a directory for pictures of the pages. Usage: html.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need python3 jq
python3 -c 'import yaml' 2>/dev/null || skip "there is no python3-yaml"
here=$root/tests/e2e
mkdir pages

say "the page of an image whose files are known"
for name in plain other hostile many; do
	python3 "$here/html_image.py" $name $name
	mv $name/wanted.json pages/$name.json
done
expect_exit 0 "$condaimg" inspect oci:plain --compare oci:other --html pages/plain.html
expect_result 'pages/plain.html'
jq --slurpfile o pages/other.json '.known = [.layers[].digest as $d | any($o[0].layers[]; .digest == $d)]' pages/plain.json >known.json
mv known.json pages/plain.json
rm pages/other.json
for name in hostile many; do
	expect_exit 0 "$condaimg" inspect oci:$name --html pages/$name.html
	expect_result "pages/$name.html"
done

say "the same bytes every time, and to stdout"
expect_exit 0 env TZ=Asia/Tokyo LC_ALL=C.UTF-8 "$condaimg" inspect oci:plain --compare oci:other --html -
cmp stdout pages/plain.html || fail "another page the second time"

say "361 packages, 100,000 files: not more than 2 MB"
[ "$(jq .files pages/many.json)" -ge 100000 ] || fail "the image is too small"
[ "$(wc -c <pages/many.html)" -lt 2000000 ] || fail "the page has $(wc -c <pages/many.html) bytes"

say "the same as data"
expect_exit 0 "$condaimg" inspect oci:plain --compare oci:other --compare oci:other --json --html page.html
jq -e --slurpfile w pages/plain.json '
	.html == "page.html" and (.compared | length) == 2 and
	.push == ([$w[0] | .layers, .known] | transpose | map(select(.[1] | not) | .[0].size) | {layers: length, size: add}) and
	([.layers[].shared_with | length > 0] == $w[0].known)' stdout >/dev/null || fail "inspect --compare --json: $(cat stdout)"
expect_exit 0 "$condaimg" inspect oci:plain --compare oci:other
grep -q '^a push to where it is: 3 of 9 layers' stdout || fail "inspect --compare: $(tail -n 3 stdout)"

say "what is refused"
expect_exit 2 "$condaimg" inspect oci:plain --html - --json
expect_stderr "both write to stdout"
expect_exit 1 "$condaimg" inspect oci:plain --compare oci:nothing --html page2.html
expect_stderr "--compare oci:nothing"
[ ! -e page2.html ] || fail "a page was written"
expect_exit 1 "$condaimg" inspect oci:plain --html nowhere/page.html
expect_stderr "nowhere"

say "a real image"
embedded_channel
hello_environment environment.yml
expect_exit 0 "$condaimg" lock environment.yml
expect_exit 0 "$condaimg" build environment.yml -o oci:hello:1
expect_exit 0 "$condaimg" inspect oci:hello:1 --html pages/hello.html
python3 - >pages/hello.json <<'PYTHON'
import json, yaml
blob = lambda d: json.load(open("hello/blobs/sha256/" + d.split(":")[1]))
manifest = blob(json.load(open("hello/index.json"))["manifests"][0]["digest"])
packages = [{"name": p["name"], "version": p["version"]} for p in yaml.safe_load(open("conda-lock.yml"))["package"]]
layers = [{"size": l["size"], "digest": l["digest"],
           "packages": [d.rsplit("-", 2)[0] for d in l["annotations"].get("io.condaimg.packages", "").split(",") if d]}
          for l in manifest["layers"]]
json.dump({"layers": layers, "packages": packages}, __import__("sys").stdout)
PYTHON

command -v chromium >/dev/null || skip "everything but the browser passed: there is no chromium"
axe=
cache=${CONDAIMG_TEST_CACHE:-${CONDAIMG_BUILD_ROOT:-$root/build}}/npm-$(sha256sum <"$here/html/package-lock.json" | cut -c1-12)
if [ ! -e "$cache" ] && command -v npm >/dev/null; then
	cp -r "$here/html" npm
	if (cd npm && npm ci --ignore-scripts --no-audit --no-fund >"$work/npm.log" 2>&1); then
		mkdir -p "$(dirname "$cache")"
		mv -T npm "$cache" 2>/dev/null || true
	fi
fi
[ ! -e "$cache" ] || axe=$cache/node_modules/axe-core/axe.min.js

say "in a browser"
python3 "$here/html_check.py" "$axe" pages ${HTML_SHOTS:+"$HTML_SHOTS"} || fail "the page is not what it should be"
[ -n "$axe" ] || skip "everything but axe-core passed: npm did not bring it: $(tail -n 1 npm.log 2>/dev/null)"
echo "ok"
