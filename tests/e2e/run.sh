#!/bin/bash
# Images really run: as their user, also with a read-only root, on their own C library and on a Debian base.
# Usage: run.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need jq umoci
[ "$(id -u)" = 0 ] || skip "running containers on a test machine takes root"

# ---- runtimes: what is called by its name in $runtime ----

tidy()
{
	local id

	for id in "${started[@]}"; do runc --root "$work/runc" delete -f "$id" 2>/dev/null; done
	[ ! -d "$work/podman" ] || pod rmi -a -f >/dev/null 2>&1
	umount -R "$work/podman/overlay" 2>/dev/null
}
started=()

pod()
{
	podman --root "$work/podman" --runroot "$work/podman-run" --storage-driver overlay --cgroup-manager cgroupfs "$@"
}

# Inside other containers podman needs these words.
podman_options=(--rm --network none --ulimit nofile=4096:4096 --ulimit nproc=4096:4096)

run_podman() # IMAGE MODE COMMAND...
{
	local image=$1 mode=$2 id

	shift 2
	id=$(pod pull -q "oci:$work/$image" 2>"$work/pull.log") || fail "podman pull $image: $(cat "$work/pull.log")"
	[ "$mode" = rw ] || set -- --read-only "$id" "$@"
	[ "$mode" = ro ] || set -- "$id" "$@"
	pod --runtime "$podman_runtime" run "${podman_options[@]}" "$@"
}

bundle() # IMAGE: unpacks it once
{
	local dir=$work/bundle-${1//[:\/]/-}

	if [ ! -d "$dir" ]; then
		umoci unpack --image "$work/$1" "$dir" >"$work/umoci.log" 2>&1 || fail "umoci: $(tail -n 3 "$work/umoci.log")"
		mv "$dir/config.json" "$dir/from-umoci.json"
	fi
	echo "$dir"
}

run_runc() # IMAGE MODE COMMAND...
{
	local dir ro=false id=condaimg-$$-${#started[@]}

	dir=$(bundle "$1")
	[ "$2" = rw ] || ro=true
	shift 2
	started+=("$id")
	jq --argjson ro $ro '.process.terminal = false | .process.rlimits = [] | .root.readonly = $ro | .process.args = $ARGS.positional |
		if $ro then .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]}] else . end' \
		"$dir/from-umoci.json" --args -- "$@" >"$dir/config.json"
	runc --root "$work/runc" run -b "$dir" "$id"
}

run_bwrap() # IMAGE MODE COMMAND...
{
	local dir options=() var

	dir=$(bundle "$1")
	if [ "$2" = ro ]; then options=(--ro-bind "$dir/rootfs" / --tmpfs /tmp); else options=(--bind "$dir/rootfs" /); fi
	shift 2
	while IFS= read -r var; do
		options+=(--setenv "${var%%=*}" "${var#*=}")
	done < <(jq -r '.process.env[]' "$dir/from-umoci.json")
	bwrap "${options[@]}" --proc /proc --dev /dev --unshare-all --uid 1000 --gid 0 --chdir /home/conda "$@"
}

# "podman" where it can run IMAGE, with whichever OCI runtime it can use.
try_podman() # IMAGE
{
	command -v podman >/dev/null || return 1
	for podman_runtime in runc crun; do
		command -v $podman_runtime >/dev/null || continue
		(run_podman "$1" rw true) >/dev/null 2>>"$work/try.log" && return 0
	done
	return 1
}

