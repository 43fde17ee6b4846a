#!/bin/bash
# An application in an image: copied files, condaimg.yml, users, a shell, own certificates; what a code change costs,
# and which layers two images share.
# Usage: app.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/runtimes.sh
. "$root/tests/e2e/runtimes.sh"
need openssl
embedded_channel
prefix=/opt/conda/envs/default

blob() # LAYOUT DIGEST: its path
{
	echo "$1/blobs/sha256/${2#*:}"
}

manifest() # LAYOUT TAG: its path
{
	blob "$1" "$(jq -r --arg t "$2" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $t).digest' "$1/index.json")"
}

config() # LAYOUT TAG FILTER
{
	jq -cr "$3" "$(blob "$1" "$(jq -r .config.digest "$(manifest "$1" "$2")")")"
}

layers() # LAYOUT TAG [PART]
{
	jq -r --arg p "${3:-}" '.layers[] | select($p == "" or .annotations["io.condaimg.part"] == $p).digest' "$(manifest "$1" "$2")"
}

expect_config() # LAYOUT TAG FILTER WANT
{
	local got

	got=$(config "$1" "$2" "$3")
	[ "$got" = "$4" ] || fail "$3 is $got, expected $4"
}

expect_files() # LAYOUT TAG PART WANT: "MODE PATH", a line each
{
	local got

	got=$(gzip -dc "$(blob "$1" "$(layers "$1" "$2" "$3")")" | LC_ALL=C tar -tv --quoting-style=literal --numeric-owner --full-time -f - | sed -E 's/ +/ /g' |
		awk '{ if ($2 != "0/0" || $4 " " $5 != "1980-01-01 00:00:00") print "owned or dated: " $0; $2 = $3 = $4 = $5 = ""; print }' |
		sed -E 's/ +/ /g')
	[ "$got" = "$4" ] || fail "the layer of $3 is: $got"
}

# ---- a certificate authority of a company, and a server of its ----

mkdir ca
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=Company CA" -addext keyUsage=critical,keyCertSign \
	-keyout ca/ca.key -out ca/ca.pem 2>ca/log || fail "openssl: $(cat ca/log)"
openssl req -newkey rsa:2048 -nodes -subj "/CN=server" -keyout ca/server.key -out ca/server.csr 2>ca/log
printf 'subjectAltName=IP:127.0.0.1\n' >ca/ext
openssl x509 -req -in ca/server.csr -CA ca/ca.pem -CAkey ca/ca.key -CAcreateserial -days 30 -extfile ca/ext -out ca/server.pem 2>ca/log

# ---- the project ----

mkdir -p project/src/pkg project/src/.git
cat >project/environment.yml <<END
channels: [$channel]
dependencies: [python=3.11, requests, pip]
END
cat >project/condaimg.yml <<'END'
copy:
  - src: /app
  - conf/app.ini: /etc/app/
workdir: /app
cmd: [python, main.py]
env: {APP_MODE: test, GREETING: grüße}
label: {team: blue}
annotation: {org.opencontainers.image.source: "https://example.org/app"}
port: [8443, 53/udp]
volume: /data
shell: true
ca-file: ../ca/ca.pem
END
printf '**/*.pyc\n**/.git\n' >project/.dockerignore
mkdir project/conf
echo '[app]' >project/conf/app.ini
cp ca/server.pem ca/server.key project/src
chmod 600 project/src/server.key
echo 'answer = 42' >project/src/pkg/__init__.py
touch project/src/pkg/x.pyc project/src/.git/config "project/src/grüße.txt"
ln -s pkg/__init__.py project/src/link.py
printf '#!/bin/sh\nexec echo "script: $1"\n' >project/src/script.sh
printf '#!/usr/bin/env python\nprint("by env")\n' >project/src/tool
chmod 4750 project/src/script.sh project/src/tool
cat >project/src/main.py <<'END'
import getpass, http.server, multiprocessing, os, socket, ssl, subprocess, sys, tempfile, threading, urllib.request
import requests
import link, pkg

mode, uid = (sys.argv[1:] + ["rw", "1000"])[:2]

def square(x):
    return x * x

