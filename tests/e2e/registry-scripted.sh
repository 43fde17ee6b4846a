#!/bin/bash
# Against a registry that answers as it is told: every rare answer of the distribution spec.
# Usage: registry-scripted.sh CONDAIMG REGISTRY_TOOL
tool=$(realpath "${2:?the registry tool is missing}")
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need python3 jq
kit=$root/tests/e2e/registry_kit.py
pids=()

tidy()
{
	local pid

	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
}

serve() # MOODS
{
	rm -f port
	: >log
	python3 "$kit" scripted port log "$1" 2>server.log &
	pids+=($!)
	for _ in $(seq 100); do [ -e port ] && break; sleep 0.05; done
	read -r port other <port || fail "the registry does not start: $(cat server.log)"
	host=127.0.0.1:$port
}

count() # JQ_FILTER
{
	jq -s "[.[] | select($1)] | length" log
}

sent() # JQ_FILTER: bytes of uploads
{
	jq -s "[.[] | select(.path | test(\"uploads/\")) | select($1) | .bytes] | add // 0" log
}

image=$(python3 "$kit" layout image 1 5000000 30000 30000 1000)
python3 "$kit" layout small 1 2000 >/dev/null
small=$(jq -r '.manifests[0].digest' small/index.json)
blob_bytes=$(find image/blobs -type f -exec cat {} + | wc -c)
manifest_bytes=$(stat -c %s "image/blobs/sha256/${image#*:}")
blob_bytes=$((blob_bytes - manifest_bytes))
big=$(find image/blobs -size +1000k -printf 'sha256:%f')

same() # LAYOUT: has the blobs of image
{
	(cd image/blobs/sha256 && sha256sum -- *) >want
	(cd "$1/blobs/sha256" && sha256sum -- *) | diff want - || fail "$1 is not the image"
}

push_image()
{
	expect_exit 0 "$condaimg" push oci:image:1 "$host/app:1"
	[ "$(cat stdout)" = "docker://$host/app:1@$image" ] || fail "the result is $(cat stdout)"
}

pull_image()
{
	rm -rf back
	expect_exit 0 "$condaimg" pull "$host/app:1" oci:back
	same back
}

say "a plain push: every blob once, the manifest last, to the byte"
serve '{}'
push_image
[ "$(sent true)" = "$blob_bytes" ] || fail "$(sent true) bytes went up, expected $blob_bytes"
[ "$(count '.method == "PUT" and (.path | test("uploads"))')" = 5 ] || fail "not one PUT a blob"
[ "$(jq -sr '.[-1] | .method + " " + .path' log)" = "PUT /v2/app/manifests/1" ] || fail "the manifest is not last"
pull_image
: >log
push_image
[ "$(count '.method != "HEAD" and .path != "/v2/"')" = 0 ] || fail "an unchanged image: $(cat log)"
expect_exit 0 "$condaimg" push oci:small:1 "$host/app:two" --json
[ "$(jq -c '[.blobs_uploaded, .blobs_there]' stdout)" = '[2,0]' ] || fail "$(cat stdout)"
expect_exit 0 "$tool" tags "$host/app"
[ "$(tr '\n' ' ' <stdout)" = "1 two " ] || fail "tags: $(cat stdout)"
expect_exit 0 "$condaimg" copy "docker://$host/app@$image" "docker://$host/again:1"
[ "$(cat stdout)" = "docker://$host/again:1@$image" ] || fail "$(cat stdout)"
[ "$(count '.status == 201 and .method == "POST"')" = 5 ] || fail "a copy within a registry is not mounted"
[ "$(jq -s '[.[] | select(.path | test("^/v2/again/.*uploads/")) | .bytes] | add' log)" = 0 ] || fail "mounted blobs are sent"
expect_exit 0 "$condaimg" push oci:image:1 "$host/app@$image"
expect_exit 2 "$condaimg" push oci:image:1 "$host/app@$small"
expect_stderr 'cannot be pushed as another digest'
expect_exit 1 "$condaimg" pull "$host/none:1" oci:none
expect_stderr "has no image '1'"
[ ! -e none ] || fail "a failure leaves a layout behind"

