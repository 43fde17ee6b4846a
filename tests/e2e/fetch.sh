#!/usr/bin/env bash
# Downloads against real servers on loopback: nginx with TLS of an own CA, HTTP/2, client certificates, connection
# limits and parts; tinyproxy with and without a login. fetch.sh FETCH_TOOL. 77 = skipped.
tool=$(readlink -f "${1:?the fetch tool is missing}")
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/servers.sh
. "$root/tests/e2e/servers.sh"
set -o pipefail
need nginx openssl tinyproxy

say "an authority, a server's and a client's certificate"
mkdir www ca
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem 2>/dev/null
certificate() { # NAME EXTENSION
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
	openssl x509 -req -days 2 -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -extfile <(echo "$2") -out "$1.pem" 2>/dev/null
}
certificate server 'subjectAltName=DNS:localhost,IP:127.0.0.1'
certificate client 'extendedKeyUsage=clientAuth'
cat client.pem client.key >both.pem
cp ca.pem ca/ && openssl rehash ca

say "files"
for i in $(seq 40); do head -c $((RANDOM * 3 + 1)) /dev/urandom >"www/p$i-1-0.conda"; done
head -c 6000000 /dev/urandom >www/large-1-0.conda
list() { # BASE FILE... -> lines for fetch_tool
	local base=$1 f
	shift
	for f; do echo "$base/$f $(sha256sum <"www/$f" | cut -d' ' -f1) $(stat -c %s "www/$f")"; done
}
(cd www && ls p*.conda) >small

