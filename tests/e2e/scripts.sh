#!/bin/bash
# Packages that bring scripts, and packages that bring the same path: what is said, refused, and in the image.
# Usage: scripts.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need jq python3 zstd

cat >make.py <<'END'
import importlib.util, sys
spec = importlib.util.spec_from_file_location("make_channel", sys.argv[1])
m = importlib.util.module_from_spec(spec)
spec.loader.exec_module(m)
c = m.Channel(sys.argv[2])
sh = lambda path, text: m.File(path, text.encode(), mode=0o755)
activate = lambda name, text: m.File(f"etc/conda/activate.d/{name}.sh", text.encode())
c.add("data", m.File("share/thing/x", b"x"))
c.add("sets", activate("20-sets", "#!/bin/sh\nexport THING_HOME=$CONDA_PREFIX/share/thing\n"
    'if [ -d "$CONDA_PREFIX/share/thing" ]; then export THING=there; else export THING=missing; fi\n'
    'if [ -n "${GREETING:-}" ]; then export _CONDA_SET_GREETING=$GREETING; fi\nexport GREETING="hi $GREETING"\n'
    'export PATH="$CONDA_PREFIX/thing/bin:$PATH"\nunset CONDA_SHLVL\nprivate=1\n'))
c.add("reads", activate("30-reads", "export SEEN=$THING:$private\n"), m.File("etc/conda/env_vars.d/reads.json", b'{"EARLY": "1"}'))
c.add("runs", activate("10-runs", 'export RUNS=1\nexport DATE="$(date)"\n'))
c.add("bash", sh("bin/bash", "#!/bin/sh\n"))
c.add("talks", sh("bin/.talks-post-link.sh", '#!/bin/bash\necho "by using this you accept" >> "$PREFIX"/.messages.txt\n'))
c.add("does", sh("bin/.does-post-link.sh", '"$PREFIX/bin/does" --install\n'))
c.add("does-too", sh("bin/.does-too-pre-link.sh", 'curl http://x\n'))
# The text is another than the one that was read: not assumed to do the same.
c.add("nb_conda", sh("bin/.nb_conda-post-link.sh", '"$PREFIX/bin/jupyter-nbextension" enable other\n'))
c.add("one", m.File("bin/x", b"one"), m.File("bin/y", b"one"), m.File("same", b"same"))
c.add("two", m.File("bin/x", b"two"), m.File("bin/y", b"two"), m.File("same", b"same"), depends=["one"])
c.add("other", m.File("same", b"same"))
import tarfile
c.add("suid", m.File("bin/su", b"#!/bin/sh\n", mode=0o4755), m.File("bin/sg", b"", mode=0o2755), m.File("Menu/app.json", b"{}"))
c.add("file", m.File("share/x", b"file"))
c.add("dir", m.File("share/x/y", b"y"))
c.add("link", m.File("share/x", kind=tarfile.SYMTYPE, target="elsewhere"))
c.finish()
END
python3 make.py "$root/tests/e2e/make_channel.py" ch