say "content discovery: blobs that the registry has anywhere"
serve '{"mount": "any"}'
push_image
expect_exit 0 "$condaimg" push oci:image:1 "$host/other:1" --json
[ "$(jq -c '[.blobs_uploaded, .blobs_mounted]' stdout)" = '[0,5]' ] || fail "$(cat stdout)"

say "202 to every mount; relative and foreign Locations"
serve '{"mount": false, "relative": true}'
push_image
expect_exit 0 "$condaimg" copy "docker://$host/app:1" "docker://$host/again:1" --json
[ "$(jq -c '[.blobs_uploaded, .blobs_mounted]' stdout)" = '[5,0]' ] || fail "$(cat stdout)"
expect_exit 0 "$tool" mount "$host/third" "$big" 5 app
[ "$(cat stdout)" = no ] || fail "a mount that was refused"
[ "$(count '.method == "DELETE" and .status == 204')" = 1 ] || fail "the session of a refused mount stays open"
serve '{"foreign": true, "token_life": 100}'
push_image
[ "$(count ".port == $other and .method == \"PUT\"")" = 5 ] || fail "uploads did not go to the other host"
[ "$(count ".port == $other and .auth != \"\"")" = 0 ] || fail "a token went to another host"

say "redirects of blobs: without Authorization, and their signature is told nowhere"
serve '{"redirect": true, "token_life": 100}'
push_image
rm -rf back
expect_exit 0 "$condaimg" pull "$host/app:1" oci:back -v
same back
[ "$(count ".port == $other and .status == 200")" = 5 ] || fail "blobs did not come from the other host"
[ "$(count ".port == $other and .auth != \"\"")" = 0 ] || fail "a token went to another host"
grep -qE 'verysecret|token-[0-9]' stderr && fail "a secret in the log: $(grep -E 'verysecret|token-[0-9]' stderr)"

say "a blob that is cut goes on where it was, up and down"
serve '{"cut": 2000000, "cut_times": 1}'
push_image
[ "$(sent true)" = "$blob_bytes" ] || fail "$(sent true) bytes went up, expected $blob_bytes"
[ "$(count '.method == "PATCH"')" = 1 ] || fail "it did not go on"
pull_image
serve '{"cut": 2000000, "cut_times": 1, "forget": true}'
push_image
pull_image
serve '{"down_cut": 1500000, "down_times": 2}'
push_image
pull_image
[ "$(count '.status == 206')" = 2 ] || fail "it did not go on: $(cat log)"
serve '{"down_cut": 1500000, "down_times": 1, "range": false}'
push_image
pull_image

say "413, smaller pieces and their least size, 416"
serve '{"too_large": 2000000}'
push_image
[ "$(jq -s '[.[] | select(.status == 202) | .bytes] | max' log)" -le 2000000 ] || fail "pieces are too large"
pull_image
serve '{"too_large": 2500000, "chunk_min": 2200000, "strict": true, "cut": 100000, "cut_times": 1}'
push_image
pull_image
serve '{"too_large": 1000}'
expect_exit 1 "$condaimg" push oci:image:1 "$host/app:1"
expect_stderr 'too large to be sent at once'
serve '{"chunk_min": 9000000, "strict": true}'
expect_exit 0 "$tool" stream "$host/app" 20000000
read -r digest size <stdout
[ "$size" = 20000000 ] || fail "$(cat stdout)"
expect_exit 0 "$tool" has "$host/app" "$digest" "$size"
[ "$(cat stdout)" = yes ] || fail "a streamed blob is not there"
serve '{"cut": 3000000, "cut_times": 2}'
expect_exit 0 "$tool" stream "$host/app" 20000000
[ "$(cat stdout)" = "$digest $size" ] || fail "$(cat stdout)"
[ "$(sent true)" = 20000000 ] || fail "$(sent true) bytes went up"

