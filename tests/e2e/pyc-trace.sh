#!/bin/bash
# A .pyc that a package brings is good in the image: python takes it and compiles nothing of that package.
# Usage: pyc-trace.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need jq umoci runc python3
[ "$(id -u)" = 0 ] || skip "running containers on a test machine takes root"
[ -x /usr/bin/python3.11 ] || skip "there is no python3.11 of Debian on this machine, whose .pyc the channel's python reads"
embedded_channel

# Packages with a module each: "fresh" with the .pyc that python made of it, at a time of its own; "stale" with one that
# was made of a file of another size.
cat >make.py <<'END'
import importlib.util, os, subprocess, sys, tempfile
spec = importlib.util.spec_from_file_location("make_channel", sys.argv[1])
m = importlib.util.module_from_spec(spec)
spec.loader.exec_module(m)
top = sys.argv[2]
site = "lib/python3.11/site-packages/"

def compiled(name, text):
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, name + ".py")
        with open(path, "w") as f:
            f.write(text)
        os.utime(path, (1234567890, 1234567890))
        out = os.path.join(d, "out.pyc")
        subprocess.run(["/usr/bin/python3.11", "-c", "import py_compile, sys; py_compile.compile(sys.argv[1], sys.argv[2], "
            "dfile=sys.argv[3], doraise=True)", path, out, "/opt/conda/envs/default/" + site + name + ".py"], check=True)
        with open(out, "rb") as f:
            return f.read()

c = m.Channel(top)
for name, suffix in (("fresh", ".conda"), ("freshbz", ".tar.bz2"), ("stale", ".conda")):
    text = f"value = '{name}'\n"
    pyc = compiled(name, text if name != "stale" else text + "# longer\n")
    c.add(name, m.File(site + name + ".py", text.encode()), m.File(f"{site}__pycache__/{name}.cpython-311.pyc", pyc),
        suffix=suffix, depends=["python 3.11.*"])
c.finish()
END
python3 make.py "$root/tests/e2e/make_channel.py" extra
printf 'name: pyc\nchannels: [%s, %s]\ndependencies: [python=3.11, fresh, freshbz, stale]\n' "$work/extra" "$channel" >environment.yml
expect_exit 0 "$condaimg" build environment.yml -o oci:images:pyc
umoci unpack --image images:pyc bundle >umoci.log 2>&1 || fail "umoci: $(tail -n 3 umoci.log)"
mv bundle/config.json bundle/from-umoci.json

# python's own trace of an import, of the image as its user, whose prefix cannot be written to
trace() # MODULE
{
	jq '.process.terminal = false | .process.rlimits = [] | .root.readonly = true | .process.args = $ARGS.positional' \
		bundle/from-umoci.json --args -- python -v -c "import $1; print($1.value)" >bundle/config.json
	runc --root "$work/runc" run -b bundle "condaimg-$$-$1" >"$1.out" 2>"$1.trace" || return 1
}
tidy() { for name in fresh freshbz stale; do runc --root "$work/runc" delete -f "condaimg-$$-$name" 2>/dev/null; done; }

trace fresh || skip "runc runs no containers on this machine: $(tail -n 1 fresh.trace)"
trace freshbz || fail "freshbz: $(tail -n 3 freshbz.trace)"
trace stale || fail "stale: $(tail -n 3 stale.trace)"
site=/opt/conda/envs/default/lib/python3.11/site-packages
for name in fresh freshbz; do
	[ "$(cat $name.out)" = $name ] || fail "$name: printed $(cat $name.out)"
	grep -qF "# $site/__pycache__/$name.cpython-311.pyc matches $site/$name.py" $name.trace ||
		fail "$name.pyc is not taken: $(grep $name $name.trace)"
	grep -qF "# code object from '$site/__pycache__/$name.cpython-311.pyc'" $name.trace || fail "$name: $(grep $name $name.trace)"
	if grep -E "code object from $site/|could not create|wrote" $name.trace | grep -q $name; then fail "$name was compiled"; fi
	echo "$name: from its .pyc"
done
# The control: were the one above not looked at, this would not differ.
[ "$(cat stale.out)" = stale ] || fail "stale: printed $(cat stale.out)"
grep -qF "# code object from $site/stale.py" stale.trace || fail "stale.pyc is taken: $(grep stale stale.trace)"
echo "stale: compiled"
echo "ok"