def ask_server():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"secret")
        def log_message(self, *args):
            pass
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("server.pem", "server.key")
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "https://127.0.0.1:%d/" % server.server_port
    assert urllib.request.urlopen(url).read() == b"secret"
    assert requests.get(url).content == b"secret"
    return url

def refuses_strangers(url):
    environ = {k: v for k, v in os.environ.items() if not k.endswith(("_FILE", "_BUNDLE"))}
    code = "import ssl, sys, urllib.request as u; u.urlopen(sys.argv[1], context=ssl.create_default_context(cafile=sys.argv[2]))"
    p = subprocess.run([sys.executable, "-c", code, url, os.environ["CONDA_PREFIX"] + "/ssl/cacert.pem"], env=environ,
                       capture_output=True, text=True)
    assert p.returncode and "CERTIFICATE_VERIFY_FAILED" in p.stderr, p.stderr

if __name__ == "__main__":
    assert (os.getuid(), os.getgid()) == (int(uid), 0), (os.getuid(), os.getgid())
    assert os.getcwd() == "/app" and link.answer == pkg.answer == 42
    assert os.environ["APP_MODE"] == "test" and os.environ["GREETING"] == "grüße"
    assert os.path.exists("grüße.txt") and not os.path.exists("pkg/x.pyc") and not os.path.exists(".git")
    assert open("/etc/app/app.ini").read() == "[app]\n"
    assert getpass.getuser() == "conda", getpass.getuser()
    assert os.path.expanduser("~") == "/home/conda"
    assert os.popen("echo $0").read() == "/bin/sh\n" or os.popen("echo $0").read() == "sh\n"
    assert subprocess.check_output(["./script.sh", "x"], text=True) == "script: x\n"
    assert subprocess.check_output(["./tool"], text=True) == "by env\n"
    assert subprocess.check_output("env | sort | head -n 1", shell=True)
    with multiprocessing.Pool(2) as pool:
        assert pool.map(square, range(4)) == [0, 1, 4, 9]
    a, b = socket.socketpair()
    a.sendall(b"x")
    assert b.recv(1) == b"x"
    for place in "/home/conda", "/data":
        try:
            with tempfile.NamedTemporaryFile(dir=place):
                # Runtimes that know volumes mount something there.
                assert mode == "rw" or place == "/data", place + " can be written to on a read-only root"
        except OSError as e:
            assert mode == "ro", (place, e)
    for place in "/app", "/etc", os.environ["CONDA_PREFIX"]:
        assert not os.access(place, os.W_OK), (place, "can be written to")
    assert ssl.create_default_context().cert_store_stats()["x509_ca"] > 100
    refuses_strangers(ask_server())
    print("all of it")
END

