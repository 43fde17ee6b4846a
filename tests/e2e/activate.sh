#!/bin/bash
# What activation sets is there however a process comes into the image: its command, another entry point, exec, an exec
# that knows of no entry point (as Apptainer's); with a shell in the image and without one.
# Usage: activate.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need jq umoci python3 zstd
# shellcheck source=tests/e2e/runtimes.sh
. "$root/tests/e2e/runtimes.sh"
embedded_channel

cat >make.py <<'END'
import importlib.util, sys
spec = importlib.util.spec_from_file_location("make_channel", sys.argv[1])
m = importlib.util.module_from_spec(spec)
spec.loader.exec_module(m)
c = m.Channel(sys.argv[2])
activate = lambda name, text: m.File(f"etc/conda/activate.d/{name}.sh", text.encode())
c.add("sets", activate("sets", "export THING=$CONDA_PREFIX/share/thing\nexport PATH=\"$CONDA_PREFIX/thing/bin:$PATH\"\nunset GONE\n"),
    m.File("etc/conda/env_vars.d/sets.json", b'{"FROM_FILE": "of a file", "GONE": "not for long"}'),
    m.File("thing/bin/thing", b"#!/opt/conda/envs/default/bin/bash\necho thing of $THING\n", mode=0o755))
c.add("runs", activate("it's run", 'export RUNS="$(echo of $THING | tr a-z A-Z)"\n'))
c.finish()
END
python3 make.py "$root/tests/e2e/make_channel.py" extra
environment() # FILE DEPENDENCIES
{
	printf 'channels: [%s, %s]\ndependencies: [%s]\nvariables: {OF_ENV: "by file"}\n' "$work/extra" "$channel" "$2" >"$1"
}
environment full.yml "bash, coreutils, jq, sets, runs"
environment bare.yml "jq, sets"
expect_exit 0 "$condaimg" build full.yml -o oci:images:full
expect_stderr "warning: activation script etc/conda/activate.d/it's run.sh .*entry point runs it"
expect_exit 0 "$condaimg" build full.yml --entrypoint 'bash -c "echo $THING $RUNS $0"' -o oci:images:entry
expect_exit 0 "$condaimg" build bare.yml -o oci:images:bare
expect_exit 0 "$condaimg" build bare.yml --shell -o oci:images:shell
prefix=/opt/conda/envs/default
thing=$prefix/share/thing
entry=$prefix/etc/conda/condaimg-activate
jq -es --arg e $entry 'any(.config.Entrypoint == [$e])' $(grep -l '"Entrypoint"' images/blobs/sha256/*) >/dev/null || fail "no entry point"
told='[env.THING, env.FROM_FILE, env.GONE, env.OF_ENV, env.CONDA_PREFIX] | map(. // "none") | join("; ")'
want="$thing; of a file; none; by file; $prefix"

find_runtimes images:full

# A container that something else started, and a command that is sent into it.
start_podman() { id=$(pod pull -q "oci:$work/$1") && started_pod=$(pod --runtime "$podman_runtime" run -d "${podman_options[@]}" --read-only "$id" sleep 60); }
exec_podman() { pod exec ${as:+--user "$as"} "$started_pod" "$@"; }
stop_podman() { pod rm -f -t 0 "$started_pod" >/dev/null; }
start_runc() { (run_runc_detached "$1"); }
exec_runc() { runc --root "$work/runc" exec ${as:+--user "$as"} "condaimg-exec-$$" "$@"; }
stop_runc() { runc --root "$work/runc" delete -f "condaimg-exec-$$"; }
run_runc_detached()
{
	local dir

	dir=$(bundle "$1")
	jq '.process.terminal = false | .process.rlimits = [] | .root.readonly = true | .process.args = ["sleep", "60"]' "$dir/from-umoci.json" >"$dir/config.json"
	runc --root "$work/runc" run -d -b "$dir" "condaimg-exec-$$" >/dev/null 2>&1 </dev/null
}

for runtime in "${runtimes[@]}"; do
	say "$runtime: run"
	# umoci makes args of entry point and command; what a runtime is given replaces both but podman's entry point
	if [ "$runtime" = podman ]; then before=(); else before=("$entry"); fi
	for as in "" 4711:0; do
		inside images:full ro "thing of $thing" "${before[@]}" thing
		inside images:full ro "OF ${thing^^}:$prefix" "${before[@]}" bash -c 'echo $RUNS:$CONDA_PREFIX'
		inside images:bare ro "$want" jq -nr "$told"
		inside images:shell ro "$want" sh -c "jq -nr '$told'"
	done
	as=
	if [ "$runtime" = podman ]; then
		inside images:entry ro "$thing OF ${thing^^} said" said
		say "podman: an entry point of the caller's"
		id=$(pod pull -q "oci:$work/images:full")
		got=$(pod --runtime "$podman_runtime" run "${podman_options[@]}" --read-only --entrypoint '["thing"]' "$id")
		[ "$got" = "thing of $thing" ] || fail "an own entry point: $got"
	fi
	[ "$runtime" != bwrap ] || continue
	say "$runtime: exec"
	for image in full shell; do
		"start_$runtime" images:$image || fail "cannot start images:$image by $runtime"
		for as in "" 4711:0; do
			got=$("exec_$runtime" jq -nr "$told" 2>err) || fail "exec: $(cat err)"
			[ "$got" = "$want" ] || fail "$runtime, exec in $image: $got, expected $want"
			[ $image = shell ] || [ "$("exec_$runtime" thing)" = "thing of $thing" ] || fail "exec: no thing"
			# What only a shell can do takes the entry point, which may be named.
			[ $image = shell ] || [ "$("exec_$runtime" $entry bash -c 'echo $RUNS')" = "OF ${thing^^}" ] || fail "exec by the entry point"
			echo "$runtime, exec in $image${as:+ as $as}: ok"
		done
		as=
		"stop_$runtime"
	done
done

if command -v bwrap >/dev/null && (run_bwrap images:bare ro jq -n 1) >/dev/null 2>&1; then
	say "an exec that knows the image's variables and nothing else, as any user (Apptainer)"
	runtime=bwrap
	for as in "" 4711:0; do
		inside images:full ro "thing of $thing" thing
		inside images:bare ro "$want" jq -nr "$told"
		inside images:shell ro "$want" sh -c "jq -nr '$told'"
	done
fi
echo "ok"
