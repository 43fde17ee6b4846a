#!/usr/bin/env bash
# Channels and downloads against a real nginx on loopback: conditional requests, login, tokens, redirects, rate
# limits, a server that is cut off. nginx.sh FETCH_TOOL. Needs nginx, curl, zstd. 77 = skipped.
tool=$(readlink -f "${1:?the fetch tool is missing}")
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/servers.sh
. "$root/tests/e2e/servers.sh"
set -o pipefail
need nginx zstd openssl

say "a channel"
mkdir -p www/ch/{noarch,linux-64}
record() { # NAME DEPENDS
	head -c "$((RANDOM * 40 + 1))" /dev/urandom >"www/ch/$subdir/$1-1-0.conda"
	printf '"%s-1-0.conda":{"name":"%s","version":"1","build":"0","build_number":0,"depends":[%s],"size":%s,"sha256":"%s"}' \
		"$1" "$1" "${2:-}" "$(stat -c %s "www/ch/$subdir/$1-1-0.conda")" \
		"$(sha256sum <"www/ch/$subdir/$1-1-0.conda" | cut -d' ' -f1)"
}
subdir=linux-64
{ echo '{"packages.conda":{'; record app '"lib >=1","x-1"'; echo ,; record lib '"data"'; echo '}}'; } >www/ch/linux-64/repodata.json
zstd -q www/ch/linux-64/repodata.json
subdir=noarch
{ echo '{"packages.conda":{'; record data; echo ,; record other; for i in $(seq 20); do echo ,; record "many$i"; done; echo '}}'
} >www/ch/noarch/repodata.json
printf 'user:%s\n' "$(openssl passwd -apr1 sesame 2>/dev/null || true)" >passwd

