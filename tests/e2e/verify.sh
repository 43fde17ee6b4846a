#!/bin/bash
# verify says yes to what build made, and names package and path of whatever was tampered with.
# Usage: verify.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need python3 jq
embedded_channel
hello_environment environment.yml
prefix=/opt/conda/envs/default
expect_exit 0 "$condaimg" lock environment.yml
expect_exit 0 "$condaimg" build conda-lock.yml -o oci:good:app
digest=$(digest_of "$(cat stdout)")
packages=$("$condaimg" inspect oci:good:app --json | jq '[.layers[] | select(.part == "packages").packages[]] | length')

# verify IMAGE ...: with a cache that has nothing, so that the image's own records are all there is.
records() { "$condaimg" verify "$@" --cache-dir empty; }
# ... and against a build of the lock.
built() { "$condaimg" verify "$@" --lock conda-lock.yml; }

say "what was built is what it says"
expect_exit 0 records oci:good:app
expect_result "oci:good:app@$digest verified: $packages packages, [0-9]+ files"
files=$(sed 's/.*packages, \([0-9]*\) files/\1/' stdout)
[ "$files" -gt 1000 ] || fail "only $files files"
expect_exit 0 built oci:good:app
expect_result "oci:good:app@$digest verified: $packages packages, [0-9]+ files"
all=$(sed 's/.*packages, \([0-9]*\) files/\1/' stdout)
[ "$all" -gt "$files" ] || fail "a build has no more files than the records"
# The packages are in the cache: without a lock they are built, too.
expect_exit 0 "$condaimg" verify oci:good:app --json
jq -e --argjson n "$packages" '.verified and .packages == $n and .layers_rebuilt == .layers - 1 and .differences == []' stdout >/dev/null || fail "$(cat stdout)"
for place in oci-archive:good.tar:app docker-archive:docker.tar:app:1; do
	expect_exit 0 "$condaimg" build conda-lock.yml -o "$place"
	expect_exit 0 built "$place"
	expect_result "$place@sha256:[0-9a-f]{64} verified: $packages packages, $all files"
done
expect_exit 0 "$condaimg" build conda-lock.yml --compression zstd --layers 8 -o oci:zstd:app
expect_exit 0 built oci:zstd:app
expect_result "oci:zstd:app@sha256:[0-9a-f]{64} verified: $packages packages, $all files"

# A copy of the image with one change; how verify tells it: one line must match, and with "only" no other may be there.
tampered() # HOW WHICH REGEX OPERATION ARGUMENT...
{
	local how=$1 which=$2 want=$3

	shift 3
	rm -rf bad
	cp -r good bad
	python3 "$root/tests/e2e/tamper.py" bad "$@"
	case $which in
	records) expect_exit 4 records oci:bad:app ;;
	built) expect_exit 4 built oci:bad:app ;;
	cached) expect_exit 4 "$condaimg" verify oci:bad:app ;;
	esac
	grep -qxE -- "$want" stdout || fail "$*: no line '$want': $(cat stdout stderr)"
	[ "$how" = some ] || [ "$(wc -l <stdout)" = 1 ] || fail "$*: more than '$want': $(cat stdout)"
	expect_stderr "error: oci:bad:app@sha256:[0-9a-f]{64} is not what it says: [0-9]+ difference"
	[ "$(wc -l <stderr)" = 1 ] || fail "$*: chatter: $(cat stderr)"
	count=$((count + 1))
}
count=0
hex='sha256:[0-9a-f]{64}'
click="click-[0-9.]+-[a-z0-9_]+"
core=$prefix/lib/python3.11/site-packages/click/core.py

