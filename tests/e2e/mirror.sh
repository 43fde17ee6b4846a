#!/bin/bash
# Mirrors of locks are channels, to others too; adding to one breaks nobody; and an image from a mirror is the image from afar.
# Usage: mirror.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/servers.sh
. "$root/tests/e2e/servers.sh"
need jq zstd unshare
python=/usr/bin/python3
$python -c 'import conda_package_streaming, msgpack, zstandard' 2>/dev/null || skip "there is no python3-conda-package-streaming or python3-msgpack"
unset CONDAIMG_CONDARC
check() { $python -B "$root/tests/e2e/channel_check.py" "$@" >check.out 2>&1 || fail "$(cat check.out)"; }
mirror() { "$condaimg" mirror "$@" --cache-dir cache; }
# All that a channel says; not the shards that are kept for those who read before.
documents() # DIR
{
	(cd "$1" && find . -name 'repodata*' -type f | sort | xargs sha256sum)
}

cat >make.py <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from make_channel import Channel
c = Channel("ch")
c.add("one", depends=["two", "__glibc >=2"], record={"constrains": ["x <1"], "license": "MIT", "track_features": "a b"})
c.add("two", suffix=".tar.bz2")
c.add("three", record={"depends": ["two[when=\"__linux\"]"], "flags": ["cuda"], "extra_depends": {"more": ["one"]}})
c.add("four", version="2", noarch="python")
c.finish()
d = Channel("other/ch")
d.add("one", version="1", record={"license": "BSD"})
d.add("five")
d.finish()
END
PYTHONDONTWRITEBYTECODE=1 python3 make.py "$root/tests/e2e"
lock_of() # FILE CHANNEL PACKAGES
{
	printf 'name: %s\nchannels: [%s]\ndependencies: [%s]\n' "${1%.lock.yml}" "$2" "$3" >env.yml
	expect_exit 0 "$condaimg" lock env.yml --lockfile "$1" --libc none --platform linux-64 --cache-dir cache
}
lock_of a.lock.yml "$work/ch" "one"
lock_of b.lock.yml "$work/ch" "three, four"
lock_of c.lock.yml "$work/other/ch" "five"
lock_of clash.lock.yml "$work/other/ch" "one"

say "a mirror is a channel"
expect_exit 0 mirror a.lock.yml m --json
[ "$(jq -c '[.packages, .packages_new]' stdout)" = '[2,2]' ] || fail "$(cat stdout)"
check m --archives
[ "$(cat check.out)" = 2 ] || fail "$(cat check.out) packages"
[ "$(jq -c '."packages.conda"["one-1-0.conda"] | [.constrains, .license, .track_features, .depends]' m/noarch/repodata.json)" = '[["x <1"],"MIT","a b",["two","__glibc >=2"]]' ] ||
	fail "$(cat m/noarch/repodata.json)"
[ -e m/linux-64/repodata.json ] || fail "no platform"

