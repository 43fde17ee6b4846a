#!/usr/bin/env bash
# tools/debian-channel makes a channel which is what its records say, and whose packages run on their own libc.
#
# The channel is kept in $CONDAIMG_TEST_CACHE (default: the build folder), for other tests and for the next run.
# Needs Debian 12's python3 patchelf zstd binutils, and for the part that runs things bubblewrap. 77 = skipped.
set -euo pipefail

root=${CONDAIMG_SOURCE_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
cache=${CONDAIMG_TEST_CACHE:-${CONDAIMG_BUILD_ROOT:-$root/build}/debian-channel}
channel=$cache/channel
prefix=/opt/conda/envs/default
tool=$root/tools/debian-channel
reader() { python3 "$root/tests/e2e/conda_reader.py" "$@"; }
fail() { echo "FAIL: $*" >&2; exit 1; }
skip() { echo "SKIP: $*" >&2; exit 77; }

grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release || skip "not Debian 12"
for need in apt-get dpkg-deb patchelf zstd objdump python3; do
	command -v "$need" >/dev/null || skip "no $need"
done
mkdir -p "$cache"
tmp=$(mktemp -d "$cache/tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
# apt fails on lists which are missing or older than the archive: a matter of the machine, not of the tool.
if ! (mkdir apt && cd apt && apt-get download -q jq >/dev/null 2>&1); then
	skip "apt-get cannot download; try apt-get update"
fi

echo "== made once"
"$tool" "$channel" --cache "$cache/debs"
reader check "$channel"
before=$(stat -c '%i %y' "$channel" "$channel"/noarch/repodata.json)
[[ $("$tool" "$channel" --cache "$cache/debs") == *": up to date" ]] || fail "made again though nothing has changed"
[[ $before == "$(stat -c '%i %y' "$channel" "$channel"/noarch/repodata.json)" ]] || fail "touched though nothing has changed"

echo "== the same bytes from another place, time zone, language, umask"
(umask 077 && cd / && env TZ=Asia/Tokyo LC_ALL=C.UTF-8 HOME=/nonexistent "$tool" "$tmp/second" --cache "$cache/debs")
diff -r "$channel" "$tmp/second" || fail "not reproducible"

echo "== interrupted, nothing is left and what was there stays"
echo stale >"$tmp/second/.debian-channel"
timeout -s TERM 1.5 "$tool" "$tmp/second" --cache "$cache/debs" && fail "was not interrupted"
[[ ! -e $tmp/.second.new && $(cat "$tmp/second/.debian-channel") == stale ]] || fail "an interrupted run left something"
reader check "$tmp/second" >/dev/null
rm -rf "$tmp/second"

echo "== a folder of somebody else is left alone"
mkdir "$tmp/mine" && echo precious >"$tmp/mine/file"
"$tool" "$tmp/mine" --cache "$cache/debs" 2>"$tmp/err" && fail "took a folder that is not its own"
grep -q 'was not made by debian-channel' "$tmp/err" || fail "said $(cat "$tmp/err")"
[[ $(ls "$tmp/mine") == file ]] || fail "changed a folder that is not its own"

echo "== a channel runs"
bwrap --ro-bind / / --unshare-all true 2>/dev/null || skip "bwrap cannot make namespaces here, the rest passed"
top=$tmp/rootfs
sysroot="$(uname -m)-conda-linux-gnu/sysroot"
case $(uname -m) in x86_64) subdir=linux-64 ;; aarch64) subdir=linux-aarch64 ;; esac
mkdir -p "$top"/{usr,check,etc}
# Everything but the second, older build of a name.
mapfile -t names < <(python3 -c '
import json, sys
for path in sys.argv[1:]:
    for kind in ("packages", "packages.conda"):
        print(*{r["name"] for r in json.load(open(path))[kind].values()}, sep="\n")
' "$channel"/*/repodata.json | sort -u)
mapfile -t env < <(reader install "$channel" "$top" $prefix "${names[@]}")
# Debian's loader knows /lib, /lib/<triplet>, /usr/lib and /usr/lib/<triplet>, its libc /usr/lib/locale and
# /usr/lib/<triplet>/gconv, but neither knows /lib64: with these links lib64 is all of them.
cp -a "$top$prefix/$sysroot/lib64" "$top/lib64"
ln -s lib64 "$top/lib"
ln -s ../lib64 "$top/usr/lib"
ln -s ../lib64 "$top/usr/lib64"
options=(--bind "$top" / --proc /proc --dev /dev --tmpfs /tmp --unshare-all --chdir / --clearenv
	--setenv PATH "$prefix/bin" --setenv HOME /check --setenv LC_ALL C.UTF-8 --setenv TERM xterm)
for var in "${env[@]}"; do
	options+=(--setenv "${var%%=*}" "${var#*=}")
done
inside() { bwrap "${options[@]}" "$@"; }
# Prints "NAME ok" or fails with what the command said instead.
same() { # NAME WANTED COMMAND...
	local name=$1 want=$2 got
	shift 2
	got=$(inside "$@" 2>&1) || fail "$name: $got"
	# shellcheck disable=SC2053  # a pattern is wanted
	[[ $got == $want ]] || fail "$name: $got"
	echo "$name ok"
}

find "$top$prefix" -name '*.so*' -type f -o -path '*/bin/*' -type f | sed "s|^$top||" >"$top/check/files"
cat >"$top/check/closed.py" <<'END'
# Every ELF file finds every library it needs, in the prefix or in the libc.
import os, subprocess, sys
bad = seen = 0
loader = next("/lib64/" + n for n in os.listdir("/lib64") if n.startswith("ld-linux"))
for path in open("/check/files").read().split("\n")[:-1]:
    if "/sysroot/" in path or open(path, "rb").read(4) != b"\x7fELF":
        continue
    out = subprocess.run([loader, "--list", path], capture_output=True, text=True)
    seen += 1
    lost = [l.strip() for l in out.stdout.splitlines() if "not found" in l]
    if lost or out.returncode:
        bad += 1
        print(path, lost, out.stderr)
print("closed" if not bad and seen > 150 else f"{bad} of {seen}")
END
cat >"$top/check/python.py" <<END
import setuptools
import bz2, crypt, ctypes, curses, decimal, distutils.core, hashlib, json, lib2to3.main, locale, lzma, multiprocessing
import os, readline, site, socket, sqlite3, ssl, subprocess, sys, sysconfig, threading, urllib.request, uuid, zlib, zoneinfo
import xml.parsers.expat
import certifi, chardet, charset_normalizer, click, idna, numpy, pip, requests, six, urllib3, wheel, yaml

prefix = "$prefix"
packages = prefix + "/lib/python3.11/site-packages"
assert sys.prefix == sys.exec_prefix == prefix == sysconfig.get_config_var("prefix"), sys.prefix
assert sys.path[1:] == [prefix + "/lib/" + p for p in
    ("python311.zip", "python3.11", "python3.11/lib-dynload", "python3.11/site-packages")], sys.path
assert packages in site.getsitepackages() and "dist-packages" not in str(site.getsitepackages())
assert sysconfig.get_path("purelib") == sysconfig.get_path("platlib") == packages
assert sysconfig.get_path("scripts") == prefix + "/bin"
assert "sitecustomize" not in sys.modules
for module in certifi, numpy, requests, six, yaml:
    assert module.__file__.startswith(packages + "/"), module

assert ssl.get_default_verify_paths().cafile == prefix + "/ssl/cacert.pem"
assert len(ssl.create_default_context().get_ca_certs()) > 100
assert ssl.create_default_context(cafile=requests.certs.where()).cert_store_stats()["x509_ca"] > 100
assert requests.certs.where().startswith(packages)
try:
    urllib3.PoolManager().request("GET", "https://127.0.0.1:1/", retries=False)
except urllib3.exceptions.NewConnectionError:
    pass
assert hashlib.new("sha256", b"").hexdigest().startswith("e3b0c442")
assert crypt.crypt("a", "\$6\$ab").startswith("\$6\$ab\$")
assert sqlite3.connect(":memory:").execute("select 6*7").fetchone() == (42,)
for codec in bz2, lzma, zlib:
    assert codec.decompress(codec.compress(b"x" * 1000)) == b"x" * 1000
assert yaml.__with_libyaml__ and yaml.load("a: [1, 2]", Loader=yaml.CSafeLoader) == {"a": [1, 2]}
a = numpy.array([[2.0, 1.0], [1.0, 3.0]])
assert numpy.allclose(numpy.linalg.inv(a) @ a, numpy.eye(2)) and numpy.allclose(numpy.linalg.eigvals(a).sum(), 5)
curses.setupterm("xterm")
assert curses.tigetnum("colors") == 8
assert locale.setlocale(locale.LC_ALL, "") == "C.UTF-8"
assert zoneinfo.TZPATH[0] == prefix + "/share/zoneinfo" and zoneinfo.ZoneInfo("Europe/Berlin")
done = []
thread = threading.Thread(target=done.append, args=(1,))
thread.start(), thread.join()
assert done
assert ctypes.CDLL("libgcc_s.so.1") and ctypes.CDLL(prefix + "/lib/libstdc++.so.6")
libc = ctypes.CDLL(None)
libc.iconv_open.restype = ctypes.c_void_p
for name in b"UTF-16", b"UTF-32LE", b"LATIN1", b"ISO-8859-15", b"CP1252", b"KOI8-R":
    assert libc.iconv_open(name, b"UTF-8") != ctypes.c_void_p(-1).value, name
assert socket.getaddrinfo("127.0.0.1", 80) and uuid.uuid1()
assert subprocess.run(["bash", "-c", "exit 3"]).returncode == 3
print("all of it")
END
mkdir "$top/check/hi"
printf '%s\n' '[build-system]' 'requires = ["setuptools"]' 'build-backend = "setuptools.build_meta"' '[project]' \
	'name = "hi"' 'version = "1"' '[project.scripts]' 'hi = "hi:main"' >"$top/check/hi/pyproject.toml"
printf 'def main():\n\tprint("hi from", __file__)\n' >"$top/check/hi/hi.py"

same libc "*2.36*" bash -c '/lib64/ld-linux*.so.* --version'
same "closed under DT_NEEDED" closed python /check/closed.py
same python "all of it" python -W ignore /check/python.py
same "python, isolated" "$prefix/lib/python3.11/site-packages/six.py" python3 -I -c 'import six; print(six.__file__)'
same "pip check" "No broken requirements found." pip check
inside bash -c 'pip install -q --no-index --no-build-isolation --no-deps --root-user-action=ignore /check/hi 2>/tmp/e || cat /tmp/e'
same "pip install" "hi from $prefix/lib/python3.11/site-packages/hi.py" hi
same "python -m venv" "/tmp/v/lib/python3.11/site-packages" bash -c \
	'python -m venv --without-pip /tmp/v && /tmp/v/bin/python -c "import sys; print(sys.path[-1])"'
same jq "jq-1.6" jq --version
same "jq, oniguruma" true jq -n '"aab" | test("a+b")'
same openssl "OpenSSL 3.*" openssl version
same "openssl, modules" "*legacy*active*" openssl list -providers -provider legacy
same "entry point" "Charset-Normalizer*" normalizer --version
same "script with a prefix" "Help on package json*" pydoc3.11 json
# shellcheck disable=SC2016  # it is for the shell inside
same bash "12 3" bash -c 'echo $(expr 3 "*" 4) $(seq 3 | sort -r | xz | xz -d | bzip2 | bunzip2 | head -n 1)'
same sqlite3 "2" sqlite3 :memory: 'select 1+1'
same tput "80" tput cols
same ls "*python -> python3.11" ls -l $prefix/bin/python
echo "== $(basename "$channel") for $subdir: $(du -sh "$channel" | cut -f1), ${#names[@]} names, all run"
