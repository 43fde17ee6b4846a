#!/bin/bash
# One channel in every form that repodata has, from a real nginx, under one URL: equal locks, byte for byte. What is asked of the
# server and when; shards that lie; a cache that was damaged; everything without the network afterwards.
# Usage: forms.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/servers.sh
. "$root/tests/e2e/servers.sh"
need nginx curl zstd bzip2
/usr/bin/python3 -c 'import msgpack, zstandard' 2>/dev/null || skip "there is no msgpack or zstandard for python here"

say "a channel, in four forms"
python3 "$root/tools/make-channel" --records 2500 --seed 7 plain >/dev/null
# what conda-forge has besides: the same build in the old format, files that were removed
python3 - plain/linux-64/repodata.json <<'END'
import json, sys
path = sys.argv[1]
data = json.load(open(path))
for fn, r in list(data["packages.conda"].items())[::3]:
    data["packages"][fn[:-6] + ".tar.bz2"] = dict(r, size=r["size"] + 1)
files = list(data["packages.conda"])
data["removed"] = files[1::50] + ["gone-1-0.conda"]
json.dump(data, open(path, "w"))
END
rm plain/*/repodata.json.zst plain/requests.json
mkdir -p zst/{linux-64,noarch} bz2/{linux-64,noarch} both/{linux-64,noarch}
for s in linux-64 noarch; do
	zstd -q "plain/$s/repodata.json" -o "zst/$s/repodata.json.zst"
	bzip2 -kc "plain/$s/repodata.json" >"bz2/$s/repodata.json.bz2"
	cp "plain/$s/repodata.json" "both/$s/"
done
/usr/bin/python3 "$root/tools/make-shards" plain shards
/usr/bin/python3 "$root/tools/make-shards" --created-at 2026-05-06T07:08:09Z --shards-base-url ../far/ plain far
# all shards in one place beside the subdirs
mkdir far/far
mv far/*/shards/* far/far/

mkdir www
port=$(free_port)
serve_nginx "$port" <<END
access_log $work/access.log; gzip on; gzip_types *; root $work/www;
server {
	listen 127.0.0.1:$port;
	location /aged/ { alias $work/www/ch/; add_header Cache-Control "public, max-age=3600"; }
}
END
url=http://127.0.0.1:$port
show() { ln -sfn "$work/$1" www/ch; }
hits() { grep -c "\" $1 " access.log || true; }
asked() { grep -c "GET [^ ]*$1" access.log || true; }

{
	echo "dependencies:"
	echo "  - python"
	# names of the channel that can be installed, whatever the seed made
	/usr/bin/python3 - plain <<'END'
import json, sys
seen = sorted({r["name"] for r in json.load(open(sys.argv[1] + "/noarch/repodata.json"))["packages.conda"].values()})
print("\n".join("  - " + n for n in seen if n.startswith("py-"))[:400].rsplit("\n", 1)[0])
END
} >environment.yml
lock() { # CACHE CHANNEL OPTION...
	local cache=$1 channel=$2

	shift 2
	"$condaimg" lock environment.yml --platform linux-64 --libc none --override-channels -c "$channel" --cache-dir "$cache" \
		--lockfile lock.yml --virtual-package __glibc=2.28 "$@" >stdout 2>stderr || return $?
}

say "equal locks"
for form in plain zst bz2 shards far; do
	show $form
	for how in cold warm offline; do
		option=()
		[ $how != offline ] || option=(--offline)
		rm -f lock.yml
		: >access.log
		lock "cache-$form" "$url/ch" "${option[@]}" || fail "$form, $how: $(cat stderr)"
		[ -e first.yml ] || cp lock.yml first.yml
		cmp lock.yml first.yml || fail "$form, $how: another lock"
		case $how in
		warm) [ "$(hits 200)" = 0 ] && [ "$(hits 404)" = 0 ] && [ "$(hits 304)" = 2 ] || fail "$form: $(cat access.log)" ;;
		offline) [ ! -s access.log ] || fail "$form: asked, though offline" ;;
		esac
	done
done
n=$(grep -c '^- name:\|^  *- name:\|^- *name' first.yml || true)
[ "$n" -gt 5 ] || fail "only $n packages: no test of anything"

say "what there was to choose from is told, by content alone"
# the digest of "FILE SHA256" of the records that are reached, which here is held against the channel
/usr/bin/python3 - first.yml plain <<'END'
import hashlib, json, pathlib, sys
import yaml
lock = yaml.safe_load(open(sys.argv[1]))
told = json.loads(lock["metadata"]["custom_metadata"]["condaimg.repodata.linux-64"])
names, todo, data = set(), ["python", "pip"], {}
for subdir in ("linux-64", "noarch"):
    doc = json.loads(pathlib.Path(sys.argv[2], subdir, "repodata.json").read_text())
    kept = {}
    for fn, r in {**doc["packages"], **doc["packages.conda"]}.items():
        stem = fn[:-6] if fn.endswith(".conda") else fn[:-8]
        if fn not in doc["removed"] and (fn.endswith(".conda") or stem not in kept):
            kept[stem] = (fn, r)
    data[subdir] = sorted(kept.values(), key=lambda x: (x[1]["name"], x[0]))
todo += [s.split()[0] for s in json.loads(lock["metadata"]["custom_metadata"]["condaimg.requested"])]
while todo:
    name = todo.pop()
    if name not in names and not name.startswith("__"):
        names.add(name)
        todo += [d.split()[0] for s in data.values() for _, r in s if r["name"] == name for d in r["depends"]]
for url, want in told.items():
    records = [(fn, r) for fn, r in data[url.rsplit("/", 1)[1]] if r["name"] in names]
    text = "".join("{} {}\n".format(fn, r["sha256"]) for fn, r in records)
    assert want["records"] == len(records), (url, want, len(records))
    assert want["sha256"] == hashlib.sha256(text.encode()).hexdigest(), url
assert len(told) == 2
END

say "only the shards that are reached"
total=$(find shards -name '*.msgpack.zst' -path '*/shards/*' | wc -l)
got=$(find cache-shards/repodata -path '*/shards/*' -type f ! -name '.*' | wc -l)
[ "$got" -gt 5 ] && [ "$got" -lt "$total" ] || fail "$got of $total shards were fetched"

say "two platforms, one batch: noarch is asked for once"
show plain
cp -r plain/linux-64 plain/linux-aarch64
: >access.log
"$condaimg" lock environment.yml --platform linux-64 --platform linux-aarch64 --libc none --override-channels -c "$url/ch" \
	--cache-dir cache-two --lockfile two.yml --virtual-package __glibc=2.28 >stdout 2>stderr || fail "$(cat stderr)"
[ "$(asked noarch/repodata.json\ )" = 1 ] || fail "$(cat access.log)"
rm -r plain/linux-aarch64

say "a form that was missing is not asked for again, until there is nothing else"
: >access.log
show plain
lock cache-plain "$url/ch" || fail "$(cat stderr)"
[ "$(asked zst)" = 0 ] || fail "$(cat access.log)"
show zst
lock cache-plain "$url/ch" || fail "$(cat stderr)"
cmp lock.yml first.yml || fail "another lock"

say "Cache-Control is honoured"
show plain
lock cache-aged "$url/aged" || fail "$(cat stderr)"
: >access.log
lock cache-aged "$url/aged" || fail "$(cat stderr)"
[ ! -s access.log ] || fail "asked within max-age: $(cat access.log)"
find cache-aged/repodata -name '*.json' -exec sed -i 's/"checked": [0-9]*/"checked": 1000/' {} +
lock cache-aged "$url/aged" || fail "$(cat stderr)"
[ "$(hits 304)" = 2 ] || fail "not asked after max-age: $(cat access.log)"