say "again: nothing changes; another: it is added, in whatever order"
documents m >before
find m -type f -exec touch -d "2 days ago" {} +
expect_exit 0 mirror a.lock.yml m --json
[ "$(jq -c '[.packages_new, .documents_new]' stdout)" = '[0,0]' ] || fail "$(cat stdout)"
[ -z "$(find m -type f -mtime -1 ! -name .lock ! -path '*/shards/*')" ] || fail "something was written again"
documents m | cmp before - || fail "other bytes"
expect_exit 0 mirror b.lock.yml c.lock.yml m --dry-run
documents m | cmp before - || fail "--dry-run writes"
expect_exit 0 mirror b.lock.yml c.lock.yml m
check m --archives
[ "$(cat check.out)" = 5 ] || fail "$(cat check.out) packages"
jq -e '.v3.conda["three-1-0"] | .flags == ["cuda"] and .extra_depends == {"more": ["one"]}' m/noarch/repodata.json >jq.out || fail "$(cat m/noarch/repodata.json)"
expect_exit 0 mirror c.lock.yml a.lock.yml b.lock.yml m2
expect_exit 0 mirror b.lock.yml m3
expect_exit 0 mirror c.lock.yml m3
expect_exit 0 mirror a.lock.yml m3
documents m >m.sums
documents m2 | cmp m.sums - || fail "all at once is another channel"
documents m3 | cmp m.sums - || fail "another order is another channel"
touch -d "8 days ago" m3/noarch/shards/*
expect_exit 0 mirror a.lock.yml m3
[ "$(ls m3/noarch/shards)" = "$(ls m2/noarch/shards)" ] || fail "old shards stay for ever"
check m3

say "what is broken there is written again, and what others put there stays"
truncate -s 10 m/noarch/one-1-0.conda
$python - <<'END'
import json
d = json.load(open("m/noarch/repodata.json"))
d["packages.conda"]["zzz-1-0.conda"] = {**d["packages.conda"]["five-1-0.conda"], "name": "zzz"}
d["removed"] = ["gone-1-0.conda"]
json.dump(d, open("m/noarch/repodata.json", "w"))
END
cp m/noarch/five-1-0.conda m/noarch/zzz-1-0.conda
expect_exit 0 mirror a.lock.yml m
check m
[ "$(cat check.out)" = 6 ] || fail "$(cat check.out) packages"
[ "$(jq -c .removed m/noarch/repodata.json)" = '["gone-1-0.conda"]' ] || fail "removed is lost"

say "what cannot be is refused, and nothing is written"
documents m2 >before
expect_exit 1 mirror clash.lock.yml m2
expect_stderr "noarch/one-1-0.conda is there with other bytes .sha256:"
documents m2 | cmp before - || fail "a refusal writes"
expect_exit 2 mirror env.yml m2
expect_stderr "is an environment.*condaimg lock env.yml"
expect_exit 2 mirror a.lock.yml m2 --platform linux-aarch64
expect_stderr "has nothing for the platforms"
expect_exit 2 mirror a.lock.yml
mkdir elsewhere elsewhere/noarch
echo '{"info": {"base_url": "https://elsewhere"}}' >elsewhere/noarch/repodata.json
expect_exit 1 mirror a.lock.yml elsewhere
expect_stderr "noarch/repodata.json.*has a base_url: its packages are elsewhere"

say "a reader in the middle finds what it is told of"
$python - <<'END' &
import json, os, time
end = time.time() + 3
while time.time() < end and not os.path.exists("stop"):
    try:
        d = json.load(open("m4/noarch/repodata.json"))
    except FileNotFoundError:
        continue
    for fn in list(d["packages"]) + list(d["packages.conda"]) + [f"{s}.conda" for s in d.get("v3", {}).get("conda", {})]:
        assert os.path.exists("m4/noarch/" + fn), fn
END
reader=$!
for lock in c b a; do
	expect_exit 0 mirror $lock.lock.yml m4
done
touch stop
wait $reader || fail "a reader was sent to what is not there"
# several at once add to one
for lock in a b c; do
	"$condaimg" mirror $lock.lock.yml m5 --cache-dir "cache-$lock" >out.$lock 2>&1 &
done
wait
documents m5 | cmp m.sums - || fail "one of several is lost: $(cat out.?)"

say "a real environment: every archive is opened by conda-package-streaming; a solve in the mirror is the solve in the channel"
embedded_channel
serve_folder "$channel"
channel=$url
printf 'name: hello\nchannels: [%s]\ndependencies: [jq, bash, coreutils, tzdata, ca-certificates]\n' "$channel" >environment.yml
common=(--cache-dir cache --platform linux-64)
expect_exit 0 "$condaimg" build environment.yml -o oci:out:direct "${common[@]}"
direct=$(digest_of "$(cat stdout)")
expect_exit 0 "$condaimg" lock environment.yml "${common[@]}"
expect_exit 0 mirror conda-lock.yml real
check real --archives
echo "mirrored_channels: {'$channel': ['file://$work/real']}" >rc.yml
kill $server
# neither network nor cache: the mirror alone
cut_off() { unshare -rn "$@"; }
unshare -rn true 2>/dev/null || cut_off() { "$@"; }
expect_exit 0 cut_off "$condaimg" build conda-lock.yml -o oci:out:lock --condarc rc.yml --cache-dir c1 --platform linux-64
[ "$(digest_of "$(cat stdout)")" = "$direct" ] || fail "the image of the lock is another: $(cat stdout), $direct"
rm conda-lock.yml
expect_exit 0 cut_off "$condaimg" build environment.yml -o oci:out:solved --condarc rc.yml --cache-dir c2 --platform linux-64
[ "$(digest_of "$(cat stdout)")" = "$direct" ] || fail "the image of a solve is another: $(cat stdout), $direct"
