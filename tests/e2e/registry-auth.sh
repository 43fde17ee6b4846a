#!/bin/bash
# Logins: htpasswd, a token server, identity tokens, credential helpers; TLS with a CA of one's own. And no credential
# in any log, error, label, cache file or argument list.
# Usage: registry-auth.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/registry-lib.sh
. "$root/tests/e2e/registry-lib.sh"
need htpasswd openssl curl
unset REGISTRY_AUTH_FILE DOCKER_CONFIG XDG_CONFIG_HOME CONTAINERS_REGISTRIES_CONF
image=$(python3 "$kit" layout image 1 200000 30000)
user=alice
password=hunter2-s3cret
basic=$(printf '%s:%s' $user $password | base64)
export XDG_RUNTIME_DIR=$work/run
mkdir -p run/containers "$HOME/.docker" bin
export PATH=$work/bin:$PATH

# Everything that condaimg says here is kept, to be searched at the end.
push() # EXIT HOST ARGUMENT...
{
	local want=$1 to=$2

	shift 2
	expect_exit "$want" "$condaimg" push oci:image:1 "$to/team/app:1" -v "$@"
	cat stdout stderr >>said
}

pull() # EXIT HOST ARGUMENT...
{
	local want=$1 from=$2

	shift 2
	rm -rf back
	expect_exit "$want" "$condaimg" pull "$from/team/app:1" oci:back -v "$@"
	cat stdout stderr >>said
}

login() # FILE KEY
{
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$2" "$basic" >"$1"
}

openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
	-addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' 2>/dev/null || fail "no certificate"
htpasswd -Bbc -C 4 passwords $user $password 2>/dev/null

say "htpasswd"
registry basic "http: {addr: @HOST@}
auth: {htpasswd: {realm: test, path: $work/passwords}}"
push 1 "$host"
expect_stderr 'wants a login, and there is none' 'docker/config.json'
login "$HOME/.docker/config.json" "$host"
push 0 "$host"
pull 0 "$host"
login "$HOME/.docker/config.json" other.example
login run/containers/auth.json "$host/team"
push 0 "$host"
printf '{"auths":{"%s":{"auth":"%s"}}}' "$host" "$(printf '%s:wrong-hunter2' $user | base64)" >run/containers/auth.json
push 1 "$host"
expect_stderr 'does not take the login in .*auth.json'
login login.json "$host"
REGISTRY_AUTH_FILE=$work/login.json push 0 "$host"
rm run/containers/auth.json
mkdir config && login config/config.json "$host"
DOCKER_CONFIG=$work/config push 0 "$host"

say "a credential helper"
cat >bin/docker-credential-test <<-END
	#!/bin/sh
	tr '\\0' ' ' </proc/\$\$/cmdline >>$work/helper.seen
	env >>$work/helper.seen
	read -r server
	[ "\$1 \$server" = "get $host" ] || { echo "credentials not found in native keychain"; exit 1; }
	echo '{"ServerURL":"$host","Username":"$user","Secret":"$password"}'
END
chmod +x bin/docker-credential-test
echo '{"credsStore":"test"}' >"$HOME/.docker/config.json"
push 0 "$host"
echo "{\"credHelpers\":{\"$host\":\"missing\"}}" >"$HOME/.docker/config.json"
push 2 "$host"
expect_stderr 'no program docker-credential-missing'

say "tokens"
python3 "$kit" token token.port token.log key.pem cert.pem test-service "$user:$password" 60 2>token.err &
pids+=($!)
wait_for token.port
registry tokens "http: {addr: @HOST@}
auth: {token: {realm: 'http://127.0.0.1:$(cat token.port)/token', service: test-service, issuer: condaimg-test, rootcertbundle: $work/cert.pem}}"
push 1 "$host"
expect_stderr 'wants a login'
login "$HOME/.docker/config.json" "$host"
: >token.log
push 0 "$host"
[ "$(wc -l <token.log)" = 1 ] || fail "$(wc -l <token.log) tokens for one push"
pull 0 "$host"
expect_exit 0 "$condaimg" copy "docker://$host/team/app:1" "docker://$host/else/app:1" --json
[ "$(jq .blobs_mounted stdout)" = 3 ] || fail "a mount has no right to its source: $(cat stdout)"
skopeo inspect --tls-verify=false --creds "$user:$password" "docker://$host/team/app:1" >/dev/null || fail "skopeo"
# what docker login keeps where the token server gives identity tokens
printf '{"auths":{"%s":{"auth":"%s","identitytoken":"refresh-%s"}}}' "$host" "$(printf '%s:' $user | base64)" $user >"$HOME/.docker/config.json"
: >token.log
push 0 "$host"
[ "$(jq -r .method token.log)" = POST ] || fail "the identity token: $(cat token.log)"
pull 0 "$host"

