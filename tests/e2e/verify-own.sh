#!/bin/bash
# What condaimg writes below the prefix besides packages (the entry point, effects of link scripts, certificates, copied
# files) verifies; anything else there does not; and each of these is compared where a lock says what it has to be.
# Usage: verify-own.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need python3 jq zstd openssl
embedded_channel
prefix=/opt/conda/envs/default
hex='sha256:[0-9a-f]{64}'

# The text of nb_conda's script is the one that condaimg knows: cmd/link_effects.c.
cat >make.py <<'PYTHON'
import importlib.util, sys
spec = importlib.util.spec_from_file_location("make_channel", sys.argv[1])
m = importlib.util.module_from_spec(spec)
spec.loader.exec_module(m)
c = m.Channel(sys.argv[2])
script = b"nobody asks for it\n"
if len(sys.argv) > 3:
    with open(sys.argv[3], "rb") as f:
        script = f.read()
c.add("runs", m.File("etc/conda/activate.d/runs.sh", b'export RUNS="$(date)"\n'))
c.add("notebook", m.File("bin/jupyter-nbextension", b"#!/bin/sh\n", mode=0o755))
c.add("nb_conda", m.File("bin/.nb_conda-post-link.sh", script, mode=0o755), depends=["notebook"])
c.add("unknown", m.File("bin/.unknown-post-link.sh", b"curl x\n", mode=0o755))
c.add("one", m.File("share/x", b"one"))
c.add("two", m.File("share/x", b"two"), depends=["one"])
c.add("mod", m.File("share/mod.txt", b"the package's\n"))
c.finish()
PYTHON
packages="bash, ca-certificates, runs, one, two, mod"
# The script itself is in an archive of the real channel alone.
archive=$(find "$real_channel" -name 'nb_conda-2.2.1-*.tar.bz2' 2>/dev/null | head -n 1)
if [ -n "$archive" ]; then
	tar -xjOf "$archive" bin/.nb_conda-post-link.sh >script
	packages="$packages, nb_conda"
else
	echo "without nb_conda: there is no $real_channel"
fi
python3 make.py "$root/tests/e2e/make_channel.py" extra ${archive:+script}
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=Company CA" -keyout ca.key -out ca.pem 2>log || fail "openssl: $(cat log)"
mkdir src
echo "the application's" >src/own.txt
printf 'channels: [%s, %s]\ndependencies: [%s]\n' "$work/extra" "$channel" "$packages" >environment.yml
printf 'channels: [%s, %s]\ndependencies: [mod, unknown, one, two]\n' "$work/extra" "$channel" >other.yml

say "all of it in one image"
expect_exit 0 "$condaimg" lock environment.yml
expect_exit 0 "$condaimg" build environment.yml --ca-file ca.pem --copy src:$prefix/share/own -o oci:good:app
expect_exit 0 "$condaimg" verify oci:good:app --cache-dir empty
expect_result "oci:good:app@$hex verified: .*"
expect_exit 0 "$condaimg" verify oci:good:app --lock conda-lock.yml --json
[ ! -s stderr ] || fail "chatter of a plan: $(cat stderr)"
jq -e '.verified and .layers_rebuilt == .layers - 1 and .files_not_compared == 1 and .files_replaced == 0' stdout >/dev/null ||
	fail "more than the application was not compared: $(cat stdout)"
"$condaimg" export-rootfs oci:good:app rootfs >/dev/null
for file in etc/conda/condaimg-activate share/own/own.txt ${archive:+etc/jupyter/jupyter_notebook_config.json}; do
	[ -e rootfs$prefix/$file ] || fail "the image has no $file, so this tests nothing"
done

say "link scripts that were ignored and clobbered paths are no hindrance"
expect_exit 0 "$condaimg" lock other.yml --libc none --lockfile other-lock.yml
expect_exit 0 "$condaimg" build other-lock.yml --libc none --link-scripts ignore -o oci:other:app
expect_exit 0 "$condaimg" verify oci:other:app --lock other-lock.yml
expect_result "oci:other:app@$hex verified: .*"

say "an application over a package's file is named, and no fault"
expect_exit 0 "$condaimg" build other-lock.yml --libc none --link-scripts ignore --copy src/own.txt:$prefix/share/mod.txt -o oci:over:app
expect_exit 0 "$condaimg" verify oci:over:app
expect_stderr "warning: the application replaces 1 file of packages, first $prefix/share/mod.txt of mod-1-0$"

tampered() # WANT RUN-OPTION... -- OPERATION ARGUMENT...
{
	local want=$1 options=()

	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	rm -rf bad
	cp -r good bad
	python3 "$root/tests/e2e/tamper.py" bad "$@"
	expect_exit 4 "$condaimg" verify oci:bad:app "${options[@]}"
	grep -qxE -- "$want" stdout || fail "$*: no line '$want': $(cat stdout stderr)"
	[ "$(wc -l <stdout)" = 1 ] || fail "$*: more than '$want': $(cat stdout)"
	echo "$*: found"
}
built=(--lock conda-lock.yml)
records=(--cache-dir empty)
say "what is elsewhere than where it belongs"
for which in "${records[*]}" "${built[*]}"; do
	# shellcheck disable=SC2086  # words are wanted
	tampered "layer [0-9]+ \(environment\): $prefix/etc/conda/evil: is $hex, expected nothing: no package has it" $which -- \
		add environment "${prefix#/}/etc/conda/evil"
	# shellcheck disable=SC2086
	tampered "layer [0-9]+ \(system\): $prefix/etc/conda/condaimg-activate2: is $hex, expected nothing: no package has it" $which -- \
		add system "${prefix#/}/etc/conda/condaimg-activate2"
	# shellcheck disable=SC2086
	tampered "layer [0-9]+ \(mod-1-0\): $prefix/share/own2: is $hex, expected nothing: no package has it" $which -- add mod "${prefix#/}/share/own2"
