#!/bin/bash
# Bad input and bad places: each has its sentence and its exit code, and leaves nothing behind.
# Usage: bad-input.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need python3 zstd
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
mkdir out cache
cases=0

tidy()
{
	local place

	[ -z "${server:-}" ] || { kill "$server" && wait "$server"; } 2>/dev/null
	for place in small smallcache; do umount "$work/$place" 2>/dev/null; done
}

# What could be left behind: everything here but the cache and what this script itself writes.
listing()
{
	find . \( -path ./cache -o -path ./open/cache -o -path ./home/.cache -o -name stdout -o -name stderr -o -name before -o -name after \) -prune -o \
		! -type d -printf '%p %s %l\n' -o -type d -printf '%p\n' | LC_ALL=C sort
}

# In a cache there are files named by what they are, and whole ones at that.
check_cache() # DIR
{
	local odd

	odd=$(find "$1" -type f -printf './%P\n' | grep -vE '^\./(packages/sha256|plans|layers/(recipes|blobs/sha256))/[0-9a-f]{64}$|^\./plans/(facts|libraries)-[0-9a-f]{64}$|^\./repodata/[^.]|^\./lock$' || true)
	[ -z "$odd" ] || fail "left in the cache: $odd"
	if [ -d "$1/packages/sha256" ]; then
		(cd "$1/packages/sha256" && sha256sum -- * 2>/dev/null | awk '$1 != $2 { print; bad = 1 } END { exit bad }') || fail "a package in the cache is not what its name says"
	fi
}

# The command must fail with CODE and one sentence that has each of the words (regular expressions between ';'), print no
# result, and change nothing.
bad() # CODE WORDS COMMAND...
{
	local code=$1 words=$2 word

	shift 2
	listing >before
	expect_exit "$code" "$@"
	[ ! -s stdout ] || fail "a result in spite of an error: $*: $(cat stdout)"
	while IFS= read -r word; do expect_stderr "$word"; done < <(tr ';' '\n' <<<"$words")
	[ "$(grep -c '^condaimg: error: ' stderr)" = 1 ] || fail "not one error: $*: $(cat stderr)"
	tail -n 1 stderr | grep -q '^condaimg: error: [^ ].*[^.]$' || fail "not a sentence in our manner: $(cat stderr)"
	[ "$(tail -n 1 stderr | wc -c)" -lt 1200 ] || fail "a long sentence: $(cat stderr)"
	listing >after
	cmp -s before after || fail "something is left behind: $*: $(diff before after)"
	[ ! -d cache ] || check_cache cache
	cases=$((cases + 1))
}

run() { "$condaimg" "$@"; }
build() { "$condaimg" build "$@" --libc none --cache-dir cache -o oci:out/image; }
env_of() # PACKAGE...: an environment of packages of the bad channel
{
	printf 'name: x\nchannels: [%s]\ndependencies: [%s]\n' "$work/bad" "$(IFS=, && echo "$*")" >env.yml
}

python3 "$root/tests/e2e/make_channel.py" bad

say "what is good is good"
env_of good goodbz big
expect_exit 0 build env.yml
expect_result 'oci:out/image@sha256:[0-9a-f]{64}'
env_of link-script
expect_exit 1 build env.yml
expect_stderr 'link-script-post-link.sh.*--link-scripts ignore'
expect_exit 0 build env.yml --link-scripts ignore
expect_stderr 'warning: .*link-script-post-link.sh'
rm -rf out/image