build() # PACKAGES OPTION...
{
	printf 'name: x\nchannels: [%s]\ndependencies: [%s]\nvariables: {GREETING: hello}\n' "$work/ch" "$1" >env.yml
	shift
	"$condaimg" build env.yml --libc none -o oci:images:x "$@"
}
config() { jq -c "$1" "images/blobs/sha256/$(jq -r '.config.digest[7:]' "images/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' images/index.json)")"; }
expect_env() # NAME VALUE|-
{
	local got

	got=$(config '.config.Env' | jq -r --arg n "$1" '[.[] | select(startswith($n + "="))] | if . == [] then "-" else .[0][($n | length) + 1:] end')
	[ "$got" = "$2" ] || fail "$1 is '$got', expected '$2'"
}
prefix=/opt/conda/envs/default

say "activation scripts that set variables"
for round in "first" "remembered"; do
	expect_exit 0 build data,sets,reads
	expect_result 'oci:images:x@sha256:[0-9a-f]{64}'
	expect_env THING_HOME $prefix/share/thing
	expect_env THING there
	expect_env GREETING "hi hello"
	expect_env _CONDA_SET_GREETING hello
	expect_env SEEN there:1
	expect_env EARLY 1
	expect_env private -
	expect_env CONDA_SHLVL -
	expect_env PATH "$prefix/thing/bin:$prefix/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	[ "$(config .config.Entrypoint)" = null ] || fail "an entry point where none is needed"
	digest=$(digest_of "$(cat stdout)")
	[ $round = first ] || [ "$digest" = "$first" ] || fail "the remembered plan gives another image"
	first=$digest
done
expect_exit 0 build sets
expect_env THING missing

say "activation scripts that do more"
expect_exit 0 build data,sets,runs
expect_stderr 'warning: .*activate.d/10-runs.sh \(line 2: runs \$\(date\)\).*not run.*no bash'
expect_env RUNS -
expect_env THING there
[ "$(config .config.Entrypoint)" = null ] || fail "an entry point without a shell"
for round in first remembered; do
	expect_exit 0 build sets,runs,bash
	expect_stderr '10-runs.sh.*entry point runs it'
	[ "$(config .config.Entrypoint)" = "[\"$prefix/etc/conda/condaimg-activate\"]" ] || fail "entry point: $(config .config.Entrypoint)"
done
expect_env THING missing

say "link scripts"
expect_exit 0 build talks
expect_result 'oci:images:x@sha256:[0-9a-f]{64}'
for round in first remembered; do
	expect_exit 1 build does,does-too,talks
	expect_stderr 'does-1-0.conda has a link script, bin/.does-post-link.sh \(line 1: runs .*bin/does' 'does-too.*pre-link' '--link-scripts ignore'
	if grep -q 'talks' stderr; then fail "talks is named"; fi
done
expect_exit 0 build does,does-too --link-scripts ignore
expect_stderr 'warning: does-1-0.conda has a link script, bin/.does-post-link.sh' 'warning: does-too'
expect_exit 1 build nb_conda
expect_stderr 'nb_conda-1-0.conda has a link script'
expect_exit 2 build does --link-scripts run
expect_stderr "--link-scripts is 'run', expected fail or ignore"

say "bits that are dropped are said, desktops' menus are files"
expect_exit 0 build suid -v
expect_stderr "suid-1-0.*: setuid, setgid and sticky bits are not kept" "'bin/su' loses its setuid, setgid or sticky bit \\(mode 4755\\)"
rm -rf unpacked
expect_exit 0 "$condaimg" export-rootfs oci:images:x unpacked
[ "$(stat -c %a unpacked$prefix/bin/su) $(stat -c %a unpacked$prefix/bin/sg)" = "755 755" ] || fail "a bit was kept"
[ "$(cat unpacked$prefix/Menu/app.json)" = "{}" ] || fail "no Menu"

say "what cannot lie in one place is found before anything is written"
for pair in "file dir" "dir link"; do
	rm -rf images2
	expect_exit 1 "$condaimg" build <(printf 'channels: [%s]\ndependencies: [%s, %s]\n' "$work/ch" $pair) --libc none -o oci:images2:x
	expect_stderr "'share/x' is a directory in dir-1-0 and a (file|symlink) in"
	[ ! -e images2 ] || fail "$pair: something was written"
done

say "one path of two packages"
for round in first remembered; do
	expect_exit 0 build two
	expect_stderr "warning: one-1-0.conda and two-1-0.conda differ in 'bin/x' and 1 path more; the image has what two-1-0.conda brings"
	[ "$(wc -l <stderr)" = 1 ] || fail "more than one line: $(cat stderr)"
	expect_exit 1 build two --clobber error
	expect_stderr "--clobber error: one-1-0.conda and two-1-0.conda differ in 'bin/x'"
done
expect_exit 0 build one,other --clobber error
expect_result 'oci:images:x@sha256:[0-9a-f]{64}'
echo "ok"