say "a folder is built"
expect_exit 0 "$condaimg" build project -t images:app
expect_result 'oci:images:app@sha256:[0-9a-f]{64}'
first=$(cat stdout)
expect_config images app .config.WorkingDir /app
expect_config images app .config.User 1000:0
expect_config images app .config.Cmd '["python","main.py"]'
expect_config images app .config.Entrypoint null
expect_config images app .config.ExposedPorts '{"53/udp":{},"8443/tcp":{}}'
expect_config images app .config.Volumes '{"/data":{}}'
expect_config images app .config.Labels.team blue
[ "$(jq -r '.annotations["org.opencontainers.image.source"]' "$(manifest images app)")" = https://example.org/app ] || fail "no annotation"
expect_files images app app "drwxr-xr-x app/
-rw-r--r-- app/grüße.txt
lrwxrwxrwx app/link.py -> pkg/__init__.py
-rw-r--r-- app/main.py
drwxr-xr-x app/pkg/
-rw-r--r-- app/pkg/__init__.py
-rwxr-xr-x app/script.sh
-rw-r--r-- app/server.key
-rw-r--r-- app/server.pem
-rwxr-xr-x app/tool
drwxrwxr-x data/
drwxr-xr-x etc/
drwxr-xr-x etc/app/
-rw-r--r-- etc/app/app.ini"

say "the same from elsewhere, by another order of the directory, at another time"
cp -r project copied
rm copied/src/main.py
cp project/src/main.py copied/src/main.py
touch -d 2001-01-01 copied/src/pkg/__init__.py
(cd copied && umask 077 && expect_exit 0 "$condaimg" build . -o oci:../images:again)
[ "$(digest_of "$first")" = "$(digest_of "$(cat stdout)")" ] || fail "another digest: $(cat stdout)"
expect_exit 0 "$condaimg" build project/environment.yml --config project/condaimg.yml -o oci:images:again --cache-dir "$work/cache-2"
[ "$(digest_of "$first")" = "$(digest_of "$(cat stdout)")" ] || fail "another digest: $(cat stdout)"

say "a look before"
expect_exit 0 "$condaimg" build project --dry-run
expect_exit 0 "$condaimg" lock project
expect_exit 0 "$condaimg" build project --dry-run --cache-dir looked
[ ! -e looked ] || fail "--dry-run of a lock made a cache"
cp stdout dry
expect_exit 0 "$condaimg" build project -t images:app
"$condaimg" inspect oci:images:app --json | jq -r '.layers | to_entries[] | .key as $k | .value.packages // [] | .[] | "\($k + 1) \(.)"' | sort >wanted
awk 'NR > 1 && $2 !~ /^[(]/ && $2 != "packages," { print $1 " " $2 "-" $3 "-" $4 }' dry | sort | diff wanted - || fail "dry run and image: other layers"
[ "$(wc -l <wanted)" -gt 20 ] || fail "$(wc -l <wanted) packages"

say "a code change"
expect_exit 0 "$condaimg" lock project
expect_exit 0 "$condaimg" build project -t images:app
echo '# changed' >>project/src/pkg/__init__.py
expect_exit 0 "$condaimg" build project -t images:changed --json
[ "$(jq .layers_new stdout)" = 1 ] || fail "not one new layer: $(cat stdout)"
diff <(layers images app) <(layers images changed) >layers.diff && fail "no layer changed"
[ "$(grep -c '^[<>]' layers.diff)" = 2 ] || fail "more than a layer changed: $(cat layers.diff)"
size=$(stat -c %s "$(blob images "$(layers images changed app)")")
[ "$size" -lt 1000000 ] || fail "the layer has $size bytes"
[ "$(layers images changed | tail -n 1)" = "$(layers images changed app)" ] || fail "the application is not on top"
# A change costs less than 0.2 s: of the processor, and the best of five, because others use the machine, too.
best=9999
for i in 1 2 3 4 5; do
	echo "# $i" >>project/src/pkg/__init__.py
	TIMEFORMAT='%U %S %R'
	took=$({ time "$condaimg" build project -t images:timed >/dev/null 2>&1; } 2>&1)
	ms=$(awk '{ printf "%d", ($1 + $2) * 1000 }' <<<"$took")
	[ "$ms" -ge $best ] || best=$ms
done
echo "a code change takes $best ms"
[ $best -lt 200 ] || fail "a code change takes $best ms"
echo "one layer of $size bytes, of $(layers images app | wc -l) layers"

say "the command line goes before condaimg.yml; the image is no part of itself"
expect_exit 0 "$condaimg" build project --copy project:/all -o oci:project/out:x --env APP_MODE=over --user app:1234 --workdir / \
	--entrypoint 'sh -c "echo $APP_MODE"' --cmd '' --label team=red
expect_exit 0 "$condaimg" build project --copy project:/all -o oci:project/out:x --env APP_MODE=over --user app:1234 --workdir / \
	--entrypoint 'sh -c "echo $APP_MODE"' --cmd '' --label team=red
gzip -dc "$(blob project/out "$(layers project/out x app)")" | tar -t >list
grep -q '^all/src/main.py$' list || fail "nothing was copied"
if grep -qE '^all/out|\.pyc$|\.git/' list; then fail "too much was copied: $(cat list)"; fi
expect_config project/out x .config.User 1234:0
expect_config project/out x .config.Entrypoint '["sh","-c","echo $APP_MODE"]'
expect_config project/out x .config.Cmd null
expect_config project/out x .config.Labels.team red
expect_config project/out x '.config.Env | map(select(startswith("APP_MODE") or startswith("HOME") or startswith("USER")))' \
	'["HOME=/home/app","USER=app","APP_MODE=over"]'
rm -r project/out

say "what is wrong is said"
echo 'cpoy: x' >bad.yml
expect_exit 1 "$condaimg" build project --config bad.yml
expect_stderr "bad.yml:1:1: 'cpoy' is not a key of condaimg.yml"
expect_exit 1 "$condaimg" build project --copy project/none:/x
expect_stderr "cannot read project/none"
ln -s /etc/passwd project/src/away
expect_exit 1 "$condaimg" build project
expect_stderr "project/src/away is a link to '/etc/passwd', outside of project/src"
rm project/src/away
mkfifo project/src/pipe
expect_exit 1 timeout 20 "$condaimg" build project
expect_stderr "is a pipe, which no image can hold"
rm project/src/pipe
expect_exit 1 "$condaimg" build project --ca-file ca/ca.key
expect_stderr "is a private key, which has no place in an image"
expect_exit 2 "$condaimg" build project --user Root
for place in "--workdir /etc/passwd" "--volume /etc/hosts" "--copy project/src/main.py:/work --workdir /work"; do
	# shellcheck disable=SC2086  # words are wanted
	expect_exit 2 "$condaimg" build project $place
	expect_stderr "is a file in the image, expected a directory"
done
expect_exit 1 "$condaimg" build project --copy project/src/main.py:/etc/passwd/x
expect_stderr "/etc/passwd is a file in the image"
mkdir no-shell
printf 'channels: [%s]\ndependencies: [jq]\n' "$channel" >no-shell/environment.yml
expect_exit 0 "$condaimg" lock no-shell
expect_exit 2 "$condaimg" build no-shell/conda-lock.yml --shell
expect_stderr "the lock has no bash, which --shell needs"
expect_exit 1 "$condaimg" build no-shell --shell --lockfile no-shell/conda-lock.yml
expect_stderr "does not match"

say "such images verify"
for image in "project --user app:77" "no-shell --shell" "no-shell --copy project/src:/app"; do
	# shellcheck disable=SC2086  # words are wanted
	expect_exit 0 "$condaimg" build $image -o oci:images:verified
	expect_exit 0 "$condaimg" verify oci:images:verified --json
	[ "$(jq '.layers_rebuilt > 3' stdout)" = true ] || fail "nothing was compared: $(cat stdout)"
done

say "environments that differ in one package"
mkdir one two
printf 'channels: [%s]\ndependencies: [python=3.11, requests]\n' "$channel" >one/environment.yml
printf 'channels: [%s]\ndependencies: [python=3.11, requests, click]\n' "$channel" >two/environment.yml
expect_exit 0 "$condaimg" build one -o oci:images:one
expect_exit 0 "$condaimg" build two -o oci:images:two
for part in libc system packages environment; do
	for tag in one two; do layers images $tag $part | sort >"$tag.layers"; done
	echo "$part: $(wc -l <one.layers) and $(wc -l <two.layers) layers, $(comm -12 one.layers two.layers | wc -l) of them shared"
	case $part in
	packages) want="0 1" ;;
	environment) want="1 1" ;;
	*) want="0 0" ;;
	esac
	[ "$(comm -23 one.layers two.layers | wc -l) $(comm -13 one.layers two.layers | wc -l)" = "$want" ] || fail "$part: not as many are shared"