say "usage"
bad 2 "no command 'bulid';--help" run bulid
bad 2 "no option '--no-such';build --help" run build --no-such env.yml
bad 2 "no option '-Z'" run build -Z env.yml
bad 2 "build needs ENVIRONMENT" run build
bad 1 "two;no such file" run build env.yml two
bad 2 "does not take 'two'" run inspect oci:one two
bad 2 "--tag needs a value" run build env.yml --tag
bad 2 "--offline takes no value" run build env.yml --offline=yes
bad 2 "--layers;'many';1 to" run build env.yml --layers many
bad 2 "--layers;'0'" run build env.yml --layers 0
bad 2 "--layers 3;no layer for packages" build env.yml --layers 3
bad 2 "--jobs;'-1'" run build env.yml -j -1
bad 2 "platform;'win-64';linux-64" run build env.yml --platform win-64
bad 2 "compress;'lz4'|lz4.*;gzip;zstd" run build env.yml --compression lz4
bad 2 "zstd.*99|99.*zstd" run build env.yml --compression zstd:99
bad 2 "libc;'musl';auto" run build env.yml --libc musl
bad 2 "prefix;'relative'" run build env.yml --prefix relative
bad 2 "'/opt/\.\./x'" run build env.yml --prefix /opt/../x
bad 2 "'nowhere:x';oci:;docker-archive:" run build env.yml -o nowhere:x
bad 2 "'oci:';path" run build env.yml -o oci:
bad 2 "'oci:x:a b';tag" run build env.yml -o 'oci:x:a b'
bad 2 "channel;override-channels;-c" run build env.yml --override-channels
bad 2 "priority;'loose';strict" run build env.yml --channel-priority loose
bad 2 "SOURCE_DATE_EPOCH;'yesterday';seconds" env SOURCE_DATE_EPOCH=yesterday "$condaimg" build env.yml
bad 2 "HOME;--cache-dir" env -u HOME "$condaimg" build env.yml
bad 2 "zstd;docker-archive;gzip" run build env.yml --compression zstd -o docker-archive:out/x.tar
bad 2 "CONDA_OVERRIDE_GLIBC|virtual" env CONDA_OVERRIDE_GLIBC='not a version!' "$condaimg" build env.yml --cache-dir cache
bad 2 "--virtual-package" run build env.yml --virtual-package glibc --cache-dir cache
bad 2 "env.yml|expected oci:" run inspect env.yml

say "environment files"
bad 1 "none.yml;no such file" build none.yml
bad 2 "out;folder without an environment.yml" build out
yaml() # CODE WORDS TEXT
{
	printf '%s\n' "$3" >env.yml
	bad "$1" "$2" build env.yml
}
yaml 1 'env.yml:2:[0-9]+' $'name: x\n\tchannels: [a]'
yaml 1 'env.yml:[0-9]+:[0-9]+' $'name: "x\ndependencies: [a]'
yaml 1 'env.yml:[0-9]+' $'dependencies: [a'
yaml 1 'env.yml;map' $'- a\n- b'
yaml 1 'env.yml;map|empty' ''
yaml 1 'env.yml:2:[0-9]+;dependencies;list' $'name: x\ndependencies: python'
yaml 1 'env.yml:2:[0-9]+;dependency;string' $'name: x\ndependencies: [[python]]'
yaml 1 'env.yml:3:[0-9]+' $'name: x\ndependencies:\n  - python: 3'
yaml 1 'env.yml:1:[0-9]+;name;string' $'name: [x]\ndependencies: [a]'
yaml 1 'env.yml:1:[0-9]+;channels;list' $'channels: 5\ndependencies: [a]'
yaml 1 'env.yml:2:[0-9]+;variables;map' $'name: x\nvariables: [A]\ndependencies: [a]'
yaml 1 'env.yml:[23]:[0-9]+;A' $'name: x\nvariables: {A: [1]}\ndependencies: [a]'
yaml 1 'env.yml:4:[0-9]+;pip' $'name: x\ndependencies:\n  - python\n  - pip:\n    - flask'
yaml 1 'env.yml:2:[0-9]+;name' $'name: x\nname: y\ndependencies: [a]'
yaml 1 'env.yml;platform;linux-65' $'name: x\nplatforms: [linux-65]\ndependencies: [a]'
yaml 1 'env.yml:3;>=' $'name: x\ndependencies:\n  - python >=\nchannels: [./bad]'
yaml 1 'env.yml:3;\[' $'name: x\ndependencies:\n  - "python[version="\nchannels: [./bad]'
yaml 1 'env.yml' $'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ndependencies: *f'
head -c 10000 /dev/urandom >env.yml
bad 1 'env.yml' build env.yml
head -c 3000 /dev/zero | tr '\0' '[' >env.yml
bad 1 'env.yml' build env.yml
printf 'name: x\0y\ndependencies: [a]\n' >env.yml
bad 1 'env.yml' build env.yml

