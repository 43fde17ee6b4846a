#!/bin/bash
# Every way to log in, against a real nginx with an own CA and through a real proxy; and that no secret is told anywhere:
# not in what is printed, the lock, the cache or the image.
# Usage: secrets.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/servers.sh
. "$root/tests/e2e/servers.sh"
need jq zstd nginx openssl tinyproxy
unset CONDAIMG_CONDARC

say "a channel, certificates, a server, a proxy"
cat >make.py <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from make_channel import Channel, File
c = Channel("www/ch")
c.add("thing", File("thing", b"x"), depends=["other"])
c.add("other", File("other", b"x"))
c.finish()
END
PYTHONDONTWRITEBYTECODE=1 python3 make.py "$root/tests/e2e"
mkdir ca
{
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ca/ca.key -out ca/ca.pem -days 2 -subj /CN=ca
	for name in server client; do
		openssl req -newkey rsa:2048 -nodes -keyout ca/$name.key -out ca/$name.csr -subj /CN=$name
		openssl x509 -req -in ca/$name.csr -CA ca/ca.pem -CAkey ca/ca.key -CAcreateserial -days 2 -out ca/$name.pem \
			-extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1)
	done
} >openssl.log 2>&1 || fail "$(cat openssl.log)"
for who in url var netrc rattler mamba rc; do
	printf '%s:%s\n' "$who" "$(openssl passwd -apr1 "sesame-$who")"
done >logins

