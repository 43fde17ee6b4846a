#!/bin/bash
# Channels that mean harm, or are only long: an answer, or a sentence, and never the machine's memory. What is easy is solved however
# large it is: a long chain, a package that needs (and refuses) thousands, pigeons and holes.
# Usage: hard.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need python3

# make NAME: a channel and what is asked of it
make()
{
	python3 - "$1" <<'END'
import json, os, sys

records, kind = {}, sys.argv[1]

def pkg(name, version, depends=(), constrains=()):
    records[f"{name}-{version}-0.conda"] = dict(name=name, version=str(version), build="0", build_number=0, size=1, sha256="00" * 32,
                                               depends=list(depends), constrains=list(constrains))

if kind == "chain":
    asked, n = ["n0"], 20000
    for i in range(n):
        pkg(f"n{i}", 1, [f"n{i + 1} >=1"] if i + 1 < n else [])
elif kind == "ring":  # n0 needs a version of itself that there is not, far away
    asked, n = ["n0"], 20000
    for i in range(n):
        pkg(f"n{i}", 1, [f"n{i + 1} >=1" if i + 1 < n else "n0 >=2", "end"] if i else ["n1"])
    pkg("end", 1)
elif kind == "wide":
    asked, n = ["w"], 8000
    pkg("w", 1, [f"d{i}" for i in range(n)], [f"d{i} <{2 + i % 2}" for i in range(n)])
    for i in range(n):
        pkg(f"d{i}", 1), pkg(f"d{i}", 2)
else:  # twelve that must all be there, of eleven versions, no two of the same
    asked, n = [f"p{i}" for i in range(12)], 12
    for i in range(n):
        for v in range(1, n):
            pkg(f"p{i}", v, [], [f"p{j} !={v}" for j in range(n) if j != i])
os.makedirs(f"{kind}/noarch")
json.dump({"packages.conda": records}, open(f"{kind}/noarch/repodata.json", "w"))
open(f"{kind}.yml", "w").write("dependencies:\n" + "".join(f"  - {a}\n" for a in asked))
END
}

# solve NAME CODE: within 600 MB
solve()
{
	make "$1"
	local code=0
	(
		ulimit -v 600000
		"$CONDAIMG" lock "$1.yml" --platform linux-64 --libc none --override-channels -c "./$1" --cache-dir cache --lockfile "$1.lock"
	) >out 2>err || code=$?
	[ "$code" = "$2" ] || fail "$1: exit code $code, expected $2: $(cat err)"
}

solve chain 0
[ "$(grep -c '^- name:' chain.lock)" = 20000 ] || fail "the whole chain is not in the lock"
solve wide 0
# every second may be there in version 2, the others only in version 1
[ "$(grep -c '^  version: .2' wide.lock)" = 4000 ] || fail "constraints of thousands were not kept: $(grep -c '^  version: .2' wide.lock)"
solve pigeons 3
solve ring 3