say "what cannot be solved"
unsat() # WORDS PACKAGE...
{
	local words=$1

	shift
	env_of "$@"
	bad 3 "env.yml cannot be met for linux-64;$words" build env.yml --platform linux-64
}
unsat "no package 'nosuch';$work/bad" nosuch
unsat "you ask for 'common >=3'|common >=3;only|there (is|are)" "common >=3"
unsat "left;right;common 1;common 2" left right
unsat "needs-nowhere;nowhere >=3;no package 'nowhere'" needs-nowhere
unsat "__glibc >=99;2\.28" needs-new-glibc
env_of good
bad 3 "C library;sysroot_linux-64;--base;--libc none" run build env.yml --platform linux-64 --cache-dir cache -o oci:out/image

say "packages that are not what the channel tells"
record() # WORDS PACKAGE
{
	env_of "$2"
	bad 4 "$work/bad/noarch/$2-1-0\.(conda|tar\.bz2);$1" build env.yml
}
for suffix in "" -bz; do
	record "is sha256:[0-9a-f]{64}, expected sha256:[0-9a-f]{64}" tampered$suffix
	record "has [0-9]+ bytes, expected [0-9]+" cut-short$suffix
	record "more than the [0-9]+ bytes expected" too-long$suffix
	env_of not-there$suffix
	bad 1 "not-there$suffix-1-0;no such file" build env.yml
done
record "has [0-9]+ bytes, expected 12345" lies-about-size
record "is sha256:[0-9a-f]{64}, expected sha256:0{64}" lies-about-hash
record "is md5:[0-9a-f]{32}, expected md5:0{32}" lies-about-md5
record "cannot be verified;neither sha256 nor md5" tells-no-hash
env_of named-otherwise
bad 4 "named-otherwise-1-0.conda;'something-else', expected 'named-otherwise'" build env.yml
# A good package beside it is kept, a bad one is not, and what was bad once is asked for again.
env_of good tampered
bad 4 tampered build env.yml
python3 - bad/noarch/tampered-1-0.conda <<'PYTHON'
import sys
data = open(sys.argv[1], "rb").read()
middle = len(data) // 2
open(sys.argv[1], "wb").write(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:])
PYTHON
expect_exit 0 build env.yml
rm -rf out/image

say "archives that are broken or mean harm"
archive() # CODE WORDS PACKAGE
{
	local suffix fn

	for suffix in "" -bz; do
		env_of "$3$suffix"
		[ "$suffix" = -bz ] && fn=$3-bz-1-0.tar.bz2 || fn=$3-1-0.conda
		bad "$1" "$fn;$2" build env.yml
		[ "$(grep -o "$fn" stderr | wc -l)" = 1 ] || fail "the package is named more than once: $(cat stderr)"
	done
}
archive 1 "" truncated
archive 1 "broken" garbage
archive 1 "broken|ends too early" empty-file
archive 1 "'\.\./\.\./\.\./\.\./etc/evil' has a \"\.\.\" component" dotdot
archive 1 "'share/\.\./\.\./evil'" dotdot-inside
archive 1 "'/etc/evil' is absolute" absolute
archive 1 "'\.\./evil'" dotdot-unlisted
archive 1 "'/etc/passwd' is absolute" absolute-listed
archive 1 "'\.\./passwd'" dotdot-listed
archive 1 "'lib/passwd' would go through 'lib'" link-through
archive 1 "hard link;'\.\./\.\./\.\./\.\./\.\./etc/passwd'" hard-link-out
archive 1 "hard link;'/etc/passwd'" hard-link-absolute
archive 1 "share/x;hard link to 'share/none'" hard-link-to-nothing
archive 1 "share/x;hard links" hard-link-to-itself
archive 1 "dev/null;device" device
archive 1 "dev/sda;device" device-unlisted
archive 1 "share/fifo;fifo" fifo
archive 4 "share/ok;has 2 bytes, expected 3" lists-another-size
archive 4 "share/ok;is sha256:[0-9a-f]{64}, expected sha256:1{64}" lists-another-hash
archive 4 "share/more;not in the archive" lists-more
archive 4 "share/ok;file in the archive, expected a symlink" lists-a-link
archive 1 "share/ok;listed twice" lists-twice
archive 1 "share/ok;twice" has-twice
archive 1 "'share/ok/x' would go through 'share/ok'" file-below-file
archive 1 "info/index.json" no-index
archive 1 "info/index.json;JSON" broken-index
archive 1 "info/paths.json;_path.*string" broken-paths
archive 1 "info/paths.json" huge-paths
archive 1 "bin/x;placeholder;too short" short-placeholder
archive 1 "info/link.json;evil" entry-point-out
archive 1 "noarch: python;no python" without-python
archive 1 "255" name-too-long
# A member that nobody lists is not in the image, and so does no harm as a link on the way.
for suffix in "" -bz; do
	env_of link-through-unlisted$suffix
	expect_exit 0 "$condaimg" build env.yml --libc none --cache-dir cache --compression gzip -o oci-archive:unlisted.tar
	python3 - unlisted.tar <<'PYTHON'
