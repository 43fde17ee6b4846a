#!/usr/bin/env bash
# Builds that are killed at a hundred moments, and eight builds at once, each time on one cache and from a real server:
# the image is always the same, nobody has to clean up, and no file is fetched twice by those who work at once.
. "$(dirname "$0")/lib.sh"

PATH=$PATH:/usr/sbin
# shellcheck source=tests/e2e/servers.sh
. "$root/tests/e2e/servers.sh"
need nginx sha256sum
unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY || true
embedded_channel

port=$(free_port)
serve_nginx "$port" <<END
access_log $work/access.log;
server {
	listen 127.0.0.1:$port; root $channel;
	location /slowly/ { alias $channel/; limit_rate 300k; }
}
END

environment() # PLACE PACKAGE...
{
	local place=$1

	shift
	printf 'name: small\nchannels: [http://127.0.0.1:%s/%s]\ndependencies:\n' "$port" "$place"
	printf '  - %s\n' "$@"
}

# A shell becomes it, so that what is killed is the program, and not a shell that waits for it: (build ...), or build ... &.
build() # CACHE OUTPUT
{
	exec "$condaimg" build environment.yml --override-channels -c "$base" --libc none --virtual-package __glibc=2.36 \
		--link-scripts ignore -o "oci:$2" --cache-dir "$1" -q -j 2
}

say "eight builds at once on one cache"
base=http://127.0.0.1:$port/slowly
environment slowly jq ncurses readline libxcrypt libsqlite liblzma libexpat bzip2 libuuid >environment.yml
jobs=()
for i in 1 2 3 4 5 6 7 8; do
	build cache "out$i" >"result$i" 2>"said$i" &
	jobs+=($!)
done
for i in 1 2 3 4 5 6 7 8; do
	wait "${jobs[i - 1]}" || fail "build $i: $(cat "said$i")"
	[ "$(digest_of "$(cat "result$i")")" = "$(digest_of "$(cat result1)")" ] || fail "build $i made another image"
done
twice=$(grep -oE 'GET [^ ]*\.(conda|tar\.bz2) ' access.log | sort | uniq -d)
[ -z "$twice" ] || fail "fetched more than once: $twice"
[ "$(grep -cE 'GET [^ ]*\.(conda|tar\.bz2) ' access.log)" -ge 9 ] || fail "nothing was fetched"
[ -z "$(ls -A cache/packages/part)" ] || fail "left over: $(ls -A cache/packages/part)"
(build alone out9) >result9
[ "$(digest_of "$(cat result9)")" = "$(digest_of "$(cat result1)")" ] || fail "alone it is another image"

say "a hundred builds that are killed"
base=http://127.0.0.1:$port
environment "" oniguruma jq ncurses readline libxcrypt >environment.yml
took=
for i in 1 2 3; do
	begin=$(date +%s%N)
	(build "whole$i" "whole-out$i") >result
	now=$((($(date +%s%N) - begin) / 1000000))
	[ -n "$took" ] && [ "$took" -lt "$now" ] || took=$now
done
want=$(digest_of "$(cat result)")
RANDOM=20261121
# How far it was: what is there that would not be, had it not come so far.
stage()
{
	if [ -e image/index.json ]; then echo tagged
	elif [ -e image ]; then echo writing
	elif [ -n "$(ls -A cache2/layers/recipes 2>/dev/null)" ]; then echo layers
	elif [ -n "$(ls -A cache2/packages/sha256 2>/dev/null)" ]; then echo packages
	elif [ -n "$(ls -A cache2/packages/part cache2/repodata 2>/dev/null)" ]; then echo fetching
	else echo begun; fi
}
# Waits until the image is being written, and a moment longer.
until_image()
{
	while [ ! -e image ] && kill -0 "$pid" 2>/dev/null; do :; done
	sleep "0.00$((RANDOM % 10))"
}
killed=0 tries=0
: >stages
# The cache and the image stay for some kills, so that later ones meet what earlier ones left; then all begins anew.
while [ $killed -lt 100 ] && [ $tries -lt 300 ]; do
	tries=$((tries + 1))
	moment=$((RANDOM % took))
	build cache2 image >result 2>said &
	pid=$!
	if [ $((tries % 5)) = 0 ]; then until_image; else sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"; fi
	program=$(readlink "/proc/$pid/exe" 2>/dev/null || true)
	if kill -9 "$pid" 2>/dev/null && [ "$program" = "$condaimg" ]; then
		killed=$((killed + 1))
		stage >>stages
	fi
	wait "$pid" 2>/dev/null || true
	[ ! -s said ] || fail "after kill $killed: $(cat said)"
	[ $((tries % 4)) = 0 ] || continue
	(build cache2 image) >result 2>said || fail "after kill $killed: $(cat said)"
	[ "$(digest_of "$(cat result)")" = "$want" ] || fail "after kill $killed: another image: $(cat result), expected $want"
	# what is in the image and in the cache is what it is called
	for blob in image/blobs/sha256/* cache2/packages/sha256/*; do
		[ "$(sha256sum <"$blob" | cut -d' ' -f1)" = "${blob##*/}" ] || fail "after kill $killed: $blob is something else"
	done
	[ -z "$(ls -A cache2/packages/part 2>/dev/null)" ] || fail "after kill $killed: $(ls -A cache2/packages/part)"
	rm -rf cache2 image
done
sort stages | uniq -c
[ $killed = 100 ] || fail "only $killed of $tries were killed in time"
for where in fetching packages layers writing; do
	grep -qx $where stages || fail "none was killed while $where"
done
echo "ok: $killed killed of $tries, of builds of $took ms"
