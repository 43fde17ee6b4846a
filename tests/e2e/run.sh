#!/bin/bash
# Images really run: as their user, also with a read-only root, on their own C library and on a Debian base.
# Usage: run.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/runtimes.sh
. "$root/tests/e2e/runtimes.sh"

# ---- what python must be able to do ----

cat >all.py <<'END'
import bz2, ctypes, curses, decimal, hashlib, json, locale, lzma, os, readline, socket, sqlite3, ssl
import subprocess, sys, sysconfig, tempfile, threading, time, urllib.request, uuid, xml.parsers.expat, zlib
import multiprocessing, requests, six, urllib3

mode, base, uid = sys.argv[1:4]
prefix = "/opt/conda/envs/default"
assert sys.prefix == prefix == os.environ["CONDA_PREFIX"], sys.prefix
assert os.environ["PATH"].startswith(prefix + "/bin:") and os.environ["HOME"] == "/home/conda"
assert (os.getuid(), os.getgid()) == (int(uid), 0), (os.getuid(), os.getgid())
assert os.getcwd() == "/home/conda", os.getcwd()
stats = ssl.create_default_context().cert_store_stats()
assert stats["x509_ca"] > 100, (stats, ssl.get_default_verify_paths())
assert os.path.exists(requests.certs.where())
try:
    urllib3.PoolManager().request("GET", "https://127.0.0.1:1/", retries=False)
except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ProtocolError):
    pass
assert sqlite3.connect(":memory:").execute("select 6*7").fetchone() == (42,)
for codec in bz2, lzma, zlib:
    assert codec.decompress(codec.compress(b"x" * 1000)) == b"x" * 1000
assert hashlib.new("sha256", b"").hexdigest().startswith("e3b0c442")
assert locale.setlocale(locale.LC_ALL, "") == "C.UTF-8"
assert locale.nl_langinfo(locale.CODESET) == "UTF-8" and sys.getfilesystemencoding() == "utf-8"
assert "grü\u00dfe".encode("utf-16").decode("utf-16") == "grüße"
libc = ctypes.CDLL(None)
assert libc.getpid() == os.getpid()
libc.gnu_get_libc_version.restype = ctypes.c_char_p
assert libc.gnu_get_libc_version() == b"2.36"
done = []
thread = threading.Thread(target=done.append, args=(1,))
thread.start(), thread.join()
assert done
assert subprocess.run([sys.executable, "-c", "import sys; sys.exit(3)"]).returncode == 3
assert socket.getaddrinfo("127.0.0.1", 80) and socket.getservbyname("https") == 443 if base == "scratch" else True
with tempfile.NamedTemporaryFile() as f:
    f.write(b"x")
    assert f.name.startswith("/tmp/"), f.name
with tempfile.TemporaryDirectory() as d:
    open(os.path.join(d, "grüße 日本.txt"), "w").close()
    assert os.listdir(d) == ["grüße 日本.txt"]
    assert b"gr\xc3\xbc\xc3\x9fe" in os.listdir(d.encode())[0]
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]
home = os.path.join(os.path.expanduser("~"), ".probe")
try:
    open(home, "w").close()
    os.remove(home)
    assert mode == "rw", "HOME can be written to on a read-only root"
except OSError as e:
    assert mode == "ro", e
for place in prefix, prefix + "/lib", "/etc":
    assert not os.access(place, os.W_OK), (place, "can be written to")
if base == "scratch":
    import getpass, grp, pwd
    assert getpass.getuser() == "conda" and pwd.getpwuid(0).pw_name == "root" and grp.getgrgid(0).gr_name == "root"
    assert os.path.expanduser("~conda") == "/home/conda"
    server = socket.socket()  # create_server() came with 3.8
    server.bind(("localhost", 0))
    server.listen()
    with socket.create_connection(("localhost", server.getsockname()[1])) as client:
        server.accept()[0].sendall(b"x")
        assert client.recv(1) == b"x"
if sys.version_info >= (3, 9):
    import zoneinfo, datetime
    summer = datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    assert summer.utcoffset() == datetime.timedelta(hours=2)
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    assert time.strftime("%H", time.localtime(0)) == "09", time.tzname
print("all of it")
END
python_does_all() # IMAGE BASE
{
	local mode

	for as in "" 4711:0; do
		for mode in rw ro; do
			inside "$1" $mode "all of it" python -B -c "$(cat all.py)" $mode "$2" "$(echo "${as:-1000}" | cut -d: -f1)"
		done
	done
	as=
}

embedded_channel

say "embedded channel, scratch with its own C library"
mkdir embedded
hello_environment embedded/environment.yml
expect_exit 0 "$condaimg" build embedded/environment.yml -o oci:images:embedded
expect_result 'oci:images:embedded@sha256:[0-9a-f]{64}'
find_runtimes images:embedded
for runtime in "${runtimes[@]}"; do
	python_does_all images:embedded scratch
	inside images:embedded ro "grüße" python -c 'import os; print(os.environ["GREETING"])'
	inside images:embedded ro "jq-1.6" jq --version
	inside images:embedded ro "uid=1000(conda) gid=0(root)*" id
	inside images:embedded ro 'quiet' python -W error -c 'import yaml, click, requests; print("quiet")'
	inside images:embedded rw "*PRETTY_NAME=\"conda environment (condaimg)\"*" cat /etc/os-release