for which in records built; do
	say "tampered images, found by: $which"
	tampered only $which "$click: $core: is $hex, expected $hex" content click "${core#/}"
	tampered only $which "$click: $core: is $hex, expected $hex" grow click "${core#/}"
	tampered some $which "$click: $core: is missing, expected .*" remove click "${core#/}"
	tampered some $which "$click: $core: is a symlink, expected a file" link click "${core#/}"
	tampered only $which "layer [0-9]+ \($click\): $prefix/lib/evil.pth: is $hex, expected nothing: no package has it" add click "${prefix#/}/lib/evil.pth"
	tampered some $which "layer [0-9]+ \($click\): /etc/ld.so.preload: is $hex, expected nothing: no package has it" add click etc/ld.so.preload
	tampered only $which "$click: $core: is $hex, expected $hex" top "${core#/}"
	tampered only $which "layer [0-9]+: $prefix/lib/evil.pth: is $hex, expected nothing: no package has it" top "${prefix#/}/lib/evil.pth"
	tampered some $which "$click: $core: is $hex, expected $hex" disguise "${core#/}"
	tampered some $which "$click: is in layer [0-9]+, below the system files, expected above them" disguise etc/hosts
	tampered only $which "$click: $core: is missing, expected $hex" whiteout "${core#/}"
	tampered some $which "$click: is missing, expected: conda-meta/history says it was installed" drop click
	tampered some $which "$click: $prefix/conda-meta/$click.json: is missing, expected in layer [0-9]+, which names it" unrecord click
	tampered some $which "layer [0-9]+ \($click\): its tar is $hex, expected sha256:0{64}, as the config says" diffid click
	for at in 0.02 0.5 0.97; do
		tampered only $which "layer [0-9]+ \($click\): (/.*: )?the blob: is $hex, expected $hex.*" flip click $at
	done
	tampered only $which "layer [0-9]+ \($click\): $prefix/conda-meta/licenses/jq/evil: is $hex, expected nothing: no package has it" \
		add click "${prefix#/}/conda-meta/licenses/jq/evil"
	# Whatever the layer holds: one line, and the others are still compared.
	for part in sysroot_linux-64 python ca-certificates system environment; do
		tampered only $which "layer [0-9]+ \(.*\): (/.*: )?the blob: is $hex, expected $hex.*" flip $part 0.5
	done
done

say "what only a build finds"
"$condaimg" export-rootfs oci:good:app rootfs >/dev/null
text=/$(cd rootfs && find "${prefix#/}/conda-meta/licenses/click" -type f | LC_ALL=C sort | head -n 1)
[ "$text" != / ] || fail "click has no licence text"
rm -rf rootfs
for which in built cached; do
	tampered some $which "$click: $core: is $hex, expected $hex" forge click "${core#/}"
	tampered only $which "$click: $core: has mode 0755, expected 0644" chmod click "${core#/}"
	tampered only $which "$click: $text: is $hex, expected $hex" content click "${text#/}"
	tampered only $which "layer [0-9]+ \($click\): $prefix/conda-meta/licenses/click/more: is $hex, expected nothing: no package has it" \
		add click "${prefix#/}/conda-meta/licenses/click/more"
	tampered only $which "layer [0-9]+ \($click\): is $hex as a tar, expected $hex: the files are the same, their times, owners or order are not" retime click
	tampered only $which "layer [0-9]+ \(system\): /etc/passwd: is $hex, expected $hex" content system etc/passwd
	tampered only $which "layer [0-9]+ \(sysroot_linux-64-.*\): /lib64/libc.so.6: is $hex, expected $hex" content libc lib64/libc.so.6
done
tampered some built "$click: is missing, expected: the lock has it" forget click
tampered only built "layer [0-9]+ \(environment\): $prefix/conda-meta/history: is $hex, expected $hex" content environment "${prefix#/}/conda-meta/history"

say "another lock"
grep -v jq environment.yml >less.yml
expect_exit 0 "$condaimg" lock less.yml --lockfile less-lock.yml
expect_exit 4 "$condaimg" verify oci:good:app --lock less-lock.yml
grep -qE "^jq-.*: is in the image, expected nothing: the lock does not have it$" stdout || fail "$(cat stdout)"
expect_exit 2 "$condaimg" verify oci:good:app --lock environment.yml
expect_stderr "is no lock"

say "what cannot be read"
rm -rf bad
cp -r good bad
manifest=$(jq -r '.manifests[0].digest' bad/index.json)
printf ' ' >>"bad/blobs/sha256/${manifest#*:}"
expect_exit 4 records oci:bad:app
expect_exit 1 records oci:nothing:here
echo "$count tampered images found; $packages packages, $all files"
echo "ok"
