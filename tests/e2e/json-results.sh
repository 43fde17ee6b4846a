#!/bin/bash
# What --json prints, of every command, is what docs/schema/ says: valid, and with no key that is not told there.
# Usage: json-results.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need python3
python3 -c 'import jsonschema' 2>/dev/null || skip "there is no python3-jsonschema"
schemas=$root/docs/schema

# Runs a command, whose result must be of SCHEMA; prints nothing.
result() # SCHEMA CODE COMMAND...
{
	local schema=$1 code=$2

	shift 2
	expect_exit "$code" "$condaimg" "$@"
	python3 - "$schemas" "$schema" <<'PYTHON' || fail "$*: $(head -c 2000 stdout)"
import json, pathlib, sys, jsonschema

def strict(s):
    """No key but those that are told."""
    if isinstance(s, dict):
        if "properties" in s:
            s["additionalProperties"] = False
        for v in s.values():
            strict(v)
    return s

result = json.load(open("stdout"))
assert result["schema"] == sys.argv[2], (result["schema"], "expected", sys.argv[2])
schema = json.loads((pathlib.Path(sys.argv[1]) / f"{sys.argv[2]}.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.Draft202012Validator(strict(schema)).validate(result)
assert next(iter(result)) == "schema", "the schema is not told first"
PYTHON
	tried="$tried $schema"
}

tried=
embedded_channel
hello_environment environment.yml
say "lock"
result lock-1 0 lock environment.yml --dry-run --json
[ ! -e conda-lock.yml ] || fail "--dry-run wrote a lock"
result lock-1 0 lock environment.yml --json
result lock-check-1 0 lock environment.yml --check --json
result lock-check-1 1 lock environment.yml --pin 'zlib <1' --check --json
expect_exit 2 "$condaimg" lock environment.yml --lockfile - --json
expect_stderr "both go to stdout"
sed 's/python=3.11/python=9/' environment.yml >no.yml
result unsatisfiable-1 3 lock no.yml --json
result unsatisfiable-1 3 build no.yml --json

say "build"
result build-dry-run-1 0 build conda-lock.yml --dry-run --json
result build-1 0 build conda-lock.yml -o oci:images:app --json
result digest-1 0 digest conda-lock.yml --json
say "inspect, sbom, verify, export-rootfs, copy"
result inspect-1 0 inspect oci:images:app --json
result inspect-1 0 inspect oci:images:app --compare oci:images:app --html page.html --json
result inspect-1 0 inspect oci:images:app --referrers --json
result diff-1 0 diff oci:images:app oci:images:app --json
result diff-1 0 diff oci:images:app conda-lock.yml --json
result build-1 0 build conda-lock.yml -o oci:attached:app --attach lock,provenance --json
result attach-1 0 attach oci:attached:app conda-lock.yml --json
result inspect-1 0 inspect oci:attached:app --referrers --json
result transfer-1 0 copy oci:attached:app oci:along:app --referrers --json
result patch-1 0 patch oci:attached:app bash -t patched --json
result patch-1 0 patch oci:attached:app bash --dry-run --json
result build-1 0 build conda-lock.yml --libc none -o oci:attached:bare --attach lock --json
result rebase-1 0 rebase oci:attached:bare --base scratch -t rebased --json
result sbom-1 0 sbom oci:images:app --format cyclonedx -o sbom.json --json
result sbom-1 0 sbom conda-lock.yml -o sbom.json --json
expect_exit 2 "$condaimg" sbom conda-lock.yml --json
expect_stderr "is JSON already"
result verify-1 0 verify oci:images:app --json
result export-rootfs-1 0 export-rootfs oci:images:app rootfs --json
result transfer-1 0 copy oci:images:app oci-archive:app.tar:app --json
say "bundle, mirror, cache, config"
result bundle-1 0 bundle conda-lock.yml -o app.bundle --json
result mirror-1 0 mirror conda-lock.yml mirrored --json
result cache-info-1 0 cache info --json
result cache-prune-1 0 cache prune --json
result cache-verify-1 0 cache verify --json
printf 'channels: [a, b]\ncustom_multichannels: {m: [x], n: []}\nproxy_servers: {http: ~}\noffline: false\nremote_max_retries: 3\nsolver: classic\nmirrored_channels: {a: [https://u:p@h/a]}\n' >rc.yml
result config-1 0 config --condarc rc.yml a m --json
say "init, doctor"
mkdir empty
result init-1 0 init empty --json
result init-1 0 init empty/.. --dry-run --json
result doctor-1 0 doctor --offline --json
result doctor-1 1 doctor -c "$work/empty" --json
say "verify, where something is wrong"
"$condaimg" inspect oci:images:app --json >image.json
python3 - <<'PYTHON'
import json, os
layer = [l for l in json.load(open("image.json"))["layers"] if any(p.startswith("coreutils-") for p in l["packages"])][0]
path = "images/blobs/sha256/" + layer["digest"].split(":")[1]
os.chmod(path, 0o644)
with open(path, "r+b") as f:
    f.seek(1000)
    f.write(b"broken")
PYTHON
result verify-1 4 verify oci:images:app --json

say "no schema is left over, no command without one"
# Of lines on stderr: progress-told.sh and binderhub.py have them.
tried="$tried progress-1 repo2docker-log-1"
for file in "$schemas"/*.json; do
	case " $tried " in
	*" $(basename "$file" .schema.json) "*) ;;
	*) fail "$file is of no command that was tried" ;;
	esac
done
for command in $("$condaimg" --help | sed -n 's/^  condaimg \([a-z][a-z-]*\) .*/\1/p'); do
	case $command in completion | manual) continue ;; esac # scripts and pages are the result
	"$condaimg" "$command" --help | grep -q -- ' --json ' || fail "condaimg $command has no --json"
done
echo "ok"