read -r port tls_port mutual_port <<<"$(free_port 3)"
serve_nginx "$port" <<END
log_format l '\$server_port \$server_protocol \$status \$body_bytes_sent \$connection \$request_uri "\$http_range" "\$http_via"';
access_log $work/access.log l;
root $work/www; ssl_certificate $work/server.pem; ssl_certificate_key $work/server.key;
limit_conn_zone \$binary_remote_addr zone=few:1m; limit_conn_status 429;
server {
	listen 127.0.0.1:$port;
	location / { }
	location /few/ { alias $work/www/; limit_conn few 2; }
	location /slowly/ { alias $work/www/; limit_rate 3m; }
	location /tls/ { rewrite ^/tls/(.*)\$ https://127.0.0.1:$tls_port/\$1 redirect; }
}
server { listen 127.0.0.1:$tls_port ssl http2; location /plain/ { rewrite ^/plain/(.*)\$ http://127.0.0.1:$port/\$1 redirect; } }
server { listen 127.0.0.1:$mutual_port ssl; ssl_client_certificate $work/ca.pem; ssl_verify_client on; }
END
plain=http://127.0.0.1:$port tls=https://127.0.0.1:$tls_port mutual=https://127.0.0.1:$mutual_port
start_proxy() # NAME LINE...
{
	local name=$1

	shift
	proxy_port=$(free_port)
	printf '%s\n' "Port $proxy_port" "Listen 127.0.0.1" "Timeout 20" "MaxClients 50" "LogFile \"$work/$name.log\"" \
		"LogLevel Connect" "$@" >"$name.conf"
	serve "$name" "$proxy_port" tinyproxy -d -c "$name.conf"
}
n=0
# A cache of its own each time; what came is looked at.
gets() { # FILE-OF-LINES OPTION...
	local lines=$1
	shift
	rm -rf cache
	: >access.log
	"$tool" cache "$@" fetch "$lines" >out 2>err || { cat err >&2; fail "$*"; }
	while read -r url sha _; do
		[[ $(sha256sum <"cache/sha256/$sha" | cut -d' ' -f1) == "$sha" ]] || fail "$url is not what it should be"
	done <"$lines"
	[[ $(ls cache/sha256 | wc -l) == $(wc -l <"$lines") && -z $(ls cache/part 2>/dev/null) ]] || fail "something else is there"
	secret
	n=$((n + 1))
}
refused() { # SENTENCE FILE-OF-LINES OPTION...
	local words=$1 lines=$2
	shift 2
	rm -rf cache
	! "$tool" cache "$@" fetch "$lines" >out 2>err || fail "$* should have failed"
	tail -n 1 err | grep -qE "$words" || fail "no '$words' in: $(tail -n 1 err)"
	[[ -z $(ls cache/sha256 2>/dev/null) ]] || fail "something was left"
	secret
	n=$((n + 1))
}
secret() { ! grep -q sesame out err || fail "a credential was told: $(grep sesame out err)"; }
count() { grep -cE "$1" access.log || true; }
# shellcheck disable=SC2046
list "$plain" $(cat small) >plain.list
# shellcheck disable=SC2046
list "$tls" $(cat small) >tls.list
list "$mutual" p1-1-0.conda p2-1-0.conda >mutual.list
list "$tls" p1-1-0.conda >tls1.list

say "plain"
gets plain.list
[[ $(count ' 200 ') == 40 ]] || fail "$(cat access.log)"

say "TLS of an own authority, HTTP/2, few connections"
gets tls.list --ca-file ca.pem
[[ $(count 'HTTP/2.0 200') == 40 ]] || fail "no HTTP/2: $(cat access.log)"
[[ $(cut -d' ' -f5 access.log | sort -u | wc -l) -le 2 ]] || fail "many connections: $(cut -d' ' -f5 access.log | sort | uniq -c)"
gets tls1.list --ca-dir ca
gets tls1.list --insecure
refused "its certificate cannot be trusted" tls1.list
refused "its certificate cannot be trusted" tls1.list --ca-file client.pem
refused "trusted" tls1.list --ca-file nothing.pem

say "a client's certificate"
gets mutual.list --ca-file ca.pem --cert client.pem --key client.key
gets mutual.list --ca-file ca.pem --cert both.pem
refused "answers 400" mutual.list --ca-file ca.pem
refused "client certificate" mutual.list --ca-file ca.pem --cert client.pem --key server.key

say "redirects to TLS, and never away from it"
list "$plain/tls" p1-1-0.conda >up.list
gets up.list --ca-file ca.pem
list "$tls/plain" p1-1-0.conda >down.list
refused "leads from https to http, which is not followed: http://127" down.list --ca-file ca.pem

say "a server that takes two at a time"
# shellcheck disable=SC2046
list "$plain/few" $(cat small) >few.list
gets few.list
[[ $(count ' 429 ') -lt 80 ]] || fail "it was not heeded: $(count ' 429 ') times 429"

say "a part, after the first process was killed"
list "$plain/slowly" large-1-0.conda >large.list
rm -rf cache
"$tool" cache fetch large.list >out 2>err &
pid=$!
for _ in $(seq 100); do
	[[ $(cat cache/part/* 2>/dev/null | wc -c) -lt 1500000 ]] || break
	sleep 0.05
done
kill -9 $pid
wait $pid 2>/dev/null || true
had=$(cat cache/part/???* 2>/dev/null | wc -c)
[[ $had -ge 1500000 && $had -lt 6000000 ]] || fail "it had $had bytes"
cp -r cache kept
sed "s|/slowly||" large.list >rest.list
: >access.log
"$tool" cache fetch rest.list >out 2>err || fail "$(cat err)"
[[ $(count ' 206 ') == 1 && $(count ' 200 ') == 0 ]] || fail "$(cat access.log)"
[[ $(cut -d' ' -f4 access.log) -le 4500000 ]] || fail "most came again"
[[ $(sha256sum <cache/sha256/* | cut -d' ' -f1) == $(cut -d' ' -f2 large.list) ]] || fail "it is not what it should be"
# the file on the server is another one now, with the same bytes: its ETag says so, and all comes again
touch -d '2001-01-01' www/large-1-0.conda
: >access.log
"$tool" kept fetch large.list >out 2>err || fail "$(cat err)"
[[ $(count ' 206 ') == 0 && $(count ' 200 ') == 1 ]] || fail "$(cat access.log)"

say "through a proxy"
start_proxy open
gets plain.list --proxy "http://127.0.0.1:$proxy_port"
[[ $(count tinyproxy) == 40 ]] || fail "not through the proxy: $(cat access.log)"
gets tls.list --proxy "http://127.0.0.1:$proxy_port" --ca-file ca.pem
grep -q "CONNECT 127.0.0.1:$tls_port" open.log || fail "not through the proxy: $(cat open.log)"
gets plain.list --proxy "http://127.0.0.1:$proxy_port" --no-proxy 127.0.0.1
[[ $(count tinyproxy) == 0 ]] || fail "through the proxy: $(cat access.log)"
http_proxy=http://127.0.0.1:$proxy_port gets plain.list
[[ $(count tinyproxy) == 40 ]] || fail "not through the variable's proxy: $(cat access.log)"
http_proxy=http://127.0.0.1:$proxy_port gets plain.list --proxy ""
[[ $(count tinyproxy) == 0 ]] || fail "through the proxy: $(cat access.log)"

say "through a proxy that wants a login"
start_proxy shut "BasicAuth user sesame"
gets plain.list --proxy "http://user:sesame@127.0.0.1:$proxy_port"
gets tls1.list --proxy "http://user:sesame@127.0.0.1:$proxy_port" --ca-file ca.pem
list "$plain" p1-1-0.conda >plain1.list
refused "answers 40[17]" plain1.list --proxy "http://user:sesame2@127.0.0.1:$proxy_port"
refused "the proxy answers 40[17]" tls1.list --proxy "http://user:sesame2@127.0.0.1:$proxy_port" --ca-file ca.pem
refused "cannot connect" plain1.list --proxy http://127.0.0.1:1
echo "ok: $n fetches"