say "a token that runs out in the middle of a push, sooner than was told; and what others see of it meanwhile"
# The registry takes tokens for a minute longer than they say.
python3 "$kit" token short.port short.tokens key.pem cert.pem test-service "$user:$password" -58:300 2>short.err &
pids+=($!)
wait_for short.port
registry short "http: {addr: @HOST@}
auth: {token: {realm: 'http://127.0.0.1:$(cat short.port)/token', service: test-service, issuer: condaimg-test, rootcertbundle: $work/cert.pem}}"
python3 "$root/tests/e2e/cut_proxy.py" slow.port "${host#*:}" 0 0 0 400000 &
pids+=($!)
wait_for slow.port
slow=127.0.0.1:$(cat slow.port)
login "$HOME/.docker/config.json" "$slow"
python3 "$kit" layout slow 1 1000000 1000000 1000000 1000000 1000000 1000000 >/dev/null
"$condaimg" push oci:slow:1 "$slow/team/slow:1" -vv >>said 2>&1 &
pid=$!
seen=0
while kill -0 $pid 2>/dev/null; do
	# its arguments and those of whatever it starts
	for p in $pid $(cat /proc/$pid/task/*/children 2>/dev/null); do
		tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null || true
	done >>arguments
	seen=$((seen + 1))
	sleep 0.1
done
wait $pid || fail "a push whose token runs out: $(tail -n 3 said)"
[ "$seen" -gt 10 ] || fail "it was looked at $seen times"
[ "$(wc -l <short.tokens)" -gt 1 ] || fail "no second token was fetched"
[ "$(accesses short.log '"(HEAD|POST|PUT|PATCH) /v2/team/slow/[^"]*" 401 ')" -gt 0 ] || fail "no token ran out: $(cat short.log)"
skopeo inspect --tls-verify=false --creds "$user:$password" "docker://$host/team/slow:1" >/dev/null || fail "skopeo"

say "TLS with a CA of one's own"
registry tls "http: {addr: @HOST@, tls: {certificate: $work/cert.pem, key: $work/key.pem}}
auth: {htpasswd: {realm: test, path: $work/passwords}}"
login "$HOME/.docker/config.json" "$host"
push 1 "$host"
expect_stderr 'certificate'
push 0 "$host" --registry-ca cert.pem
pull 0 "$host" --registry-ca cert.pem
push 0 "$host" --insecure
mkdir -p "$HOME/.config/containers/certs.d/$host"
cp cert.pem "$HOME/.config/containers/certs.d/$host/ca.crt"
push 0 "$host"
pull 0 "$host"
[ "$(jq -r '.manifests[0].digest' back/index.json)" = "$image" ] || fail "another image"
push 1 "$host" --registry-ca nowhere.pem
expect_stderr 'nowhere.pem'

say "no credential anywhere"
grep -q 'push oci:slow:1' arguments || fail "no arguments were seen"
cat arguments helper.seen >>said
[ "$(wc -l <said)" -gt 100 ] || fail "too little was said to be searched"
for secret in $password wrong-hunter2 "$basic" "refresh-$user" 'Bearer ey'; do
	grep -nF -- "$secret" said && fail "'$secret' was told"
	grep -rlF -- "$secret" back image "$HOME/.cache" 2>/dev/null && fail "'$secret' is in a file"
done
# a token of the server, as its answers had it
grep -nE 'eyJ[A-Za-z0-9_-]{20,}' said && fail "a token was told"
echo "ok"
