#!/bin/bash
# Channels in registries (oci://), as rattler, mamba and conda-oci-mirror have them, in Debian's docker-registry: by their own name and as
# mirrors, with logins, TLS and proxies as registries are configured.
# Usage: oci-channel.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/registry-lib.sh
. "$root/tests/e2e/registry-lib.sh"
need htpasswd openssl zstd tinyproxy
unset REGISTRY_AUTH_FILE DOCKER_CONFIG XDG_CONFIG_HOME CONTAINERS_REGISTRIES_CONF

cat >make.py <<'END_OF_PY'
import sys
sys.path.insert(0, sys.argv[1])
from make_channel import Channel, File
c = Channel("ch")
c.add("app", File("app", b"a"), depends=["_lib", "other", "old"])
c.add("_lib", File("lib", b"l" * 300000))
c.add("other", File("other", b"x"), version="1!2.0+x.y")
c.add("old", File("old", b"o"), suffix=".tar.bz2")
c.finish()
END_OF_PY
PYTHONDONTWRITEBYTECODE=1 python3 make.py "$root/tests/e2e"
rm -f ch/*/repodata.json.zst ch/*/repodata_shards.msgpack.zst
push() { PYTHONDONTWRITEBYTECODE=1 python3 "$root/tests/e2e/push_channel.py" "$@" || fail "cannot push the channel"; }
env_file() { printf 'name: app\nchannels: ["%s"]\ndependencies: [app]\n' "$1" >env.yml; }
make_lock() { expect_exit 0 "$condaimg" lock env.yml --libc none --platform linux-64 --cache-dir cache "$@"; }
make_image() { expect_exit 0 "$condaimg" build conda-lock.yml --libc none -o oci:out:x --cache-dir cache "$@"; digest_of "$(cat stdout)"; }

say "a registry with a login, on loopback"
htpasswd -Bbc -C 4 passwords alice sesame 2>/dev/null
registry basic "http: {addr: @HOST@}
auth: {htpasswd: {realm: test, path: $work/passwords}}"
push "http://$host" ch team/channel alice:sesame
env_file "oci://$host/team/channel"
rm -rf cache
expect_exit 1 "$condaimg" lock env.yml --libc none --cache-dir cache
expect_stderr "$host/team/channel/.*wants a login, and there is none"
mkdir -p "$HOME/.docker"
printf '{"auths":{"%s":{"auth":"%s"}}}' "$host" "$(printf alice:sesame | base64)" >"$HOME/.docker/config.json"
make_lock -v
cp stderr first.err
grep -q "url: oci://$host/team/channel/noarch/_lib-1-0.conda" conda-lock.yml || fail "$(grep url conda-lock.yml)"
grep -q "oci://$host/team/channel/noarch/other-1!2.0+x.y-0.conda" conda-lock.yml || fail "$(grep url conda-lock.yml)"
make_image -v >own
[ "$(find cache/packages/sha256 -type f | wc -l)" = 4 ] || fail "$(find cache -type f)"
before=$(grep -c 'GET /v2/team/channel/noarch/repodata.json/blobs' basic.log)
make_lock --update
[ "$(grep -c 'GET /v2/team/channel/noarch/repodata.json/blobs' basic.log)" = "$before" ] || fail "repodata is fetched that is there"
make_lock --update --offline
# a bundle and a mirror of it, without the registry
expect_exit 0 "$condaimg" bundle conda-lock.yml -o app.bundle --cache-dir cache
expect_exit 0 "$condaimg" build app.bundle --libc none -o oci:out:bundle --cache-dir none --offline
[ "$(digest_of "$(cat stdout)")" = "$(cat own)" ] || fail "another image from the bundle"
expect_exit 0 "$condaimg" mirror conda-lock.yml mirrored --cache-dir cache
cmp mirrored/noarch/_lib-1-0.conda ch/noarch/_lib-1-0.conda
rm -rf cache/packages cache/layers
expect_exit 1 "$condaimg" build conda-lock.yml --libc none -o oci:out:x --cache-dir cache --offline
expect_stderr "not in the cache"
! grep -rqE 'sesame|c2VzYW1l' cache out conda-lock.yml stderr first.err || fail "a secret is told"

say "only plain repodata; and a lock without sizes and sha256"
push "http://$host" ch team/plain alice:sesame
env_file "oci://$host/team/plain/"
rm -rf cache
make_lock -v
printf '@EXPLICIT\n' >list.txt
for f in ch/noarch/*.conda ch/noarch/*.bz2; do
	printf 'oci://%s/team/plain/noarch/%s#%s\n' "$host" "${f##*/}" "$(md5sum "$f" | cut -d' ' -f1)" >>list.txt
done
rm -rf cache
expect_exit 0 "$condaimg" build list.txt --libc none --platform linux-64 -o oci:out:list --cache-dir cache
[ "$(find cache/packages/sha256 -type f | wc -l)" = 4 ] || fail "$(find cache -type f)"