done

say "another content"
tampered "layer [0-9]+ \(environment\): $prefix/etc/conda/condaimg-activate: is $hex, expected $hex" "${built[@]}" -- \
	content environment "${prefix#/}/etc/conda/condaimg-activate"
[ -z "$archive" ] || tampered "layer [0-9]+ \(environment\): $prefix/etc/jupyter/nbconfig/tree.json: is $hex, expected $hex" "${built[@]}" -- \
	content environment "${prefix#/}/etc/jupyter/nbconfig/tree.json"
tampered "image: /etc/ssl/certs/ca-certificates.crt: has added certificates of $hex, expected $hex, as the label io.condaimg.certificates says" \
	"${built[@]}" -- grow system etc/ssl/certs/ca-certificates.crt
tampered "image: /etc/ssl/certs/ca-certificates.crt: does not begin with the environment's certificates" "${built[@]}" -- \
	content system etc/ssl/certs/ca-certificates.crt

say "prefixes among the system's own files, and HOME"
printf 'channels: [%s, %s]\ndependencies: [ca-certificates, tzdata, mod]\n' "$work/extra" "$channel" >small.yml
for place in /usr /etc /lib64 /home/conda/env/; do
	expect_exit 0 "$condaimg" build small.yml --shell --prefix $place -o oci:places:app
	expect_exit 0 "$condaimg" verify oci:places:app --cache-dir empty
	expect_result "oci:places:app@$hex verified: .*"
	expect_exit 0 "$condaimg" verify oci:places:app --json
	jq -e '.verified and .layers_rebuilt == .layers - 1 and .files_not_compared == 1' stdout >/dev/null || fail "$place: $(cat stdout)"
	rm -rf good bad
	cp -r places good
	place=${place#/}
	place=${place%/}
	for layer in libc system environment mod; do
		tampered "layer [0-9]+ \(.*\): /$place/lib/python3.11/evil.pth: is $hex, expected nothing: no package has it" "${records[@]}" -- \
			add "${layer/libc/sysroot_linux-64}" "$place/lib/python3.11/evil.pth"
	done
done
expect_exit 0 "$condaimg" export-rootfs oci:places:app home-rootfs
[ "$(stat -c %a home-rootfs/home/conda)" = 775 ] || fail "HOME above the prefix cannot be written to: $(ls -ld home-rootfs/home/conda)"
for place in /proc /dev/shm/x /sys /run/x /tmp /var/tmp/x / /lib /bin/x; do
	expect_exit 2 "$condaimg" build small.yml --shell --prefix $place -o oci:places:bad
	expect_stderr "prefix"
done
for place in /proc/x /dev /sys/x; do
	expect_exit 2 "$condaimg" build small.yml --copy src:$place -o oci:places:bad
	expect_stderr "is the running container's own"
done

say "a base of our own making, with options of its own"
expect_exit 0 "$condaimg" build small.yml --shell --user app:77 --ca-file ca.pem --prefix /opt/below -o oci:below:app
printf 'channels: [%s, %s]\ndependencies: [notebook, one, two, ca-certificates]\n' "$work/extra" "$channel" >above.yml
expect_exit 0 "$condaimg" build above.yml --base oci:below:app -o oci:above:app
expect_exit 0 "$condaimg" verify oci:above:app --cache-dir empty
expect_result "oci:above:app@$hex verified: .*"
expect_exit 0 "$condaimg" lock above.yml --base oci:below:app
expect_exit 0 "$condaimg" verify oci:above:app --lock conda-lock.yml --json
jq -e '.verified and .layers_rebuilt == 6' stdout >/dev/null || fail "not all layers on the base were built once more: $(cat stdout)"
rm -rf good
cp -r above good
tampered "mod-1-0: /opt/below/share/mod.txt: is $hex, expected $hex" "${built[@]}" -- content mod opt/below/share/mod.txt
tampered "layer [0-9]+ \(mod-1-0\): /opt/below/evil: is $hex, expected nothing: no package has it" "${records[@]}" -- add mod opt/below/evil
tampered "layer [0-9]+ \(mod-1-0\): .*the blob: is $hex.*" "${built[@]}" -- flip mod 0.5
expect_exit 2 "$condaimg" build above.yml --base oci:below:app --prefix /opt/below
expect_stderr "the base has an environment at /opt/below already"

say "a broken layer of many packages is one line that names them all"
expect_exit 0 "$condaimg" build environment.yml --layers 6 -o oci:few:app
rm -rf good
cp -r few good
tampered "layer [0-9]+ \((.*,)?bash-.*\): .*the blob: is $hex.*" "${records[@]}" -- flip bash 0.5
tampered "layer [0-9]+ \((.*,)?bash-.*\): .*the blob: is $hex.*" -- flip bash 0.5
echo "ok"
