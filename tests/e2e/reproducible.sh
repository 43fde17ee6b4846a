#!/bin/bash
# One lock, one digest: whoever builds it, where, when, and with what in the cache.
# Usage: reproducible.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need jq
embedded_channel
mkdir project elsewhere open
chmod 777 open
# For users who may not read the build folder.
install -m 755 "$condaimg" program
program=$work/program

# Runs a command; the digest it prints is the digest, and the archive it writes is the archive.
same() # WHAT FILE COMMAND...
{
	local what=$1 file=$2 got

	shift 2
	got=$("$@" 2>stderr) || fail "$what: $(cat stderr)"
	grep -v "needs lib.*, which nothing in the image has" stderr >chatter && fail "$what says $(cat chatter)"
	rm -f chatter
	got=$(digest_of "$got")
	[ -n "$want" ] || want=$got
	[ "$got" = "$want" ] || fail "$what: $got, expected $want"
	if [ -n "$file" ]; then
		[ -e first.archive ] || cp "$file" first.archive
		cmp "$file" first.archive || fail "$what: another archive"
		rm -f "$file"
	fi
	echo "$what: same"
}

# Every circumstance for one environment in project/, with one codec.
vary() # CODEC
{
	local lock=$work/project/conda-lock.yml env=$work/project/environment.yml c=$1 build

	want=
	build=("$program" build --compression "$c" --cache-dir "$work/cache")
	rm -rf cache home/.cache first.archive
	same "cold" x.tar "${build[@]}" "$lock" -o oci-archive:x.tar:app
	same "warm" x.tar "${build[@]}" "$lock" -o oci-archive:x.tar:app
	same "warm, offline" x.tar "${build[@]}" --offline "$lock" -o oci-archive:x.tar:app
	same "as a directory" "" "${build[@]}" "$lock" -o oci:layout:app
	same "under another tag" "" "${build[@]}" "$lock" -o oci:layout:other
	same "a layer lost from the cache" x.tar lose_a_layer "${build[@]}" "$lock" -o oci-archive:x.tar:app
	same "from the environment, with its lock" x.tar "${build[@]}" "$env" -o oci-archive:x.tar:app
	same "TZ" x.tar env TZ=Asia/Kathmandu "${build[@]}" "$lock" -o oci-archive:x.tar:app
	same "LC_ALL=C.UTF-8" x.tar env LC_ALL=C.UTF-8 LANG=C.UTF-8 "${build[@]}" "$lock" -o oci-archive:x.tar:app
	same "LC_ALL=C" x.tar env LC_ALL=C LANG=tr_TR.UTF-8 "${build[@]}" "$lock" -o oci-archive:x.tar:app
	same "umask 000" x.tar umasked 000 "${build[@]}" "$lock" -o oci-archive:x.tar:app
	same "umask 077" x.tar umasked 077 "${build[@]}" "$lock" -o oci-archive:x.tar:app
	same "another directory" x.tar inside elsewhere "${build[@]}" ../project/conda-lock.yml -o oci-archive:../x.tar:app
	same "no environment at all" x.tar env -i "${build[@]}" "$lock" -o oci-archive:x.tar:app
	build=("$program" build --compression "$c")
	same "cold, umask 077, TZ, locale, -j1, elsewhere" x.tar umasked 077 inside elsewhere env TZ=America/St_Johns \
		LC_ALL=C.UTF-8 "${build[@]}" -j1 --cache-dir ../cache1 ../project/conda-lock.yml -o oci-archive:../x.tar:app
	[ $many = no ] || same "cold, umask 000, -j2" x.tar umasked 000 "${build[@]}" -j2 --cache-dir cache2 "$lock" -o oci-archive:x.tar:app
	[ $many = no ] || same "cold, -j5, no HOME" x.tar env -u HOME "${build[@]}" -j5 --cache-dir cache5 "$lock" -o oci-archive:x.tar:app
	rm -f project/conda-lock.yml
	same "solved afresh" x.tar "${build[@]}" --cache-dir cache1 "$env" -o oci-archive:x.tar:app
	cp lock project/conda-lock.yml
	if [ $many = yes ] && [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
		mkdir -p open/home && chown 65534:65534 open/home
		same "another user, cold" open/x.tar setpriv --reuid=65534 --regid=65534 --clear-groups \
			env HOME="$work/open/home" TMPDIR=/nonexistent "${build[@]}" "$lock" -o "oci-archive:$work/open/x.tar:app"
		[ -d open/home/.cache/condaimg ] || fail "another user's cache is not in his HOME"
	fi
	if [ "$c" = gzip ]; then
		rm first.archive
		same "docker-archive" x.tar "${build[@]}" --cache-dir cache1 "$lock" -o docker-archive:x.tar:app:1
		same "docker-archive, other circumstances" x.tar umasked 077 inside elsewhere env TZ=Asia/Tokyo LC_ALL=C.UTF-8 \
			"${build[@]}" -j1 --cache-dir ../cache "$lock" -o docker-archive:../x.tar:app:1
	fi
	rm -rf cache cache1 cache2 cache5 open/home layout first.archive
}

umasked() # UMASK COMMAND...
{
	(
		umask "$1"
		shift
		"$@"
	)
}

inside() # DIRECTORY COMMAND...
{
	(
		cd "$1"
		shift
		"$@"
	)
}

lose_a_layer() # COMMAND...
{
	local victim

	victim=$(find cache/layers/blobs/sha256 -type f | LC_ALL=C sort | head -n 1)
	rm -f "$victim"
	"$@"
}

# The lock, too, is the same wherever it is made.
vary_lock()
{
	local file

	$program lock project/environment.yml --cache-dir lockcache >/dev/null
	cp project/conda-lock.yml lock
	(umask 077 && cd elsewhere && env TZ=Asia/Tokyo LC_ALL=C.UTF-8 "$program" lock ../project/environment.yml --cache-dir ../lockcache2 \
		--lockfile ../project/other.yml >/dev/null)
	cmp lock project/other.yml || fail "another lock"
	rm project/other.yml
	[ "$(stat -c %a project/conda-lock.yml)" = 644 ] || fail "mode of the lock"
	for file in lockcache lockcache2; do rm -rf "$file"; done
	echo "the lock: same"
}

say "a channel of Debian's packages"
hello_environment project/environment.yml
many=yes
vary_lock
for codec in gzip zstd; do
	say "... $codec"
	vary $codec
	many=no # what varies around a build does not reach the codec; it is varied once
done

say "SOURCE_DATE_EPOCH changes created, and nothing else"
build=("$program" build project/conda-lock.yml --cache-dir cache -o)
"${build[@]}" oci:epoch:none >none
SOURCE_DATE_EPOCH=1000000000 "${build[@]}" oci:epoch:one >one
SOURCE_DATE_EPOCH=1000000000 TZ=Asia/Tokyo "${build[@]}" oci:epoch:again >again
[ "$(digest_of "$(cat one)")" = "$(digest_of "$(cat again)")" ] || fail "two digests of one epoch"
blob() { cat "epoch/blobs/sha256/${1#*:}"; }
manifest() { blob "$(digest_of "$(cat "$1")")"; }
config() { blob "$(manifest "$1" | jq -r .config.digest)"; }
[ "$(config one | jq -r .created)" = 2001-09-09T01:46:40Z ] || fail "created: $(config one | jq -r .created)"
[ "$(config one | jq -r '.history[].created' | sort -u)" = 2001-09-09T01:46:40Z ] || fail "created of the history"
[ "$(manifest one | jq -r '.annotations["org.opencontainers.image.created"]')" = 2001-09-09T01:46:40Z ] || fail "annotation"
for image in none one; do
	config $image | jq 'del(.created, .history[].created)' >$image.config
	manifest $image | jq 'del(.config, .annotations["org.opencontainers.image.created"])' >$image.manifest
done
cmp none.config one.config || fail "the config has more than another created"
cmp none.manifest one.manifest || fail "the manifest has more than another created"
rm -rf cache epoch

if [ -d "$real_channel" ]; then
	say "a channel of real packages"
	rm -f project/conda-lock.yml
	real_environment project/environment.yml
	sed -i "s|^dependencies|  - $channel\n&|" project/environment.yml
	vary_lock
	say "... zstd"
	vary zstd
else
	echo "without real packages: there is no $real_channel"
fi
echo "ok"