done
layers images one packages | sort >one.layers
[ "$(wc -l <one.layers)" -gt 20 ] || fail "too few layers to speak of"
layers images app packages | sort >app.layers
[ -z "$(comm -23 one.layers app.layers)" ] || fail "an application's image does not share its environment's layers"

say "it runs"
find_runtimes images:app
for runtime in "${runtimes[@]}"; do
	for as in "" 4711:0; do
		for mode in rw ro; do
			inside images:app $mode "all of it" python -B main.py $mode "$(echo "${as:-1000}" | cut -d: -f1)"
		done
		inside images:app ro "by env" /app/tool
		inside images:app ro "hi" sh -c 'echo hi'
		inside images:app ro "hi" /bin/bash -c 'echo hi'
		inside images:app ro "3" env python -c 'print(1+2)'
		inside images:app ro "/app" pwd
		inside images:app ro "*PRETTY_NAME=*condaimg*" cat /etc/os-release
	done
	as=
	inside images:app ro "uid=1000(conda) gid=0(root)*" id
	inside images:app ro "conda:x:1000:0:conda:/home/conda:/bin/sh" sh -c 'while read -r l; do case $l in conda:*) echo "$l";; esac; done </etc/passwd'
done
rm -rf bundle-*

if ! make_debian_base >base.log 2>&1; then
	echo "without a Debian base: $(tail -n 1 base.log) $(tail -n 1 apt.log)"
	echo "ok"
	exit 0
