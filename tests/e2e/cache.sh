#!/bin/bash
# The cache: what is in it, what is taken away and what is not, read-only caches below it, and those of conda and mamba.
# Usage: cache.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need jq python3 zstd flock

cat >make.py <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from make_channel import Channel, File
c = Channel("ch")
c.add("one", File("one", b"1"), depends=["two"])
c.add("two", File("two", b"2"))
c.add("three", File("three", b"3"))
c.finish()
END
PYTHONDONTWRITEBYTECODE=1 python3 make.py "$root/tests/e2e"
printf 'name: app\nchannels: [%s/ch]\ndependencies: [one]\n' "$work" >env.yml
build() # CACHE-DIR... OPTIONS...
{
	"$condaimg" build env.yml --libc none --platform linux-64 -o oci:out:x "$@"
}
files() { find cache -type f ! -name lock ! -name .lock | sed 's|^[^/]*/||' | sort; }
# As if nobody had used it for so many days.
age() # DAYS FILE...
{
	local days=$1

	shift
	touch -a -m -d "$days days ago" "$@"
}

say "info, of nothing too"
expect_exit 0 "$condaimg" cache info --cache-dir none --json
[ "$(jq -c '[.all.files, .all.size]' stdout)" = '[0,0]' ] || fail "$(cat stdout)"
[ ! -e none ] || fail "looking at a cache makes one"
expect_exit 0 build --cache-dir cache
first=$(digest_of "$(cat stdout)")
expect_exit 0 "$condaimg" cache info --cache-dir cache --json
[ "$(jq .packages.files stdout)" = 2 ] || fail "$(cat stdout)"
[ "$(jq .all.files stdout)" = "$(files | wc -l)" ] || fail "$(cat stdout)"
[ "$(jq .all.size stdout)" = "$(files | sed 's|^|cache/|' | xargs stat -c %b | awk '{ s += $1 * 512 } END { print s }')" ] || fail "$(cat stdout)"
expect_exit 0 "$condaimg" cache info --cache-dir cache
grep -qE '^packages +2 ' stdout || fail "$(cat stdout)"