say "no JSON is read when nothing changed"
find cache-plain -name '*.body' | grep -q . || fail "no body is kept"
if command -v strace >/dev/null; then
	strace -f -y -e trace=read,pread64,readv,mmap -o trace "$condaimg" lock environment.yml --platform linux-64 --libc none \
		--override-channels -c "$url/ch" --cache-dir cache-plain --offline --lockfile lock.yml --virtual-package __glibc=2.28 \
		>/dev/null 2>&1 || true
	grep -q '\.packed>' trace || fail "nothing was mapped: $(tail -3 trace)"
	! grep '\.body>' trace || fail "the document was read"
fi

say "damage is repaired, and nobody hears of it"
for file in $(find cache-zst -name '*.packed'); do
	size=$(stat -c %s "$file")
	for at in 3 4200 $((size / 2)) $((size - 9)); do
		printf '\xee\xee\xee' | dd of="$file" bs=1 seek="$at" conv=notrunc status=none
		lock cache-zst "$url/ch" --offline || fail "$(cat stderr)"
		cmp lock.yml first.yml || fail "another lock after damage at $at"
		[ ! -s stderr ] || ! grep -qi damage stderr || fail "$(cat stderr)"
	done
	truncate -s $((size / 3)) "$file"
	lock cache-zst "$url/ch" --offline || fail "$(cat stderr)"
	[ "$(stat -c %s "$file")" = "$size" ] || fail "$file is not whole again"
done
shard=$(find cache-shards/repodata -path '*/shards/*' -type f ! -name '.*' | sort | head -1)
show shards
printf x >>"$shard"
lock cache-shards "$url/ch" || fail "$(cat stderr)"
[ "$(sha256sum <"$shard" | cut -d' ' -f1)" = "$(basename "$shard")" ] || fail "a damaged shard stayed"

say "many at once, one cache"
pids=()
for i in 1 2 3 4; do
	mkdir -p "many$i"
	cp environment.yml "many$i/"
	(cd "many$i" && "$condaimg" lock environment.yml --platform linux-64 --libc none --override-channels -c "$url/ch" \
		--cache-dir ../cache-many --lockfile lock.yml --virtual-package __glibc=2.28 >/dev/null 2>err) &
	pids+=($!)
done
for i in 1 2 3 4; do
	wait "${pids[i - 1]}" || fail "process $i: $(cat many$i/err)"
	cmp "many$i/lock.yml" first.yml
done

say "a shard that is not what the index says, and one that is not there"
cp -r shards lying
for f in lying/*/shards/*; do printf x >>"$f"; done
show lying
lock cache-lying "$url/ch" && fail "wrong shards were believed"
grep -q "which is not what the channel's index says" stderr || fail "$(cat stderr)"
rm -r lying/*/shards
lock cache-lying2 "$url/ch" && fail "nothing was enough"
grep -q "is not there, though the channel's index names it" stderr || fail "$(cat stderr)"

say "an index that is none"
cp -r plain bad
printf 'nonsense' | zstd -q >bad/noarch/repodata_shards.msgpack.zst
show bad
lock cache-bad "$url/ch" && fail "nonsense was read"
grep -q "noarch/repodata_shards.msgpack.zst: byte 0: has something else where a map is expected" stderr || fail "$(cat stderr)"
/usr/bin/python3 -c 'print("{\"packages\":{" + " " * 5000)' | bzip2 >bz2/noarch/repodata.json.bz2
show bz2
lock cache-bad2 "$url/ch" && fail "half a document was read"
grep -q "noarch/repodata.json.bz2: line 2, byte .*: the text ends too early" stderr || fail "$(cat stderr)"
echo ok