import gzip, io, json, sys, tarfile
kinds = {}
with tarfile.open(sys.argv[1]) as outer:
    read = lambda name: outer.extractfile(name).read()
    blob = lambda d: read("blobs/sha256/" + d["digest"].split(":")[1])
    for layer in json.loads(blob(json.loads(read("index.json"))["manifests"][0]))["layers"]:
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob(layer)))) as t:
            kinds.update({m.name: m.type for m in t})
lib = "opt/conda/envs/default/lib"
assert kinds[lib] == tarfile.DIRTYPE and kinds[lib + "/passwd"] == tarfile.REGTYPE, kinds
PYTHON
	rm unlisted.tar
done

say "channels"
channel_of() # DIR TEXT-OF-REPODATA
{
	rm -rf "$1" cache/repodata
	mkdir -p "$1/noarch" "$1/linux-64" "$1/linux-aarch64"
	printf '%s' "$2" >"$1/noarch/repodata.json"
	echo '{"packages": {}}' >"$1/linux-64/repodata.json"
	echo '{"packages": {}}' >"$1/linux-aarch64/repodata.json"
	printf 'channels: [%s]\ndependencies: [good]\n' "$work/$1" >env.yml
}
repodata() # WORDS TEXT
{
	channel_of odd "$2"
	bad 1 "odd/noarch/repodata.json;$1" build env.yml
}
repodata "line 1" 'hello'
repodata "" '{"packages": {"a-1-0.tar.bz2": {"name": "a"'
repodata "" '[]'
repodata "line 1, byte 13: expected an object" '{"packages": [1, 2]}'
repodata "" "$(printf '[%.0s' $(seq 5000))"
channel_of odd "$(cat bad/noarch/repodata.json)"
zstd -qc odd/noarch/repodata.json | head -c 1000 >odd/noarch/repodata.json.zst
rm odd/noarch/repodata.json
bad 1 "odd/noarch/repodata.json.zst" build env.yml
head -c 1000 /dev/urandom >odd/noarch/repodata.json.zst
bad 1 "odd/noarch/repodata.json.zst" build env.yml
# Records that cannot be read are as good as not there.
channel_of odd '{"packages": {"good-1-0.tar.bz2": {"name": 7, "version": "1", "build": "0", "build_number": 0}}}'
bad 3 "no package 'good'" build env.yml
rm -rf odd
mkdir odd
bad 1 "$work/odd;no conda channel" build env.yml
rm -rf odd
bad 1 "$work/odd;no conda channel|no such" build env.yml
# A channel has noarch, be it empty; only a platform may be missing.
channel_of odd "$(cat bad/noarch/repodata.json)"
mv odd/noarch odd/linux-64-only
bad 1 "$work/odd;no conda channel;noarch/repodata.json" build env.yml
mv odd/linux-64-only odd/noarch
rm -r odd/linux-*
cp bad/noarch/good-1-0.conda odd/noarch/
expect_exit 0 build env.yml
rm -rf odd out/image