say "prune: debris alone, by age, by size, all"
files >before
expect_exit 0 "$condaimg" cache prune --cache-dir cache
[ "$(files)" = "$(cat before)" ] || fail "something of use is gone"
mkdir -p cache/packages/part cache/packages/md5
echo x >cache/packages/part/old; age 8 cache/packages/part/old
echo x >cache/packages/part/new
echo x >cache/layers/blobs/sha256/.tmp-1-0; age 2 cache/layers/blobs/sha256/.tmp-1-0
printf %064d 1 >cache/packages/md5/gone
expect_exit 0 "$condaimg" cache prune --cache-dir cache --dry-run --json
[ "$(jq -c '[.dry_run, .removed_files]' stdout)" = '[true,3]' ] || fail "$(cat stdout)"
expect_exit 0 "$condaimg" cache prune --cache-dir cache --json
[ "$(jq .removed_files stdout)" = 3 ] || fail "$(cat stdout)"
[ "$(files | grep -v part/new)" = "$(cat before)" ] || fail "$(files)"
rm cache/packages/part/new
one=cache/packages/sha256/$(sha256sum <"$(ls ch/noarch/one-*)" | cut -d' ' -f1)
age 40 "$one"
expect_exit 0 "$condaimg" cache info --cache-dir cache --json
[ "$(jq -c '[.packages.unused_files, .all.unused_files]' stdout)" = '[1,1]' ] || fail "$(cat stdout)"
expect_exit 0 "$condaimg" cache prune --cache-dir cache --older-than 6w
[ -e "$one" ] || fail "40 days are not 6 weeks"
expect_exit 0 "$condaimg" cache prune --cache-dir cache --older-than 30d
[ ! -e "$one" ] || fail "40 days are more than 30"
[ "$(files | wc -l)" = $(($(wc -l <before) - 1)) ] || fail "$(files)"
# what is used is young
find cache -type f -exec touch -a -m -d "100 days ago" {} +
expect_exit 0 build --cache-dir cache
[ "$(digest_of "$(cat stdout)")" = "$first" ] || fail "another image"
expect_exit 0 "$condaimg" cache prune --cache-dir cache --older-than 90d
ls cache/layers/blobs/sha256/* >ls.out || fail "layers that were just used are gone"
expect_exit 0 build --cache-dir cache
total=$(files | sed 's|^|cache/|' | xargs stat -c %b | awk '{ s += $1 * 512 } END { print s }')
oldest=$(ls cache/layers/blobs/sha256/* | head -n 1)
age 3 "$oldest"
expect_exit 0 "$condaimg" cache prune --cache-dir cache --max-size $((total - 1))
[ ! -e "$oldest" ] || fail "the longest unused is still there"
expect_exit 0 "$condaimg" cache prune --cache-dir cache --all
[ -z "$(files)" ] || fail "$(files)"
expect_exit 0 build --cache-dir cache
[ "$(digest_of "$(cat stdout)")" = "$first" ] || fail "another image"
for bad in "--older-than 30" "--older-than x" "--max-size 10x" "--max-size -1"; do
	# shellcheck disable=SC2086  # two words
	expect_exit 2 "$condaimg" cache prune --cache-dir cache $bad
	expect_stderr "expected a (time|size) such as"
done
expect_exit 2 "$condaimg" cache clean
expect_stderr "expected info, prune or verify"

say "what others are using stays, and they wait for who takes things away"
find cache -type f -exec touch -a -m -d "3 hours ago" {} +
exec 9>>cache/lock
flock -s 9
expect_exit 0 "$condaimg" cache prune --cache-dir cache --all
expect_stderr "others are at work in this cache"
[ -n "$(files)" ] || fail "it was taken away"
flock -u 9
flock -x 9
timeout 1 "$condaimg" build env.yml --libc none --cache-dir cache -o oci:out:y >wait.out 2>&1 && fail "nobody waited"
exec 9>&-
expect_exit 0 build --cache-dir cache

say "verify finds what is broken, removes it, and it is made again"
expect_exit 0 "$condaimg" cache verify --cache-dir cache
grep -qE '^[0-9]+ files are what they are called, 0 are not' stdout || fail "$(cat stdout)"
layer=$(ls -S cache/layers/blobs/sha256/* | head -n 1)
printf x | dd of="$layer" bs=1 seek=30 conv=notrunc status=none
truncate -s 3 "$one"
expect_exit 4 "$condaimg" cache verify --cache-dir cache --dry-run --json
[ "$(jq '.broken | length' stdout)" = 2 ] || fail "$(cat stdout)"
[ -e "$layer" ] || fail "a dry run removes"
expect_exit 4 "$condaimg" cache verify --cache-dir cache
expect_stderr "warning: ${layer#cache/} is sha256:[0-9a-f]{64}, and is removed" "cache: 2 of [0-9]+ files were broken"
[ ! -e "$layer" ] && [ ! -e "$one" ] || fail "it is still there"
expect_exit 0 build --cache-dir cache
[ "$(digest_of "$(cat stdout)")" = "$first" ] || fail "another image"
expect_exit 0 "$condaimg" cache verify --cache-dir cache

say "layers that are broken in the cache are made anew by the build that finds them, however many"
expect_exit 0 build --cache-dir sick --copy make.py:/app/ --copy env.yml:/b/
n=$(ls sick/layers/blobs/sha256 | wc -l)
[ "$n" -ge 5 ] || fail "$n layers are too few to tell"
for file in sick/layers/blobs/sha256/*; do
	chmod u+w "$file"
	printf x | dd of="$file" bs=1 seek=30 conv=notrunc status=none
done
rm -rf fresh
expect_exit 0 "$condaimg" build env.yml --libc none --platform linux-64 --cache-dir sick --copy make.py:/app/ --copy env.yml:/b/ -o oci-archive:fresh.tar
[ "$(wc -l <stderr)" = 1 ] || fail "more than a warning: $(cat stderr)"
expect_stderr "warning: $n layers in the cache sick were broken and are made anew, one of them sha256:[0-9a-f]{64}; condaimg cache verify looks at the rest"
expect_exit 0 "$condaimg" cache verify --cache-dir sick
expect_exit 0 "$condaimg" verify oci-archive:fresh.tar --cache-dir sick
for file in sick/packages/sha256/*; do
	chmod u+w "$file"
	printf xxxx | dd of="$file" bs=1 conv=notrunc status=none
done
expect_exit 0 "$condaimg" build env.yml --libc none --platform linux-64 --cache-dir sick --prefix /other -o oci:out:well
[ "$(wc -l <stderr)" = 1 ] || fail "more than a warning: $(cat stderr)"
expect_stderr "warning: 2 packages in the cache sick were broken and are fetched anew, first two-1-0.conda"
expect_exit 0 "$condaimg" cache verify --cache-dir sick

if [ "$(id -u)" = 0 ] && mkdir full && mount -t tmpfs -o size=64k none full 2>/dev/null; then
	say "a cache without room is named"
	rc=0
	head -c 100000 /dev/urandom >noise
	expect_exit 1 "$condaimg" build env.yml --libc none --platform linux-64 --cache-dir full/c --copy noise:/app/ -o oci:out:full || rc=$?
	umount full
	expect_stderr "error: the cache full/c \(condaimg cache prune makes room there, --cache-dir names another\): .*No space left on device"
fi

say "a read-only cache below another"
expect_exit 0 "$condaimg" lock env.yml --libc none --platform linux-64 --cache-dir cache
expect_exit 0 "$condaimg" build conda-lock.yml --libc none -o oci:out:low --cache-dir cache
expect_exit 0 "$condaimg" build conda-lock.yml --libc none --prefix /base -o oci:base:base --cache-dir cache
expect_exit 0 "$condaimg" build conda-lock.yml --base oci:base:base -o oci:out:based --cache-dir cache
based=$(digest_of "$(cat stdout)")
find cache -type f | sort | xargs sha256sum >lower.before
chmod -R a-w cache
mv ch away
expect_exit 0 "$condaimg" build conda-lock.yml --libc none -o oci:out:low --cache-dir upper --cache-dir cache --offline
grep -q "@sha256:" stdout || fail "$(cat stdout)"
low=$(digest_of "$(cat stdout)")
expect_exit 0 "$condaimg" build conda-lock.yml --base oci:base:base -o oci:out:based --cache-dir upper --cache-dir cache --offline
[ "$(digest_of "$(cat stdout)")" = "$based" ] || fail "another image on a base"
# what was found out below (what a base has, too) is not found out again
[ -z "$(find upper/plans upper/layers -type f)" ] || fail "made again: $(find upper/plans upper/layers -type f)"
rm -rf upper
CONDAIMG_CACHE_DIRS=$work/cache:$work/none expect_exit 0 "$condaimg" build conda-lock.yml --libc none -o oci:out:low --cache-dir upper --offline
[ "$(digest_of "$(cat stdout)")" = "$low" ] || fail "another image"
chmod -R u+w cache
find cache -type f | sort | xargs sha256sum | cmp - lower.before || fail "the lower cache was written to"
# a broken layer below is made anew above
layer=$(ls -S cache/layers/blobs/sha256/* | head -n 1)
printf x | dd of="$layer" bs=1 seek=30 conv=notrunc status=none
rm -rf upper
expect_exit 0 "$condaimg" build conda-lock.yml --libc none -o oci:out:low2 --cache-dir upper --cache-dir cache --offline
[ "$(digest_of "$(cat stdout)")" = "$low" ] || fail "another image"
# and so is a package
truncate -s 3 "$one"
rm -rf upper
expect_exit 1 "$condaimg" build conda-lock.yml --libc none --prefix /other -o oci:out:low3 --cache-dir upper --cache-dir cache --offline
expect_stderr "one-.*conda"

say "packages of conda's and mamba's own caches, by name, checked"
unset CONDAIMG_CONDARC
mkdir -p pkgs other "$HOME/.conda"
cp away/*/*.conda away/*/*.tar.bz2 pkgs/ 2>/dev/null || true
rm -rf upper
echo "pkgs_dirs: [$work/other, $work/pkgs]" >"$HOME/.condarc"
expect_exit 0 "$condaimg" build conda-lock.yml --libc none -o oci:out:pkgs --cache-dir upper
[ "$(digest_of "$(cat stdout)")" = "$low" ] || fail "another image"
rm -rf upper
rm "$HOME/.condarc"
expect_exit 1 "$condaimg" build conda-lock.yml --libc none -o oci:out:pkgs --cache-dir upper
mv pkgs "$HOME/.conda/pkgs"
expect_exit 0 "$condaimg" build conda-lock.yml --libc none -o oci:out:pkgs --cache-dir upper
rm -rf upper
expect_exit 1 "$condaimg" build conda-lock.yml --libc none -o oci:out:pkgs --cache-dir upper --condarc none
for f in "$HOME"/.conda/pkgs/one-*; do printf x | dd of="$f" bs=1 seek=30 conv=notrunc status=none; done
expect_exit 1 "$condaimg" build conda-lock.yml --libc none -o oci:out:pkgs --cache-dir upper -v
expect_stderr "one-.*: not taken: is sha256:"
mv away ch
expect_exit 0 "$condaimg" build conda-lock.yml --libc none -o oci:out:pkgs --cache-dir upper
[ "$(digest_of "$(cat stdout)")" = "$low" ] || fail "another image"