find_runtimes() # IMAGE
{
	runtimes=()
	if try_podman "$1"; then runtimes+=(podman); fi
	if command -v runc >/dev/null && (run_runc "$1" rw true) >/dev/null 2>>"$work/try.log"; then runtimes+=(runc); fi
	if [ ${#runtimes[@]} = 0 ] && (run_bwrap "$1" rw true) >/dev/null 2>>"$work/try.log"; then runtimes+=(bwrap); fi
	[ ${#runtimes[@]} != 0 ] || skip "no runtime runs containers on this machine: $(tail -n 1 "$work/try.log")"
	echo "runtimes: ${runtimes[*]}"
}

# What a command in the image prints must be WANTED (a pattern), and it must not complain.
inside() # IMAGE MODE WANTED COMMAND...
{
	local image=$1 mode=$2 want=$3 got rc=0 what

	shift 3
	what="$runtime, $mode: $(head -c 60 <<<"$*" | head -n 1)"
	got=$("run_$runtime" "$image" "$mode" "$@" 2>"$work/stderr") || rc=$?
	[ $rc = 0 ] || fail "$what: exit code $rc: $got $(cat "$work/stderr")"
	[ ! -s "$work/stderr" ] || fail "$what: complains: $(cat "$work/stderr")"
	# shellcheck disable=SC2053  # a pattern is wanted
	[[ $got == $want ]] || fail "$what: printed '$got', expected '$want'"
	echo "$what: ok"
}

# ---- what python must be able to do ----

cat >all.py <<'END'
import bz2, ctypes, curses, decimal, hashlib, json, locale, lzma, os, readline, socket, sqlite3, ssl
import subprocess, sys, sysconfig, tempfile, threading, time, urllib.request, uuid, xml.parsers.expat, zlib
import multiprocessing, requests, six, urllib3

mode, base = sys.argv[1:3]
prefix = "/opt/conda/envs/default"
assert sys.prefix == prefix == os.environ["CONDA_PREFIX"], sys.prefix
assert os.environ["PATH"].startswith(prefix + "/bin:") and os.environ["HOME"] == "/home/conda"
assert (os.getuid(), os.getgid()) == (1000, 0), (os.getuid(), os.getgid())
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

	for mode in rw ro; do
		inside "$1" $mode "all of it" python -B -c "$(cat all.py)" $mode "$2"
	done
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

# Debian's own packages as an image of two layers, by dpkg and umoci.
make_debian_base()
{
	local debs=${CONDAIMG_TEST_CACHE:-$root/build}/debian-base deb dir

	mkdir -p "$debs"
	if [ ! -e "$debs/complete-2" ]; then
		(cd "$debs" && apt-get download -q base-files libc6 libgcc-s1 gcc-12-base libcrypt1 busybox-static libc-bin netbase tzdata) \
			>apt.log 2>&1 || return 1
		touch "$debs/complete-2"
	fi
	umoci init --layout base
	umoci new --image base:debian
	umoci config --image base:debian --config.env PATH=/usr/sbin:/usr/bin:/sbin:/bin --config.env BASE=debian --config.label base=debian
	umoci unpack --image base:debian base-bundle
	mkdir -p base-bundle/rootfs/usr/{bin,sbin,lib,lib64}
	for dir in bin sbin lib lib64; do ln -s usr/$dir base-bundle/rootfs/$dir; done
	for deb in "$debs"/base-files_*.deb "$debs"/libc6_*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -C base-bundle/rootfs --keep-directory-symlink -x; done
	umoci repack --image base:debian base-bundle
	rm -rf base-bundle
	umoci unpack --image base:debian base-bundle
	for deb in "$debs"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -C base-bundle/rootfs --keep-directory-symlink -x; done
	echo 'root:x:0:0:root:/root:/bin/sh' >base-bundle/rootfs/etc/passwd
	echo 'root:x:0:' >base-bundle/rootfs/etc/group
	ln -sf busybox base-bundle/rootfs/bin/sh
	umoci repack --image base:debian base-bundle
	rm -rf base-bundle
}

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
# The real channel goes first, so that the other gives only the C library and libcrypt.so.1, which conda's sysroots lack
# and which a perl of 2018 expects of the system.
libcrypt=$(cd "$channel" && find . -name 'libxcrypt-*.conda' | sed 's/.*libxcrypt-\([0-9.]*\)-.*/\1/')
sed "s/^  - git$/&\n  - libxcrypt=$libcrypt/" real/environment.yml >real/with-libcrypt.yml
expect_exit 0 "$condaimg" build real/with-libcrypt.yml -c "$real_channel" -c "$channel" -o oci:images:real
expect_result 'oci:images:real@sha256:[0-9a-f]{64}'
python_does_all images:real scratch
tools_do_all images:real
rm -rf bundle-*

if [ $have_base = yes ]; then
	say "real packages on a Debian base"
	expect_exit 0 "$condaimg" build real/environment.yml --base oci:base:debian -o oci:images:real-debian
	python_does_all images:real-debian debian
	tools_do_all images:real-debian
fi
echo "ok"
