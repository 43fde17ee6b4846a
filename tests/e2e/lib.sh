# shellcheck shell=bash
# What the tests here share. Sourced as: . "$(dirname "$0")/lib.sh", with the test's arguments.
#
# $CONDAIMG, or the first argument, is the program. $work is a directory of the test's own, below a name in lower
# case because podman wants that of oci: places; it is removed at the end. HOME, TMPDIR and the cache are in it.
set -eu

root=${CONDAIMG_SOURCE_ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
test_name=$(basename "$0" .sh)
condaimg=${CONDAIMG:-${1:-$root/build/cmd/condaimg}}
shared=${CONDAIMG_SHARED:-$root/../shared}
# shellcheck disable=SC2034  # for those who source this
real_channel=$shared/channels/real

fail()
{
	echo "FAIL: $*" >&2
	exit 1
}

skip()
{
	echo "SKIP: $*"
	exit 77
}

need() # PROGRAM...
{
	local program

	for program; do
		command -v "$program" >/dev/null || skip "there is no $program on this machine"
	done
}

clean_up()
{
	local rc=$?

	trap - EXIT INT TERM
	cd /
	if declare -F tidy >/dev/null; then tidy || true; fi
	chmod -R u+rwX "$work" 2>/dev/null || true
	rm -rf "$work"
	exit $rc
}

[ -x "$condaimg" ] || fail "there is no program $condaimg; build it, or say CONDAIMG=..."
condaimg=$(realpath "$condaimg")
shared=$(realpath -m "$shared")
work=$(realpath "${CONDAIMG_TEST_TMP:-/tmp}")/condaimg-e2e-$test_name-$$
mkdir "$work"
trap clean_up EXIT
trap 'exit 130' INT TERM
# Nothing of the user's machine may reach a test.
unset SOURCE_DATE_EPOCH CONDAIMG_CACHE_DIR XDG_CACHE_HOME XDG_CONFIG_HOME XDG_RUNTIME_DIR "${!CONDA_@}" "${!MAMBA_@}" \
	CONDARC MAMBARC RATTLER_AUTH_FILE NETRC BINSTAR_CONFIG_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_FILE \
	http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
# What a compiler made stays known, as between two builds by hand.
export CCACHE_DIR=${CCACHE_DIR:-${HOME:-/nonexistent}/.cache/ccache}
export HOME=$work/home TMPDIR=$work/tmp CONDAIMG_CONDARC=none
mkdir "$HOME" "$TMPDIR"
chmod 755 "$work"
cd "$work"

say()
{
	echo "== $*"
}

# Runs a command with its output in $work/stdout and $work/stderr; its exit code must be CODE.
expect_exit() # CODE COMMAND...
{
	local want=$1 got=0

	shift
	"$@" >"$work/stdout" 2>"$work/stderr" </dev/null || got=$?
	if grep -qE 'AddressSanitizer|LeakSanitizer|runtime error:|Assertion .* failed' "$work/stderr"; then
		fail "a bug: $*: $(cat "$work/stderr")"
	fi
	[ "$got" = "$want" ] || fail "exit code $got, expected $want: $*
stdout: $(head -c 2000 "$work/stdout")
stderr: $(head -c 2000 "$work/stderr")"
}

# Each regular expression must be in what the last command said on stderr, whatever the case of its letters.
expect_stderr() # REGEX...
{
	local want

	for want; do
		grep -qiE -- "$want" "$work/stderr" || fail "stderr has no '$want': $(cat "$work/stderr")"
	done
}

# A build that goes well says nothing but its result where nobody watches.
expect_result() # REGEX
{
	[ ! -s "$work/stderr" ] || fail "chatter: $(cat "$work/stderr")"
	grep -qxE -- "$1" "$work/stdout" || fail "the result is not '$1': $(cat "$work/stdout")"
	[ "$(wc -l <"$work/stdout")" = 1 ] || fail "more than a result: $(cat "$work/stdout")"
}

# Makes, or finds, the channel out of Debian's own packages; $channel is a copy that anybody may read.
embedded_channel()
{
	local cache=${CONDAIMG_TEST_CACHE:-${CONDAIMG_BUILD_ROOT:-$root/build}/debian-channel}

	mkdir -p "$cache"
	if ! "$root/tools/debian-channel" "$cache/channel" --cache "$cache/debs" >"$work/channel.log" 2>&1; then
		[ -d "$cache/channel/noarch" ] || skip "tools/debian-channel: $(tail -n 1 "$work/channel.log")"
	fi
	channel=$work/channel
	cp -r "$cache/channel" "$channel"
	chmod -R go+rX "$channel"
}

# The digest at the end of what a build printed.
digest_of() # TEXT
{
	echo "${1##*@}"
}

# Files that an embedded environment is made of.
hello_environment() # FILE
{
	cat >"$1" <<-END
		name: hello
		channels:
		  - $channel
		dependencies:
		  - python=3.11
		  - requests
		  - click
		  - pyyaml
		  - jq
		  - bash
		  - coreutils
		variables:
		  GREETING: grüße
	END
}

real_environment() # FILE
{
	cat >"$1" <<-END
		name: py37
		channels:
		  - $real_channel
		dependencies:
		  - python=3.7
		  - requests
		  - jq
		  - git
		  - six
		  - conda
	END
}
