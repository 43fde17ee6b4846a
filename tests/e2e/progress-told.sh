#!/usr/bin/env bash
# What is told on stderr: a line on a terminal, lines of a log, events, nothing; against a server, cold and warm.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/servers.sh
. "$root/tests/e2e/servers.sh"
need jq script
embedded_channel
serve_folder "$channel"
base=$url

printf 'name: small\ndependencies: [jq, ncurses, readline, libxcrypt]\n' >environment.yml
options=(--override-channels -c "http://user:sesame@${base#http://}" --libc none --virtual-package __glibc=2.36 -o oci:out --cache-dir cache)
build()
{
	rm -rf out
	expect_exit 0 "$condaimg" build environment.yml "${options[@]}" "$@"
	[ "$(wc -l <stdout)" = 1 ] || fail "not the result alone: $(cat stdout)"
}
cold()
{
	rm -rf cache
	build "$@"
}

say "a log has a line for each package that came over the network"
cold
! grep -vE '^fetched [a-z0-9._-]+\.(conda|tar\.bz2) \([0-9.]+ [kM]?B\)$' stderr || fail "$(cat stderr)"
packages=$(wc -l <stderr)
[ "$packages" -ge 5 ] || fail "$(cat stderr)"
[ "$packages" = "$(grep -cE 'GET [^ ]*\.(conda|tar\.bz2) ' folder.log)" ] || fail "$packages lines, and $(cat folder.log)"
build
[ ! -s stderr ] || fail "nothing was fetched: $(cat stderr)"

say "plain tells all that happens"
cold --progress plain
[ "$(head -n 2 stderr | tr '\n' ' ')" = "solving for linux-64 solved for linux-64: $packages packages " ] || fail "$(cat stderr)"
[ "$(grep -c '^fetched ' stderr)" = "$packages" ] || fail "$(cat stderr)"
[ "$(grep -c '^made layer [0-9]* of [0-9]* for linux-64 ' stderr)" -ge "$packages" ] || fail "$(cat stderr)"
[ "$(tail -n 1 stderr)" = "wrote oci:out" ] || fail "$(cat stderr)"
build --progress plain
[ "$(grep -c ' is in the cache$' stderr)" = "$packages" ] || fail "$(cat stderr)"

say "nothing"
cold --progress none
[ ! -s stderr ] || fail "$(cat stderr)"
cold -q
[ ! -s stderr ] || fail "$(cat stderr)"
expect_exit 2 "$condaimg" build environment.yml "${options[@]}" --progress loud
expect_stderr "--progress is 'loud', expected auto, plain, json or none"

say "events, as docs/progress.md has them"
events()
{
	jq -es --argjson n "$packages" --arg base "$base/" --arg digest "$(digest_of "$(cat stdout)")" "$1" stderr >/dev/null ||
		fail "not so: $1: $(cat stderr)"
}
valid()
{
	python3 -c 'import jsonschema' 2>/dev/null || return 0
	python3 - "$root/docs/schema/progress-1.schema.json" <<-'PYTHON' || fail "not by its schema: $(cat stderr)"
		import json, sys, jsonschema
		schema = json.load(open(sys.argv[1]))
		jsonschema.Draft202012Validator.check_schema(schema)
		for kind in schema["oneOf"]:
		    kind["additionalProperties"] = False
		check = jsonschema.Draft202012Validator(schema)
		for line in open("stderr"):
		    check.validate(json.loads(line))
	PYTHON
}
same='
	all(.[]; .version == 1 and (.ms | type) == "number") and
	([.[].ms] | . == sort) and
	([.[] | select(.event == "solve") | .state] == ["begin", "end"]) and
	([.[] | select(.event == "solve" and .state == "end") | .packages] == [$n]) and
	([.[] | select(.event == "fetch" and .state == "begin") | .packages] == [$n]) and
	([.[] | select(.event == "package") | .file] | length == $n and (unique | length) == $n) and
	all(.[] | select(.event == "package"); (.url | startswith($base) and (contains("sesame") | not)) and (.digest | test("^sha256:[0-9a-f]{64}$"))) and
	([.[] | select(.event == "layer") | .done] as $d | $d == [range(1; ($d | length) + 1)]) and
	(map(select(.event == "layer")) | .[-1].done == .[-1].total) and
	(.[-1] | .event == "image" and .place == "oci:out" and .digest == $digest and .platform == "linux-64")'
cold --progress json
valid
events "$same"
events 'all(.[] | select(.event == "package"); .cached == false)'
events '[.[] | select(.event == "package") | .size] | add as $sum | $sum > 0'
events '([.[] | select(.event == "package") | .size] | add) == (.[] | select(.event == "fetch" and .state == "end") | .bytes)'
events 'all(.[] | select(.event == "layer"); .cached == false)'
build --progress json -q
events "$same"
events 'all(.[] | select(.event == "package" or .event == "layer"); .cached == true)'

say "no carriage return and no colour where nobody watches"
for progress in auto plain json none; do
	TERM=xterm cold --progress $progress -v
	! grep -q $'[\r\033]' stdout stderr || fail "$(cat -v stderr)"
done

say "on a terminal a line that is redrawn, as wide as fits"
on_terminal() # TERM COLUMNS
{
	rm -rf cache out
	TERM=$1 script -qec "stty cols $2; exec $condaimg build environment.yml ${options[*]}" typescript >/dev/null </dev/null ||
		fail "$(cat typescript)"
	sed -i '1d;$d' typescript
}
on_terminal xterm 40
grep -q $'\rsolving for linux-64\033\[K' typescript || fail "$(cat -v typescript)"
grep -qE $'\rfetching [0-9.]+ [kM]?B of ' typescript || fail "$(cat -v typescript)"
grep -q $'\rmaking layers: ' typescript || fail "$(cat -v typescript)"
tr '\r' '\n' <typescript | grep -a $'\033\[K$' | sed 's/\x1b\[K//' | awk 'length > 39 { exit 1 }' || fail "too wide: $(cat -v typescript)"
! grep -q $'\033\[[0-9;]*m' typescript || fail "colours: $(cat -v typescript)"
# nothing of it is left at the end
tr -d '\r' <typescript | tail -n 3 | grep -qE $'^(.*\033\[K)?[0-9]+ packages in [0-9]+ layers' || fail "$(cat -v typescript)"
on_terminal dumb 80
! grep -q $'\033' typescript || fail "$(cat -v typescript)"
[ "$(grep -c '^fetched ' typescript)" = "$packages" ] || fail "$(cat -v typescript)"
echo ok