done
runtime=${runtimes[0]}
expect_exit 0 "$condaimg" build embedded/environment.yml --compression zstd -o oci:images:zstd
if [ "$runtime" = podman ]; then
	inside images:zstd ro "jq-1.6" jq --version
fi
rm -rf bundle-*

# ---- a base image that condaimg has no part in ----

if make_debian_base >base.log 2>&1; then
	say "embedded channel on a Debian base"
	cp -r base base-before
	expect_exit 0 "$condaimg" build embedded/environment.yml --base oci:base:debian -o oci:images:on-debian
	diff -r base base-before || fail "the base changed"
	manifest_of() { jq -r --arg t "$2" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $t).digest' "$1/index.json"; }
	layers() { jq -r '.layers[].digest' "$1/blobs/sha256/$(manifest_of "$1" "$2" | cut -d: -f2)"; }
	[ "$(layers images on-debian | head -n 2)" = "$(layers base debian)" ] || fail "the base's layers are not the lowest"
	python_does_all images:on-debian debian
	inside images:on-debian ro "debian" /bin/busybox sh -c "echo \$BASE"
	inside images:on-debian ro "*Debian GNU/Linux 12*" /bin/busybox cat /etc/os-release
	have_base=yes
else
	echo "without a Debian base: $(tail -n 1 base.log) $(tail -n 1 apt.log)"
	have_base=no
fi

if [ ! -d "$real_channel" ]; then
	echo "without real packages: there is no $real_channel"
	echo "ok"
	exit 0
fi

tools_do_all() # IMAGE
{
	inside "$1" ro "git version 2.18.0" git --version
	inside "$1" rw "*Initialized empty Git repository in /tmp/r/.git/*" git init /tmp/r
	inside "$1" ro "jq-1.5*" jq --version
	inside "$1" ro "*This is perl 5, version 26*" perl -v
	inside "$1" ro "1.2.3" perl -MJSON::PP -e 'print join(".", @{decode_json("[1,2,3]")})'
	inside "$1" ro "conda 4.5.11" conda --version
	inside "$1" ro "pip 10.0.1 from $prefix/lib/python3.7/site-packages/pip (python 3.7)" pip --version
	inside "$1" ro "OpenSSL 1.0.2p*" openssl version
	inside "$1" ro "gAAAA*" python -c 'from cryptography.fernet import Fernet; print(Fernet(Fernet.generate_key()).encrypt(b"x").decode())'
}
prefix=/opt/conda/envs/default
mkdir real
real_environment real/environment.yml

say "real packages, with a C library from another channel"
# The real channel goes first, so that the other gives only the C library, and libcrypt.so.1 and libX11.so.6, which
# conda's sysroots lack and which a perl of 2018 and a tk expect of the system.
libcrypt=$(cd "$channel" && find . -name 'libxcrypt-*.conda' | sed 's/.*libxcrypt-\([0-9.]*\)-.*/\1/')
sed "s/^  - git$/&\n  - libxcrypt=$libcrypt\n  - xorg-libx11/" real/environment.yml >real/with-libcrypt.yml
expect_exit 0 "$condaimg" build real/with-libcrypt.yml -c "$real_channel" -c "$channel" -o oci:images:real
expect_result 'oci:images:real@sha256:[0-9a-f]{64}'
python_does_all images:real scratch
tools_do_all images:real
for as in "" 4711:0; do
	for mode in rw ro; do
		inside images:real $mode "42 8.6" python -B -c 'import tkinter; print(tkinter.Tcl().eval("expr 6*7"), tkinter.TkVersion)'
		inside images:real $mode "no display" python -B -c "$(printf 'import tkinter\ntry:\n tkinter.Tk()\nexcept tkinter.TclError as e: print(str(e)[:10])')"
	done
done
as=
# Without the two, the build says so by name, and the library's absence is real.
expect_exit 0 "$condaimg" build real/environment.yml -c "$real_channel" -c "$channel" -o oci:images:lacking
expect_stderr "warning: bin/perl of perl-5.26.2-h14c3975_0 .*needs libcrypt.so.1, which nothing in the image has; .* libxcrypt1" \
	"warning: lib/libtk8.6.so of tk-8.6.[0-9a-z_-]*: needs libX11.so.6, which nothing in the image has"
[ "$(wc -l <stderr)" = 2 ] || fail "other warnings: $(cat stderr)"
cp stderr first.stderr
expect_exit 0 "$condaimg" build real/environment.yml -c "$real_channel" -c "$channel" -o oci:images:lacking
diff first.stderr stderr || fail "a warm build warns of something else"
rm -rf bundle-*

if [ $have_base = yes ]; then
	say "real packages on a Debian base"
	expect_exit 0 "$condaimg" build real/environment.yml --base oci:base:debian -o oci:images:real-debian
	python_does_all images:real-debian debian
	tools_do_all images:real-debian
fi
echo "ok"