read -r tls plain mutual proxy <<<"$(free_port 4)"
serve_nginx "$tls" <<END
access_log $work/access.log;
ssl_certificate $work/ca/server.pem; ssl_certificate_key $work/ca/server.key;
server {
	listen 127.0.0.1:$tls ssl;
	listen 127.0.0.1:$plain;
	root $work/www;
	location /open/ { alias $work/www/; }
	location /basic/ { alias $work/www/; auth_basic x; auth_basic_user_file $work/logins; }
	location /t/tk-sesame/private/ { alias $work/www/; }
	location /conda/t/tk-sesame/private/ { alias $work/www/; }
	location /private/ { return 403; }
	location /bearer/ {
		if (\$http_authorization != "Bearer sesame-bearer") { return 401; }
		alias $work/www/;
	}
	location /away/ { return 302 http://localhost:$plain/basic/ch/; }
}
server {
	listen 127.0.0.1:$mutual ssl;
	ssl_client_certificate $work/ca/ca.pem; ssl_verify_client on;
	location /open/ { alias $work/www/; }
}
END
cat >tinyproxy.conf <<-END
	Port $proxy
	Listen 127.0.0.1
	Timeout 30
	LogFile "$work/proxy.log"
	LogLevel Info
	BasicAuth prox sesame-proxy
	ConnectPort $tls
END
serve tinyproxy "$proxy" tinyproxy -d -c tinyproxy.conf

host=https://localhost:$tls
mkdir told
rc() { cat >"$HOME/.condarc"; }
env_file() { printf 'name: app\nchannels: ["%s"]\ndependencies: [thing]\n' "$1" >env.yml; }
n=0
run() # EXIT ARGUMENTS...
{
	local want=$1

	shift
	expect_exit "$want" "$condaimg" "$@"
	n=$((n + 1))
	cat stdout stderr >"told/$n"
}
# Nothing below these holds a secret, not even in base64.
no_secret() # FILE...
{
	! grep -raE 'sesame|c2VzYW1l|Nlc2FtZ|zZXNhbW' "$@" | cut -c1-300 | grep . || fail "a secret is told"
}

# From nothing to an image, with every command that says something of it, and nothing is told.
all_of_it() # WHAT
{
	local id=${1//[^a-z]/-}

	rm -rf cache
	run 0 lock env.yml --libc none --cache-dir cache -v --json
	run 0 build env.yml --libc none --cache-dir cache -o "oci:out:$id" -v --json
	rm -rf cache/packages
	# a login that is written into the environment is not in its lock
	input=conda-lock.yml
	! grep -qE 'sesame|PASS' env.yml || input=env.yml
	run 0 build $input --libc none --cache-dir cache -o "oci:out:$id" -v
	no_secret conda-lock.yml cache out told
}
refused() # REGEX
{
	rm -rf cache
	run 1 lock env.yml --libc none --cache-dir cache -v --json
	expect_stderr "$1"
	run 1 lock env.yml --libc none --cache-dir cache
	expect_stderr "$1"
	no_secret told
}

say "TLS: an own CA by ssl_verify, by variable, or not at all"
env_file "$host/open/ch"
refused "localhost:$tls/open/ch.*its certificate cannot be trusted"
rc <<<"ssl_verify: $work/ca/ca.pem"
all_of_it tls
rm "$HOME/.condarc"
for variable in CONDA_SSL_VERIFY REQUESTS_CA_BUNDLE SSL_CERT_FILE; do
	export "$variable=$work/ca/ca.pem"
	run 0 lock env.yml --libc none --cache-dir cache
	unset "$variable"
done
run 0 lock env.yml --libc none --cache-dir cache --condarc <(echo "ssl_verify: false")
expect_stderr "warning: certificates are not checked: ssl_verify of .* is false"
trust="ssl_verify: $work/ca/ca.pem"

say "a client certificate"
env_file "https://localhost:$mutual/open/ch"
rc <<<"$trust"
refused "localhost:$mutual/open/ch.* answers 400|certificate required"
rc <<<"{$trust, client_ssl_cert: $work/ca/client.pem, client_ssl_cert_key: $work/ca/client.key}"
all_of_it mutual
cat ca/client.pem ca/client.key >ca/both.pem
rc <<<"{$trust, client_ssl_cert: $work/ca/both.pem}"
all_of_it both

say "no login"
rc <<<"$trust"
env_file "$host/basic/ch"
refused "answers 401: it wants a login, and there is none for localhost in .*rattler/credentials.json.*authentication.json.*~/.netrc"
env_file "$host/private/ch"
refused "answers 403: it gives no access without a login, and there is none for localhost"

say "basic: in the URL, by a variable in it, in the configuration"
env_file "https://url:sesame-url@localhost:$tls/basic/ch"
all_of_it url
env_file "https://url:sesame-wrong@localhost:$tls/basic/ch"
refused "localhost:$tls/basic/ch.*answers 401: it does not accept the login of its URL"
env_file "https://url:sesame-url@localhost:$tls/basic/nowhere"
refused "localhost:$tls/basic/nowhere is no conda channel"
env_file "https://var:\$PASS@localhost:$tls/basic/ch"
export PASS=sesame-var
all_of_it variable
unset PASS
env_file mine
rc <<<"{$trust, custom_channels: {mine: 'https://rc:sesame-rc@localhost:$tls/basic'}}"
mv www/ch www/mine
all_of_it custom
mv www/mine www/ch
rc <<<"{$trust, channel_alias: 'https://rc:sesame-rc@localhost:$tls/basic/'}"
env_file ch
all_of_it alias
rc <<<"{$trust, mirrored_channels: {'https://nowhere.invalid': ['https://rc:sesame-rc@localhost:$tls/basic']}}"
env_file "https://nowhere.invalid/ch"
all_of_it mirror
rc <<<"$trust"

say "basic: netrc, rattler's file, mamba's"
env_file "$host/basic/ch"
echo "machine localhost login netrc password sesame-netrc" >"$HOME/.netrc"
all_of_it netrc
mv "$HOME/.netrc" other.netrc
export NETRC=$work/other.netrc
all_of_it netrc-variable
echo "machine localhost login netrc password sesame-no" >other.netrc
refused "answers 401: it does not accept the login of NETRC"
unset NETRC
mkdir -p "$HOME/.rattler" "$HOME/.mamba/auth"
echo '{"localhost": {"BasicHTTP": {"username": "rattler", "password": "sesame-rattler"}}}' >"$HOME/.rattler/credentials.json"
all_of_it rattler
rm "$HOME/.rattler/credentials.json"
echo "{\"localhost:$tls\": {\"type\": \"BasicHTTPAuthentication\", \"user\": \"mamba\", \"password\": \"$(printf sesame-mamba | base64)\"}}" \
	>"$HOME/.mamba/auth/authentication.json"
all_of_it mamba

say "a bearer token"
env_file "$host/bearer/ch"
echo "{\"localhost:$tls/bearer\": {\"type\": \"BearerToken\", \"token\": \"sesame-bearer\"}}" >"$HOME/.mamba/auth/authentication.json"
all_of_it mamba-bearer
rm "$HOME/.mamba/auth/authentication.json"
echo '{"*.nowhere.org": {"BearerToken": "sesame-no"}, "localhost": {"BearerToken": "sesame-bearer"}}' >auth.json
RATTLER_AUTH_FILE=$work/auth.json all_of_it rattler-bearer
echo '{"localhost": {"BearerToken": "sesame-old"}}' >auth.json
RATTLER_AUTH_FILE=$work/auth.json refused "answers 401: it does not accept the login of RATTLER_AUTH_FILE"
echo '{"localhost": {"BearerToken": "sesame' >auth.json
RATTLER_AUTH_FILE=$work/auth.json refused "warning: logins: RATTLER_AUTH_FILE is no JSON object of logins by host"

say "a token in the path"
env_file "$host/t/tk-sesame/private/ch"
all_of_it token-url
env_file "$host/t/tk-sesame-wrong/private/ch"
refused "no conda channel|answers 40[34]"
env_file "$host/private/ch"
echo '{"localhost": {"CondaToken": "tk-sesame"}}' >"$HOME/.rattler/credentials.json"
all_of_it token-rattler
rm "$HOME/.rattler/credentials.json"
mkdir -p "$HOME/.continuum/anaconda-client/tokens" "$HOME/.config/binstar"
echo tk-sesame >"$HOME/.continuum/anaconda-client/tokens/https%3A%2F%2Flocalhost%3A$tls.token"
all_of_it token-anaconda
mv "$HOME"/.continuum/anaconda-client/tokens/* "$HOME/.config/binstar"
all_of_it token-binstar
rc <<<"{$trust, add_anaconda_token: false}"
refused "answers 403"
rm -r "$HOME/.config"
rc <<<"{$trust, channel_alias: '$host/conda/t/tk-sesame/private'}"
env_file ch
all_of_it token-alias

say "a login goes to no other host"
rc <<<"$trust"
env_file "http://url:sesame-url@127.0.0.1:$plain/away"
refused "localhost:$plain/basic/ch.*answers 401|answers 401"

say "a proxy, with a login, for http and for https"
env_file "$host/open/ch"
rc <<<"{$trust, proxy_servers: {https: 'http://prox:sesame-proxy@127.0.0.1:$proxy'}}"
all_of_it proxy
grep -q "CONNECT localhost:$tls" proxy.log || fail "not through the proxy: $(cat proxy.log)"
env_file "http://localhost:$plain/open/ch"
rc <<<"{$trust, proxy_servers: {'http://localhost': 'prox:sesame-proxy@127.0.0.1:$proxy', http: 'http://127.0.0.1:1'}}"
all_of_it proxy-host
grep -q "GET http://localhost:$plain/open/ch" proxy.log || fail "not through the proxy: $(cat proxy.log)"
rc <<<"{$trust, proxy_servers: {all: 'http://127.0.0.1:$proxy'}}"
refused "407"
rc <<<"{$trust, remote_max_retries: 0, proxy_servers: {https: 'http://u:sesame@127.0.0.1:1'}}"
env_file "$host/open/ch"
refused "cannot connect"
NO_PROXY=localhost all_of_it no-proxy
rc <<<"$trust"
env_file "http://localhost:$plain/open/ch"
HTTP_PROXY=http://prox:sesame-proxy@127.0.0.1:$proxy all_of_it proxy-variable

say "what condaimg config says"
rc <<-END
	channels: ['https://u:sesame@h/t/tk-sesame/x', 't/tk-sesame/y']
	channel_alias: https://h/t/tk-sesame/
	custom_channels: {a: 'https://u:sesame@h/p'}
	custom_multichannels: {m: ['https://u:sesame@h/q']}
	default_channels: ['https://u:sesame@h/q']
	allowlist_channels: ['https://u:sesame@h/q']
	mirrored_channels: {a: ['https://u:sesame@h/q']}
	migrated_channel_aliases: ['https://u:sesame@h/q']
	migrated_custom_channels: {a: 'https://u:sesame@h/q'}
	proxy_servers: {http: 'http://u:sesame@h:1', https: 'u:sesame@h:2'}
END
for form in "" --json; do
	run 0 config ${form:+"$form"} -v
	run 0 config ${form:+"$form"} a m t/tk-sesame/y https://u:sesame@h/t/tk-sesame/x
done
run 0 config --json
jq -e '.logins | map(.for) | index("https://h/p/a")' stdout >jq.out || fail "$(cat stdout)"
no_secret told

say "where a login has a slip in it, or is where none belongs"
rm "$HOME/.condarc"
slip() # ARGUMENTS...
{
	n=$((n + 1))
	! "$condaimg" "$@" --offline >"told/$n" 2>&1 </dev/null || fail "it works: $*"
	! grep -qE 'AddressSanitizer|runtime error:' "told/$n" || fail "a bug: $* $(cat "told/$n")"
	no_secret "told/$n"
}
rc_slip() # TEXT
{
	echo "$1" >slip.rc
	CONDA_REMOTE_MAX_RETRIES=0 run 1 lock env.yml -v --cache-dir cache --condarc slip.rc
	run "${2:-0}" config -v --condarc slip.rc
	run "${2:-0}" config --json --condarc slip.rc
	no_secret told
}
env_file "http://127.0.0.1:1/c"
for place in u:sesame@h.org/app:1 docker://u:sesame@h.org/app:1 https://u:sesame@h.org/app docker://u:sesame/x@h.org/app:1; do
	slip push oci:out:url "$place"
	slip push "$place" docker://h.org/app:1
	slip copy "$place" oci:other:1
	slip pull "$place"
	slip inspect "$place"
	slip verify "$place" env.yml
	slip build env.yml -o "$place"
	slip build env.yml -t "$place"
	slip build env.yml --base "$place"
	slip build env.yml --cache-from "$place"
done
for place in u:sesame@h.org/app.yml https://u:sesame@h.org/app.yml 'https://h.org/app.yml?sig=sesame' https://h.org/t/sesame/app.yml; do
	slip build "$place"
	slip lock "$place"
	slip bundle "$place"
	slip mirror "$place" channel
	slip lock env.yml --channel "$place?x=1"
	slip build env.yml "--no-such-option=$place"
	slip "$place"
done
for url in 'http://127.0.0.1:1/noarch/x-1-0.conda?sig=sesame' 'http://127.0.0.1:1/noarch/x-1-0.conda?token=sesame&x=y' \
	http://u:sesame@127.0.0.1:1/noarch/x-1-0.conda http://127.0.0.1:1/t/sesame/noarch/x-1-0.conda 'https://u:sesa me@h/x'; do
	printf '@EXPLICIT\n%s#%032d\n' "$url" 0 >list.txt
	slip build list.txt --libc none -o oci:other:1 -v --cache-dir cache
	run "$([[ $url == *[?\ ]* ]] && echo 1 || echo 0)" lock list.txt --libc none -v
	no_secret told conda-lock.yml
done
for text in 'ssl_verify: https://u:sesame@h/x' 'client_ssl_cert: https://u:sesame@h/x' 'ssl_verify: u:sesame@h' \
	'proxy_servers: {http: "u:sesame@::bad::"}' 'proxy_servers: {http: "sesame@127.0.0.1:1"}' \
	'{pkgs_dirs: ["https://u:sesame@h/x"], unknown: "https://u:sesame@h"}' 'mirrored_channels: {c: ["http://u:sesame@h"]}'; do
	rc_slip "$text"
done
for text in 'channel_alias: [https://u:sesame@h/x]' 'proxy_servers: https://u:sesame@h/x' 'remote_max_retries: u:sesame@h' \
	'custom_channels: [https://u:sesame@h]' 'channels: {a: https://u:sesame@h}' '"https://u:sesame@h": [' '{channels: [https://u:sesame@h}' \
	'mirrored_channels: {c: ["u:sesame@h"]}'; do
	rc_slip "$text" 1
done
rc <<<"$trust"

say "and in the images' files"
for tag in $(jq -r '.manifests[].annotations["org.opencontainers.image.ref.name"]' out/index.json); do
	run 0 inspect "oci:out:$tag" --json
	run 0 sbom "oci:out:$tag"
done
run 0 export-rootfs oci:out:url rootfs
no_secret told rootfs
grep -rq "\"url\": *\"$host/basic/ch/noarch/thing" rootfs || fail "conda-meta has no URL"