cat >server.py <<'PYTHON'
import http.server, os, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/cut/"):
            self.path = self.path[4:]
            path = self.translate_path(self.path)
            if path.endswith(".conda") and os.path.exists(path):
                data = open(path, "rb").read()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[:len(data) // 2])
                self.close_connection = True
                return
        if self.path.startswith("/login/"):
            return self.send_error(401)
        super().do_GET()
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
open("port", "w").write(str(server.server_port))
server.serve_forever()
PYTHON
python3 server.py &
server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
url=http://127.0.0.1:$(cat port)
http_env() { printf 'channels: ["%s"]\ndependencies: [good]\n' "$1" >env.yml; }
http_env "$url/bad"
expect_exit 0 build env.yml
rm -rf out/image cache/packages
http_env "$url/nowhere"
bad 1 "$url/nowhere;no conda channel" build env.yml
http_env "$url/login/x"
bad 1 "$url/login;401;credentials" build env.yml
http_env "http://127.0.0.1:1/x"
bad 1 "127.0.0.1:1/x;connect" build env.yml
rm -rf cache
http_env "$url/bad"
bad 1 "$url/bad;offline" build env.yml --offline
http_env "$url/cut/bad"
bad 1 "$url/cut/bad/noarch/good-1-0.conda" build env.yml
http_env "http://user:sesame@127.0.0.1:1/x"
bad 1 "127.0.0.1:1/x" build env.yml
! grep -q sesame stderr || fail "a password: $(cat stderr)"
bad 2 "ftp://x/y;http" build env.yml --override-channels -c ftp://x/y

say "locks"
env_of good big
expect_exit 0 "$condaimg" lock env.yml --libc none --cache-dir cache --platform linux-64 --lockfile good.lock
lock() # CODE WORDS SED-SCRIPT
{
	sed "$3" good.lock >conda-lock.yml
	! cmp -s good.lock conda-lock.yml || fail "the lock is as before: $3"
	bad "$1" "$2" "$condaimg" build conda-lock.yml --libc none --cache-dir cache --platform linux-64 -o oci:out/image
}
lock 4 "bad/noarch/(good|big)-1-0.conda;expected sha256:0{60}" 's/^\( *sha256: \).*/\10000000000000000000000000000000000000000000000000000000000000000/'
lock 1 "conda-lock.yml:[0-9]+;sha256" 's/^\( *sha256: \).*/\1abc/'
lock 1 "conda-lock.yml:[0-9]+;version" 's/^version: 1/version: 9/'
lock 1 "conda-lock.yml:[0-9]+" 's/^package:/package: 7\nrest:/'
lock 1 "conda-lock.yml:[0-9]+;url|file" 's|^  url: .*|  url: ftp://x/y.zip|'
lock 1 "conda-lock.yml:[0-9]+;pip" 's/^  manager: conda/  manager: pip/'
lock 1 "conda-lock.yml:[0-9]+" 's/^- name: good/- name: ..\/..\/good/'
lock 1 "conda-lock.yml:[0-9]+" '/^ *\(sha256\|md5\): /d'
# shellcheck disable=SC2016  # sed's own
lock 1 "conda-lock.yml" '/^package:/,$d; s/^metadata:/package: [\nmetadata:/'
cp good.lock conda-lock.yml
bad 1 "conda-lock.yml;linux-aarch64;--platform" "$condaimg" build conda-lock.yml --libc none --cache-dir cache --platform linux-aarch64 -o oci:out/image
bad 1 "oci:none;no such file" "$condaimg" build conda-lock.yml --base oci:none --cache-dir cache --platform linux-64 -o oci:out/image
bad 2 "lock already" "$condaimg" lock conda-lock.yml --cache-dir cache
env_of good
bad 1 "good.lock;does not match;env.yml;condaimg lock" build env.yml --lockfile good.lock --platform linux-64
bad 1 "nowhere.lock;no such file" build env.yml --lockfile nowhere.lock
# Beside the environment it is only noticed.
expect_exit 0 "$condaimg" build env.yml --libc none --cache-dir cache --platform linux-64 -o oci:out/image
expect_stderr "warning: .*conda-lock.yml does not match env.yml.*condaimg lock"
rm -rf out/image conda-lock.yml
# A package that the cache has, but not as the lock says.
mv good.lock conda-lock.yml
expect_exit 0 "$condaimg" build conda-lock.yml --libc none --cache-dir cache --platform linux-64 -o oci:out/image
rm -rf out/image
package=$(grep -h -A9 '^- name: good' conda-lock.yml | sed -n 's/^ *sha256: //p' | head -n 1)
printf 'x' >>"cache/packages/sha256/$package"
rm -rf cache/layers cache/plans
expect_exit 0 "$condaimg" build conda-lock.yml --libc none --cache-dir cache --platform linux-64 -o oci:out/image ||
	fail "a damaged package in the cache is not fetched again"
check_cache cache
rm -rf out/image conda-lock.yml

say "places"
env_of good big
touch out/file
bad 1 "out/file" "$condaimg" build env.yml --libc none --cache-dir cache -o oci:out/file
bad 1 "out/file/x" "$condaimg" build env.yml --libc none --cache-dir cache -o oci:out/file/x
mkdir out/full && echo mine >out/full/precious
bad 2 "out/full;not.*layout|no.*layout" "$condaimg" build env.yml --libc none --cache-dir cache -o oci:out/full
bad 2 "out/full;directory" "$condaimg" build env.yml --libc none --cache-dir cache -o oci-archive:out/full
bad 1 "out/none/x.tar" "$condaimg" build env.yml --libc none --cache-dir cache -o oci-archive:out/none/x.tar
bad 1 "cache;out/file" "$condaimg" build env.yml --libc none --cache-dir out/file -o oci:out/image
bad 1 "no such|cannot open;out/none" run inspect oci:out/none
bad 1 "out/full;layout" run inspect oci:out/full
bad 1 "out/file" run inspect oci-archive:out/file
bad 1 "out/none" "$condaimg" build env.yml --cache-dir cache --base oci:out/none -o oci:out/image
rm -r out/full out/file
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	install -m 755 "$condaimg" program
	nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
	mkdir closed sealed open
	chmod 777 open
	chmod 700 sealed
	bad 1 "closed;permission denied" nobody "$work/program" build env.yml --libc none --cache-dir open/cache -o oci:closed/image
	bad 1 "closed;permission denied" nobody "$work/program" build env.yml --libc none --cache-dir open/cache -o oci-archive:closed/x.tar
	bad 1 "cache;closed;permission denied" nobody "$work/program" build env.yml --libc none --cache-dir closed/cache -o oci:open/image
	bad 1 "sealed;permission denied" nobody "$work/program" build sealed/env.yml --libc none --cache-dir open/cache -o oci:open/image
	check_cache open/cache
	rm -rf program closed sealed open
fi

say "no space"
if [ -c /dev/full ]; then
	full() { "$@" >/dev/full; }
	listing >before
	got=0
	full "$condaimg" lock env.yml --libc none --cache-dir cache --lockfile - 2>stderr || got=$?
	[ $got = 1 ] || fail "a lock into a full device: exit code $got"
	expect_stderr "stdout" "no space"
	got=0
	full "$condaimg" build env.yml --libc none --cache-dir cache --dry-run 2>stderr || got=$?
	[ $got = 1 ] || fail "a dry run into a full device: exit code $got"
	got=0
	full "$condaimg" --help 2>stderr || got=$?
	[ $got = 1 ] || fail "help into a full device: exit code $got"
fi
mkdir small smallcache
if mount -t tmpfs -o size=1m,mode=755 tmpfs small 2>/dev/null && mount -t tmpfs -o size=1m,mode=755 tmpfs smallcache 2>/dev/null; then
	bad 1 "no space;small" "$condaimg" build env.yml --libc none --cache-dir cache -o oci:small/image
	bad 1 "no space;small" "$condaimg" build env.yml --libc none --cache-dir cache -o oci-archive:small/x.tar
	bad 1 "no space;small" "$condaimg" build env.yml --libc none --cache-dir cache -o docker-archive:small/x.tar:x:1
	rm -rf cache
	# The cache may keep what it has got so far, if it is whole.
	expect_exit 1 "$condaimg" build env.yml --libc none --cache-dir smallcache -o oci:out/image
	expect_stderr "no space"
	check_cache smallcache
	[ ! -e out/image ] || fail "an image in spite of a full cache"
else
	echo "without small file systems: they cannot be mounted here"
fi
# A limit on the size of files is another way to be out of space, and kills who does not expect it.
small_files() { (ulimit -f 512 && "$@"); }
rm -rf cache
bad 1 "too large" small_files "$condaimg" build env.yml --libc none --cache-dir cache -o oci:out/image
expect_exit 0 "$condaimg" build env.yml --libc none --cache-dir cache -o oci:out/kept
rm -rf out/kept
bad 1 "too large;out/x.tar" small_files "$condaimg" build env.yml --libc none --cache-dir cache -o oci-archive:out/x.tar
bad 1 "too large;out" small_files "$condaimg" build env.yml --libc none --cache-dir cache -o oci:out/image

say "what is no file is written to, and what is closed is not written to"
rm -f conda-lock.yml
mkfifo pipe.lock
timeout 60 cat pipe.lock >from-pipe &
reader=$!
expect_exit 0 timeout 60 "$condaimg" lock env.yml --libc none --cache-dir cache --platform linux-64 --lockfile pipe.lock
wait $reader
[ -p pipe.lock ] || fail "a fifo was replaced by a file"
"$condaimg" lock env.yml --libc none --cache-dir cache --platform linux-64 --lockfile - >plain.lock
cmp plain.lock from-pipe || fail "a fifo got another lock"
"$condaimg" lock env.yml --libc none --cache-dir cache --platform linux-64 --lockfile /dev/stdout | head -n -1 | cmp plain.lock - || fail "/dev/stdout got another lock"
[ -L /dev/stdout ] || fail "/dev/stdout was replaced"
echo old >real.lock
ln -s real.lock link.lock
expect_exit 0 "$condaimg" lock env.yml --libc none --cache-dir cache --platform linux-64 --lockfile link.lock
[ -L link.lock ] || fail "a link was replaced by a file"
cmp plain.lock real.lock || fail "a link leads to another lock"
rm -f ./*.lock from-pipe
rm -rf cache
"$condaimg" build env.yml --libc none --cache-dir cache -o oci:out/image >stdout 2>stderr || fail "$(cat stderr)"
for closed in '<&-' '2>&-' '<&- 2>&-'; do
	rm -rf cache2
	eval '"$condaimg" build env.yml --libc none --cache-dir cache2 -v -o oci:out/closed' "$closed" >other || fail "with $closed"
	[ "$(digest_of "$(cat other)")" = "$(digest_of "$(cat stdout)")" ] || fail "with $closed another digest"
	check_cache cache2
done
rm -rf cache2
! "$condaimg" build env.yml --libc none --cache-dir cache2 -o oci:out/closed >&- 2>stderr || fail "a result into nothing"
expect_stderr stdout
check_cache cache2

say "killed at any time, nothing is in the way of the next"
rm -rf out cache2
killed() # SIGNAL SECONDS DEST
{
	(timeout -s "$1" "$2" "$condaimg" build env.yml --libc none --cache-dir cache2 -o "$3" || true) >killed 2>/dev/null
}
for pause in 0.005 0.01 0.02 0.03 0.05 0.08 0.12 0.2; do
	for signal in KILL TERM; do
		killed $signal $pause oci:out/image
		killed $signal $pause oci-archive:killed.tar:x
		[ ! -d cache2 ] || check_cache cache2
		[ -z "$(find . -maxdepth 1 -name '.*' -type f)" ] || fail "an unfinished archive: $(find . -maxdepth 1 -name '.*')"
	done
done
expect_exit 0 "$condaimg" build env.yml --libc none --cache-dir cache2 -o oci:out/image
[ "$(digest_of "$(cat stdout)")" = "$(digest_of "$(cat other)")" ] || fail "another digest after having been killed"
echo "$cases bad cases, each with its sentence"
echo "ok"