fi

say "on a Debian base with a merged /usr"
rm project/conda-lock.yml # of the image on scratch
cp -r base base-before
mkdir over
mkdir -p over/lib over/tmp
echo x >over/lib/app.txt
echo x >over/tmp/left
expect_exit 0 "$condaimg" build project --base oci:base:debian -o oci:images:based --copy project/src/tool:/bin/ --copy over:/ \
	--label debian=yes
expect_result 'oci:images:based@sha256:[0-9a-f]{64}'
diff -r base base-before || fail "the base changed"
expect_config images based '.config.Labels | [.base, .debian]' '["debian","yes"]'
expect_config images based '.config.Env | map(select(startswith("BASE")))' '["BASE=debian"]'
[ "$(layers images based | head -n 2)" = "$(layers base debian)" ] || fail "the base's layers are not the lowest"
expect_files images based system "drwxr-xr-x home/
drwxrwxr-x home/conda/
drwxr-xr-x usr/
drwxr-xr-x usr/bin/
lrwxrwxrwx usr/bin/bash -> $prefix/bin/bash
lrwxrwxrwx usr/bin/env -> $prefix/bin/env
drwxr-xr-x opt/
drwxr-xr-x opt/conda/
drwxr-xr-x opt/conda/envs/
drwxr-xr-x opt/conda/envs/default/
drwxr-xr-x opt/conda/envs/default/ssl/
-rw-r--r-- opt/conda/envs/default/ssl/condaimg-ca-bundle.pem"
layers images based | tail -n +3 >own.layers
[ "$(wc -l <own.layers)" -gt 20 ] || fail "$(wc -l <own.layers) layers on the base"
while read -r layer; do
	gzip -dc "$(blob images "$layer")" >layer.tar || fail "no layer $layer"
	tar -tf layer.tar >list || fail "the layer $layer is no tar"
	[ -s list ] || fail "the layer $layer is empty"
	if grep -E '^(bin|sbin|lib|lib64)(/|$)' list; then fail "a layer writes over a link of the base"; fi
done <own.layers
expect_exit 0 "$condaimg" verify oci:images:based --json
[ "$(jq '.layers - .layers_rebuilt' stdout)" = 4 ] || fail "more than the base's two layers, the environment's and the application's is not built: $(cat stdout)"
expect_exit 0 "$condaimg" build no-shell --base oci:base:debian --shell --user app:77 -o oci:images:based-2
expect_exit 0 "$condaimg" verify oci:images:based-2 --json
for runtime in "${runtimes[@]}"; do
	inside images:based ro "usr/bin" /bin/busybox readlink /bin
	inside images:based ro "busybox" /bin/busybox readlink /bin/sh
	inside images:based rw "1777" /bin/busybox stat -c %a /tmp
	inside images:based ro "by env" /usr/bin/tool
	inside images:based ro "x" /bin/busybox cat /usr/lib/app.txt
	for as in "" 4711:0; do
		for mode in rw ro; do
			inside images:based $mode "all of it" python -B main.py $mode "$(echo "${as:-1000}" | cut -d: -f1)"
		done
	done
	as=
done
expect_exit 2 "$condaimg" build no-shell --base oci:base:debian --ca-file ca/ca.pem
expect_stderr "needs the package ca-certificates"
expect_exit 2 "$condaimg" build no-shell --base oci:base:debian --prefix /bin/env
expect_stderr "the prefix /bin/env is behind a link of the base \\(it is /usr/bin/env\\)"
echo "ok"
