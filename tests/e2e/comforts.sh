#!/bin/bash
# init, doctor, completions in real shells, man pages for man's own tools, and meson install as a packager runs it.
# Usage: comforts.sh CONDAIMG
# shellcheck disable=SC2016  # texts with a dollar sign
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need python3 jq docker-registry script
embedded_channel

tidy()
{
	[ -z "${registry_pid:-}" ] || kill "$registry_pid" 2>/dev/null
}

# ---- init ----

say "init writes what a folder needs, with the reason, and it can be built"
mkdir -p project/lib project/.venv/lib
touch project/.venv/pyvenv.cfg
echo 'import not_ours' >project/.venv/lib/x.py
printf '"""import nothing"""\nimport os, lib.tool\nimport yaml\nfrom click import echo\n' >project/web.py
echo 'import requests' >project/lib/tool.py
printf 'click >=8  # commands\n-e .\n' >project/requirements.txt
printf 'worker: python lib/tool.py\nweb: python web.py --port $PORT\n' >project/Procfile
echo python-3.11 >project/runtime.txt
expect_exit 0 "$condaimg" init project -c "$channel"
[ "$(cat stdout)" = "project/environment.yml
project/condaimg.yml
project/.dockerignore" ] || fail "$(cat stdout)"
python3 - "$channel" <<'PYTHON' || fail "$(cat project/environment.yml project/condaimg.yml)"
import sys, yaml
e = yaml.safe_load(open("project/environment.yml"))
assert e == {"channels": [sys.argv[1]], "dependencies": ["python =3.11", "click >=8", "requests", "pyyaml"]}, e
c = yaml.safe_load(open("project/condaimg.yml"))
assert c == {"copy": [{".": "/home/conda/app"}], "workdir": "/home/conda/app", "cmd": ["sh", "-c", "exec python web.py --port $PORT"],
             "shell": True, "env": {"PORT": 8080}, "port": 8080}, c
text = open("project/environment.yml").read()
for why in "# runtime.txt", "# requirements.txt and 1 more", "# imported by lib/tool.py", "# imported by web.py", "'-e .' is no package of a channel":
    assert why in text, why
PYTHON
expect_exit 0 "$condaimg" build project -o oci:images:app
"$condaimg" export-rootfs oci:images:app rootfs >/dev/null
[ "$(cd rootfs/home/conda/app && find . -type f | sort | tr '\n' ' ')" = './lib/tool.py ./requirements.txt ./web.py ' ] || fail "$(find rootfs/home/conda/app)"
say "and touches nothing that is there"
cp -r project before
expect_exit 2 "$condaimg" init project
expect_stderr 'are not touched'
rm project/condaimg.yml
sed -i 's/python web.py --port $PORT/gunicorn web:app/' project/Procfile
(cd project && expect_exit 0 "$condaimg" init && [ "$(cat "$work/stdout")" = condaimg.yml ]) || fail "$(cat stdout)"
grep -q '^cmd: .*gunicorn web:app' project/condaimg.yml || fail "$(cat project/condaimg.yml)"
cmp project/environment.yml before/environment.yml
expect_exit 2 "$condaimg" init project/web.py
expect_exit 1 "$condaimg" init nowhere
mkdir empty
expect_exit 0 "$condaimg" init empty --dry-run
[ -z "$(ls -A empty)" ] || fail "--dry-run writes"

# ---- doctor ----

registry=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >registry.yml <<-END
	version: 0.1
	log: {accesslog: {disabled: true}, level: error}
	storage: {filesystem: {rootdirectory: $work/registry}}
	http: {addr: "$registry"}
END
docker-registry serve registry.yml >registry.log 2>&1 &
registry_pid=$!
for _ in $(seq 100); do
	curl -so /dev/null "http://$registry/v2/" && break
	sleep 0.1
done

finds() # KIND ABOUT REGEX: the last doctor did
{
	jq -e --arg k "$1" --arg a "$2" --arg r "$3" 'any(.findings[]; .kind == $k and .about == $a and (.text | test($r)))' stdout >/dev/null ||
		fail "no $1 of $2 with '$3': $(cat stdout)"
}

doctor() # CODE OPTION...
{
	local code=$1

	shift
	expect_exit "$code" "$condaimg" doctor --json -c "$channel" "$@"
	[ "$(jq .ok stdout)" = "$([ "$code" = 0 ] && echo true || echo false)" ] || fail "$(cat stdout)"
}

say "doctor, where all is well"
find "$HOME" "$TMPDIR" >files
doctor 0 "$registry/team/app:1"
finds ok cache 'free on'
finds ok channel "$channel answers"
finds ok registry "$registry answers, and has no $registry/team/app:1"
find "$HOME" "$TMPDIR" | diff files - || fail "doctor leaves files"
expect_exit 0 "$condaimg" push oci:images:app "$registry/team/app:1"
doctor 0 "$registry/team/app:1"
finds ok registry "has $registry/team/app:1"
say "what it finds"
doctor 1 "127.0.0.1:1/team/app"
finds wrong registry '127.0.0.1:1'
CONDAIMG_CACHE_DIR=/proc/nowhere doctor 1
finds wrong cache '/proc'
doctor 1 -c "$work/nowhere"
finds wrong channel 'nowhere'
doctor 1 -c "$work/empty"
finds wrong channel 'is it a channel'
echo 'channels: [a' >rc.yml
CONDAIMG_CONDARC=rc.yml doctor 1
finds wrong configuration 'rc.yml:'
: >none.pem
unset CONDAIMG_CONDARC
SSL_CERT_FILE=none.pem doctor 1
finds wrong certificates 'none.pem has no certificate'
SSL_CERT_FILE=nowhere.pem doctor 1
finds wrong certificates 'nowhere.pem'
printf 'proxy_servers: {https: "http://me:sesame@proxy.example:3128"}\nssl_verify: false\n' >rc.yml
http_proxy=http://me:sesame@127.0.0.1:9 CONDARC=$work/rc.yml doctor 0
finds ok proxy 'proxy.example:3128'
finds ok proxy '^http_proxy is http://127.0.0.1:9'
finds note certificates 'are not checked'
! grep -q sesame stdout stderr || fail "a password is told: $(cat stdout stderr)"
mkdir -p docker
echo '{"auths": {"h": {"auth": "sesame"' >docker/config.json
DOCKER_CONFIG=$work/docker doctor 1
finds wrong logins 'is no JSON'
! grep -q sesame stdout stderr || fail "a password is told: $(cat stdout stderr)"
printf '{"auths": {"h": {"auth": "bWU6c2VzYW1l"}}, "credsStore": "nowhere"}' >docker/config.json
chmod 644 docker/config.json
DOCKER_CONFIG=$work/docker doctor 1
finds wrong logins 'docker-credential-nowhere, which is not in PATH'
finds note logins 'may be read by others'
CONDA_OFFLINE=true doctor 0
finds note configuration 'offline is true'
expect_exit 0 "$condaimg" doctor --offline -q
! grep -q '^ok' stdout || fail "-q tells what is well: $(cat stdout)"
export CONDAIMG_CONDARC=none

# ---- colours ----

say "colours are for terminals, and not against a wish"
colours() # YES|NO VARIABLE=VALUE...
{
	local want=$1 got=NO

	shift
	env TERM=xterm "$@" script -qec "$condaimg push a b; $condaimg doctor --offline" typescript >/dev/null </dev/null || true
	! grep -q $'\033' typescript || got=YES
	[ $got = "$want" ] || fail "colours on a terminal with '$*': $got, expected $want"
}
colours YES A=
colours NO NO_COLOR=1
colours YES NO_COLOR=
colours NO NO_COLOR=1 CLICOLOR_FORCE=1
colours NO CLICOLOR=0
colours NO TERM=dumb
colours YES TERM=dumb CLICOLOR_FORCE=1
for variables in A= CLICOLOR_FORCE=0; do
	env TERM=xterm $variables "$condaimg" doctor --offline >out 2>&1
	! grep -q $'\033' out || fail "colours in a file with $variables"
done
env CLICOLOR_FORCE=1 "$condaimg" doctor --offline >out
grep -q $'\033' out || fail "CLICOLOR_FORCE is not heeded"

# ---- completions and man pages ----

say "completions in the shells themselves"
"$condaimg" completion bash >condaimg.bash
! command -v shellcheck >/dev/null || shellcheck condaimg.bash || fail "shellcheck"
for shell in bash zsh fish; do
	command -v $shell >/dev/null || { echo "SKIP: there is no $shell"; continue; }
	"$condaimg" completion $shell >completion.$shell
	$shell -n completion.$shell || fail "$shell does not read it"
	python3 "$root/tests/e2e/completion.py" $shell "$work/completion.$shell" "$condaimg" || fail "completion in $shell"
done
expect_exit 2 "$condaimg" completion csh
expect_exit 2 "$condaimg" manual nothing

say "man pages"
commands=$("$condaimg" --help | sed -n 's/^  condaimg \([a-z][a-z-]*\) .*/\1/p')
mkdir man
"$condaimg" manual >man/condaimg.1
for c in $commands repo2docker; do
	"$condaimg" manual "$c" >"man/condaimg-$c.1"
	for option in $("$condaimg" "$c" --help | grep -oE '^ {2,6}(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
		grep -qF -- "${option//-/\\-}" "man/condaimg-$c.1" || fail "condaimg-$c.1 has no $option"
	done
done
if command -v mandoc >/dev/null; then
	mandoc -Tlint -W warning man/*.1 || fail "mandoc"
	echo "mandoc: ok"
fi
if command -v lexgrog >/dev/null; then
	[ "$(lexgrog man/*.1 | grep -c ' - ')" = "$(find man -name '*.1' | wc -l)" ] || fail "lexgrog: $(lexgrog man/*.1)"
	for page in man/*.1; do
		LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null | grep . && fail "$page"
	done
	echo "man: ok"
fi

say "commands in the pages are those that there are"
python3 "$root/tests/e2e/docs_lint.py" "$condaimg" "$root/README.md" "$root"/docs/*.md "$root"/docs/*/*.md || fail "the pages tell of other commands"

# ---- meson install ----

say "meson install into DESTDIR, without network"
build=${CONDAIMG_BUILD_ROOT:-}
if [ -n "$build" ] && [ -e "$build/build.ninja" ] && command -v meson >/dev/null; then
	DESTDIR=$work/dest meson install -C "$build" --no-rebuild --quiet >install.log 2>&1 || fail "$(cat install.log)"
	prefix=$(meson introspect "$build" --buildoptions | jq -r '.[] | select(.name == "prefix").value')
	at=dest$prefix
	[ "$(ls -A dest)" = "$(cut -d/ -f2 <<<"$prefix")" ] || fail "files beside the prefix: $(ls -A dest)"
	[ "$(find dest -type f ! -perm /111 -path '*/bin/*'; find dest -type f -perm /111 ! -path '*/bin/*' ! -name '*.sh')" = '' ] || fail "modes"
	[ -z "$(find dest -perm /6022 ! -type l)" ] || fail "modes: $(find dest -perm /6022 ! -type l)"
	[ "$(readlink "$at/bin/jupyter-repo2docker")" = condaimg ] || fail "jupyter-repo2docker"
	for c in $commands repo2docker; do
		[ -s "$at/share/man/man1/condaimg-$c.1" ] || fail "there is no man page of $c: cmd/install/meson.build"
	done
	[ "$(find "$at/share/man/man1" -name 'condaimg-*.1' | wc -l)" = "$(wc -w <<<"$commands repo2docker")" ] || fail "pages of no command"
	for file in doc/condaimg/LICENSE doc/condaimg/README.md doc/condaimg/docs/json.md doc/condaimg/docs/schema/build-1.schema.json \
		bash-completion/completions/condaimg zsh/site-functions/_condaimg fish/vendor_completions.d/condaimg.fish condaimg/ci/build.sh; do
		[ -s "$at/share/$file" ] || fail "there is no $file"
	done
	[ -z "$(find dest -xtype l)" ] || fail "links to nothing: $(find dest -xtype l)"
	! grep -rqF "$root" dest --include='*.1' --include='*.md' --include='*.sh' --include='*condaimg*' --exclude-dir=bin || fail "a path of this machine is installed"
	! readelf -d "$at/bin/condaimg" | grep -E 'RPATH|RUNPATH' || fail "a run path is installed"
	"$at/bin/condaimg" --version >/dev/null
	echo "$(find dest -type f | wc -l) files"
else
	echo "SKIP: no build directory to install from"
fi
echo ok