say "429 and 5xx pass; Retry-After counts; what does not pass is told"
serve '{"busy": 3, "busy_status": 429, "retry_after": 1}'
before=$(date +%s)
push_image
[ $(($(date +%s) - before)) -ge 1 ] || fail "Retry-After was not waited for"
serve '{"busy": 2, "busy_status": 503}'
push_image
serve '{"busy": 1000, "busy_status": 429, "retry_after": 100000}'
expect_exit 1 "$condaimg" push oci:image:1 "$host/app:1"
expect_stderr 'answers 429'

say "tokens that run out on the way"
serve '{"token_life": 5}'
push_image
[ "$(count '.path == "/token" or (.path | startswith("/token?"))')" -ge 3 ] || fail "no new token"
grep -q 'scope=repository%3Aapp%3Apull%2Cpush' log || fail "the scope: $(grep token log | head -n 1)"
pull_image

say "lies are refused, and leave nothing behind"
for lie in blob short endless; do
	serve "{\"lie\": \"$lie\"}"
	push_image
	rm -rf back
	want=4
	[ $lie = short ] && want=1
	expect_exit $want timeout 20 "$condaimg" pull "$host/app:1" oci:back
	[ ! -e back ] || fail "$lie: something was left"
done
serve '{"lie": "manifest"}'
push_image
rm -rf back
expect_exit 4 "$condaimg" pull "$host/app:1" oci:back
expect_stderr 'expected sha256'
serve '{"lie": "head"}'
push_image # blobs of another size are not believed: sent again
expect_exit 0 "$condaimg" push oci:image:1 "$host/app:1" --json
[ "$(jq .blobs_uploaded stdout)" = 5 ] || fail "$(cat stdout)"
serve '{"digest_invalid": true}'
expect_exit 4 "$condaimg" push oci:image:1 "$host/app:1"
expect_stderr 'DIGEST_INVALID'

say "a blob that breaks on the way up is told, and is not there"
cp -r image broken
big_file=broken/blobs/sha256/${big#*:}
printf 'xxxxxxxx' | dd of="$big_file" bs=1 seek=4000000 conv=notrunc status=none
serve '{}'
expect_exit 4 "$condaimg" push oci:broken:1 "$host/app:1"
expect_stderr 'layer 1 of 4' "${big#*:}"
expect_exit 0 "$tool" has "$host/app" "$big" "$(stat -c %s "$big_file")"
[ "$(cat stdout)" = no ] || fail "a broken blob is there"
[ "$(count '.path | test("manifests/1") and .status == 201')" = 0 ] || fail "a broken image has a tag"

say "warnings are shown once"
serve '{"warning": "your quota \\\"is\\\" nearly full"}'
expect_exit 0 "$condaimg" push oci:image:1 "$host/app:1"
[ "$(grep -c 'nearly full' stderr)" = 1 ] || fail "warnings: $(cat stderr)"

say "referrers: with the API, and with the tag"
for api in true false; do
	serve "{\"referrers\": $api, \"page\": 1}"
	push_image
	for type in application/a application/b application/a; do
		expect_exit 0 "$tool" attach "$host/app" "$image" $type "text $RANDOM"
		[ "$(cat stdout)" = "$([ $api = true ] && echo known || echo added)" ] || fail "$(cat stdout)"
	done
	expect_exit 0 "$tool" referrers "$host/app" "$image"
	[ "$(wc -l <stdout)" = 3 ] || fail "referrers: $(cat stdout)"
	expect_exit 0 "$tool" referrers "$host/app" "$image" application/a
	[ "$(wc -l <stdout)" = 2 ] || fail "referrers of a type: $(cat stdout)"
	expect_exit 0 "$tool" referrers "$host/app" "$small"
	[ ! -s stdout ] || fail "referrers of something else: $(cat stdout)"
	expect_exit 0 "$tool" tags "$host/app"
	[ "$(wc -l <stdout)" = "$([ $api = true ] && echo 1 || echo 2)" ] || fail "tags: $(cat stdout)"
done
echo "ok"