say "as a mirror of another channel; broken, or of no use"
env_file https://nowhere.invalid/forge
export CONDA_REMOTE_MAX_RETRIES=1 CONDA_REMOTE_BACKOFF_FACTOR=0.1
unset CONDAIMG_CONDARC
echo "mirrored_channels: {'https://nowhere.invalid/forge': ['file://$work/ch']}" >"$HOME/.condarc"
rm -rf cache
make_lock
make_image >want
echo "mirrored_channels: {'https://nowhere.invalid/forge': ['oci://$host/team/channel']}" >"$HOME/.condarc"
rm -rf cache
make_lock
grep -q "url: https://nowhere.invalid/forge/noarch/_lib-1-0.conda" conda-lock.yml || fail "$(grep url conda-lock.yml)"
[ "$(make_image)" = "$(cat want)" ] || fail "another image"
echo "mirrored_channels: {'https://nowhere.invalid/forge': ['oci://127.0.0.1:1/x', 'file://$work/ch', 'oci://$host/team/channel']}" >"$HOME/.condarc"
rm -rf cache
make_lock
[ "$(make_image)" = "$(cat want)" ] || fail "another image"
blob=$(find "$dir" -path "*$(sha256sum ch/noarch/_lib-1-0.conda | cut -c1-64)/data" | grep /blobs/)
printf x | dd of="$blob" bs=1 seek=300 conv=notrunc status=none
echo "mirrored_channels: {'https://nowhere.invalid/forge': ['oci://$host/team/channel', 'file://$work/ch']}" >"$HOME/.condarc"
rm -rf cache
[ "$(make_image)" = "$(cat want)" ] || fail "another image"
rm -rf cache
echo "mirrored_channels: {'https://nowhere.invalid/forge': ['oci://$host/team/channel']}" >"$HOME/.condarc"
expect_exit 4 "$condaimg" build conda-lock.yml --libc none -o oci:out:y --cache-dir cache
expect_stderr "_lib-1-0.conda: is sha256:"
rm "$HOME/.condarc"

say "names that are none"
for row in "oci://u:sesame@$host/team/channel|has a login in it" "oci://team/channel|no host with a domain or a port" \
	"oci://$host/nothing/here|is no conda channel" "oci://$host/Team/channel|is no name of an image" "oci://$host/team/channel?x=1|in its URL"; do
	env_file "${row%%|*}"
	expect_exit_of=0
	"$condaimg" lock env.yml --libc none --cache-dir cache2 >stdout 2>stderr || expect_exit_of=$?
	[ $expect_exit_of != 0 ] || fail "${row%%|*} is a channel"
	expect_stderr "${row#*|}"
	! grep -q sesame stderr || fail "a secret is told: $(cat stderr)"
done

say "TLS with the configuration's certificates, and through its proxy"
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
	-addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' 2>/dev/null || fail "no certificate"
registry tls "http: {addr: @HOST@, tls: {certificate: $work/cert.pem, key: $work/key.pem}}"
port=${host#*:}
push "https://$host" ch team/channel "" "$work/cert.pem"
proxy=$(free_port)
printf 'Port %s\nListen 127.0.0.1\nTimeout 30\nLogFile "%s"\nLogLevel Info\nBasicAuth prox sesame-proxy\nConnectPort %s\n' \
	"$proxy" "$work/proxy.log" "$port" >tinyproxy.conf
serve tinyproxy "$proxy" tinyproxy -d -c tinyproxy.conf
env_file "oci://localhost:$port/team/channel"
rm -rf cache
expect_exit 1 "$condaimg" lock env.yml --libc none --cache-dir cache
expect_stderr "certificate"
echo "ssl_verify: $work/cert.pem" >"$HOME/.condarc"
make_lock
make_image >own
expect_exit 0 "$condaimg" push oci:out:x "localhost:$port/team/app:1"
rm "$HOME/.condarc"
SSL_CERT_FILE=$work/cert.pem expect_exit 0 "$condaimg" inspect "docker://localhost:$port/team/app:1"
expect_exit 1 "$condaimg" inspect "docker://localhost:$port/team/app:1"
# a proxy for all is not for this machine, as docker and podman have it; but one that is said for it is
echo "{ssl_verify: $work/cert.pem, proxy_servers: {https: 'http://127.0.0.1:1'}}" >"$HOME/.condarc"
expect_exit 0 "$condaimg" inspect "docker://localhost:$port/team/app:1"
echo "{ssl_verify: $work/cert.pem, proxy_servers: {'https://localhost': 'http://prox:sesame-proxy@127.0.0.1:$proxy'}}" >"$HOME/.condarc"
! grep -q "CONNECT localhost:$port" proxy.log || fail "through the proxy before"
expect_exit 0 "$condaimg" inspect "docker://localhost:$port/team/app:1" -v
grep -q "CONNECT localhost:$port" proxy.log || fail "not through the proxy: $(cat proxy.log)"
! grep -q sesame stderr || fail "a secret is told"
expect_exit 1 "$condaimg" inspect "docker://localhost:$port/team/app:1" --condarc none
