#!/bin/bash
# What activation sets is there however a process comes into the image: its command, another entry point, exec.
# Usage: activate.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need jq umoci runc python3 zstd
[ "$(id -u)" = 0 ] || skip "running containers on a test machine takes root"
embedded_channel

cat >make.py <<'END'
import importlib.util, sys
spec = importlib.util.spec_from_file_location("make_channel", sys.argv[1])
m = importlib.util.module_from_spec(spec)
spec.loader.exec_module(m)
c = m.Channel(sys.argv[2])
activate = lambda name, text: m.File(f"etc/conda/activate.d/{name}.sh", text.encode())
c.add("sets", activate("sets", "export THING=$CONDA_PREFIX/share/thing\nexport PATH=\"$CONDA_PREFIX/thing/bin:$PATH\"\n"),
    m.File("thing/bin/thing", b"#!/opt/conda/envs/default/bin/bash\necho thing of $THING\n", mode=0o755))
c.add("runs", activate("it's run", 'export RUNS="$(echo of $THING | tr a-z A-Z)"\n'))
c.finish()
END
python3 make.py "$root/tests/e2e/make_channel.py" extra
printf 'channels: [%s, %s]\ndependencies: [bash, coreutils, sets, runs]\n' "$work/extra" "$channel" >environment.yml
expect_exit 0 "$condaimg" build environment.yml -o oci:images:activate
expect_stderr "warning: activation script etc/conda/activate.d/it's run.sh .*entry point runs it"
prefix=/opt/conda/envs/default
thing=$prefix/share/thing
umoci unpack --image images:activate bundle >umoci.log 2>&1 || fail "umoci: $(tail -n 3 umoci.log)"
mv bundle/config.json bundle/from-umoci.json
entry=$(jq -r '.process.args[0]' bundle/from-umoci.json)
[ "$entry" = $prefix/etc/conda/condaimg-activate ] || fail "the entry point is $entry"
started=0
tidy() { for ((i = 1; i <= started; i++)); do runc --root "$work/runc" delete -f "condaimg-act-$$-$i" 2>/dev/null; done; }

into() # COMMAND...: starts it in a container of its own
{
	started=$((started + 1))
	jq '.process.terminal = false | .process.rlimits = [] | .root.readonly = true | .process.args = $ARGS.positional' \
		bundle/from-umoci.json --args -- "$@" >bundle/config.json
	runc --root "$work/runc" run -b bundle "condaimg-act-$$-$started" >out 2>err
}
wants() # WHAT TEXT
{
	[ "$(cat out)" = "$2" ] || fail "$1: printed '$(cat out)', expected '$2': $(cat err)"
	[ ! -s err ] || fail "$1: complains: $(cat err)"
	echo "$1: ok"
}

into true || skip "runc runs no containers on this machine: $(tail -n 1 err)"
into "$entry" thing || fail "$(cat err)"
wants "run" "thing of $thing"
into "$entry" bash -c "echo \$RUNS:\$CONDA_PREFIX" || fail "$(cat err)"
wants "run, what only a shell can do" "OF ${thing^^}:$prefix"
into thing || fail "$(cat err)"
wants "an own entry point" "thing of $thing"

# Exec goes into a container that something else started, with the variables of the image alone.
started=$((started + 1))
jq '.process.terminal = false | .process.rlimits = [] | .root.readonly = true | .process.args = ["sleep", "60"]' \
	bundle/from-umoci.json >bundle/config.json
runc --root "$work/runc" run -d -b bundle "condaimg-act-$$-$started" >/dev/null 2>&1 </dev/null || fail "runc run -d"
runc --root "$work/runc" exec "condaimg-act-$$-$started" thing >out 2>err || fail "$(cat err)"
wants "exec" "thing of $thing"
echo "ok"