port=$(free_port)
serve_nginx "$port" <<END
access_log $work/access.log;
gzip on; gzip_types *; gzip_min_length 1; sendfile on; root $work/www;
limit_req_zone \$binary_remote_addr zone=slow:1m rate=10r/s;
limit_req_status 429;
server {
	listen 127.0.0.1:$port;
	location /ch/ { }
	location /auth/ { alias $work/www/ch/; auth_basic x; auth_basic_user_file $work/passwd; }
	location /t/tk-sesame/private/ { alias $work/www/ch/; }
	location /moved/ { rewrite ^/moved/(.*)\$ /ch/\$1 redirect; }
	location /away/ { rewrite ^/away/(.*)\$ http://localhost:$port/auth/\$1 redirect; }
	location /busy/ { return 503; }
	location /limited/ { alias $work/www/ch/; limit_req zone=slow burst=1 nodelay; }
	location /half/linux-64/ { alias $work/www/ch/linux-64/; }
}
END
base=http://127.0.0.1:$port
hits() { grep -c " $1 " access.log || true; }
run() { "$tool" "$@" >out 2>err || { cat err >&2; fail "$*"; }; }
fails() { "$tool" "$@" >out 2>err && fail "$* should have failed"; return 0; }
# Nothing that anybody is told may hold the password or the token.
secret() { ! grep -rl sesame out err "$@" || fail "a credential was told"; }

say "repodata, and what is reached"
run cache repodata "$base/ch" linux-64 app
[[ $(cut -d' ' -f1 out | tr '\n' ' ') == "$base/ch/linux-64/app-1-0.conda $base/ch/noarch/data-1-0.conda $base/ch/linux-64/lib-1-0.conda " ]] ||
	fail "$(cat out)"

say "asked for again, nothing comes twice"
cp out before
: >access.log
run cache repodata "$base/ch" linux-64 app
cmp out before
[[ $(hits 304) == 2 && $(hits 200) == 0 ]] || fail "$(cat access.log)"
run cache --offline repodata "$base/ch" linux-64 app
cmp out before
fails empty --offline repodata "$base/ch" linux-64 app
grep -q "not in the cache" err || fail "$(cat err)"

say "a changed index is seen"
# nginx makes an ETag of seconds and size: another size, as this may be the same second
sed 's/other/newest/g' www/ch/noarch/repodata.json >new && cp www/ch/noarch/other-1-0.conda www/ch/noarch/newest-1-0.conda
mv new www/ch/noarch/repodata.json
run cache repodata "$base/ch" linux-64 newest
grep -q newest-1-0 out || fail "the old index was used"

say "gzip on the way"
run cache get "$base/ch/noarch/repodata.json"
[[ $(cut -d' ' -f1,2 out) == "200 $(stat -c %s www/ch/noarch/repodata.json)" ]] || fail "$(cat out)"

say "downloads, several connections, verified"
run cache download "$base/ch" linux-64 '*'
while read -r url sha size; do
	[[ $(sha256sum <"cache/sha256/$sha" | cut -d' ' -f1) == "$sha" && $(stat -c %s "cache/sha256/$sha") == "$size" ]] ||
		fail "$url"
done <out
[[ $(ls cache/sha256 | wc -l) == $(wc -l <out) ]] || fail "something else is there"
run cache --offline download "$base/ch" linux-64 '*'
: >access.log
run cache download "$base/ch" linux-64 '*'
[[ $(hits 200) == 0 ]] || fail "fetched twice"

say "a file that changed on the server is refused"
printf x >>www/ch/noarch/many3-1-0.conda
rm -rf cache/sha256
fails cache download "$base/ch" linux-64 '*'
grep -q "many3-1-0.conda: has more than the" err || fail "$(cat err)"
truncate -s -1 www/ch/noarch/many3-1-0.conda
run cache download "$base/ch" linux-64 '*'

say "logins and tokens"
if [[ -s passwd && $(wc -c <passwd) -gt 10 ]]; then
	run auth download "http://user:sesame@127.0.0.1:$port/auth" linux-64 app
	secret auth/repodata
	fails auth2 repodata "http://user:sesamo@127.0.0.1:$port/auth" linux-64 app
	grep -q "answers 401" err && ! grep -q sesamo err || fail "$(cat err)"
	echo "machine 127.0.0.1 login user password sesame" >"$HOME/.netrc"
	run auth3 repodata "$base/auth" linux-64 app
	rm "$HOME/.netrc"
	fails auth4 repodata "http://user:sesame@127.0.0.1:$port/away" linux-64 app
	grep -q "answers 401" err || fail "credentials went to another host: $(cat err)"
	secret
fi
run token download "http://127.0.0.1:$port/t/tk-sesame/private" linux-64 app
grep -q "^$base/private/linux-64/app" out || fail "$(cat out)"
secret token/repodata
fails token2 repodata "http://127.0.0.1:$port/t/tk-sesame/nothing" linux-64 app
grep -q "is no conda channel" err || fail "$(cat err)"
secret

say "redirects"
run moved download "$base/moved" linux-64 app

say "busy and limited"
: >access.log
fails busy repodata "$base/busy" linux-64 app
grep -q "answers 503, expected 200 (tried 3 times)" err || fail "$(cat err)"
run limited get "$base/limited/noarch/repodata.json"
run limited get "$base/limited/noarch/repodata.json"
run limited get "$base/limited/noarch/repodata.json"

say "a channel without noarch is none"
fails half repodata "$base/half" linux-64 app
grep -q "$base/half is no conda channel" err || fail "$(cat err)"

say "two at once into one cache"
"$tool" both download "$base/ch" linux-64 '*' >/dev/null 2>err1 &
one=$!
"$tool" both download "$base/ch" linux-64 '*' >/dev/null 2>err2 || { cat err2; fail "the second"; }
wait $one || { cat err1; fail "the first"; }
(cd both/sha256 && for f in *; do [[ $(sha256sum <"$f" | cut -d' ' -f1) == "$f" ]] || fail "$f"; done)

say "nobody there"
stop_servers
fails cache repodata "http://user:sesame@127.0.0.1:$port/ch" linux-64 app
grep -q "cannot connect" err || fail "$(cat err)"
secret
run cache --offline download "$base/ch" linux-64 app
echo "ok"
