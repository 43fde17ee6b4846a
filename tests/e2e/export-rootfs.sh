#!/bin/bash
# export-rootfs makes the tree that umoci makes; no layer gets out of the directory; a failure leaves nothing behind.
# Usage: export-rootfs.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need umoci python3 jq

# Every path with its type, mode, time, target, content, and which are one file; not whose it is.
tree_of() # DIRECTORY
{
	python3 - "$1" <<'PYTHON'
import hashlib, os, stat, sys

top, seen = os.fsencode(sys.argv[1]), {}
for directory, dirs, files in os.walk(top):
    dirs.sort()
    for name in sorted(dirs + files):
        path = os.path.join(directory, name)
        st, shown = os.lstat(path), os.path.relpath(path, top)
        row = [shown, oct(st.st_mode), int(st.st_mtime)]
        if stat.S_ISLNK(st.st_mode):
            row.append(os.readlink(path))
        elif stat.S_ISREG(st.st_mode):
            row += [hashlib.sha256(open(path, "rb").read()).hexdigest(), st.st_nlink, seen.setdefault(st.st_ino, shown) if st.st_nlink > 1 else ""]
        print(*row)
PYTHON
}

say "a good image: the tree of umoci"
embedded_channel
hello_environment environment.yml
expect_exit 0 "$condaimg" lock environment.yml
expect_exit 0 "$condaimg" build conda-lock.yml -o oci:image:app
expect_exit 0 "$condaimg" export-rootfs oci:image:app rootfs
expect_result rootfs
umoci unpack --rootless --image image:app bundle >umoci.log 2>&1 || fail "umoci: $(tail -n 3 umoci.log)"
tree_of rootfs >ours
tree_of bundle/rootfs | grep -v "^b'dev' " >theirs
grep -v "^b'dev' " ours | diff theirs - || fail "another tree than umoci's"
[ "$(wc -l <ours)" -gt 2000 ] || fail "only $(wc -l <ours) paths"
echo "$(wc -l <ours) paths, as umoci has them"
mkdir empty
for place in oci-archive:a.tar:app docker-archive:d.tar:app:1; do
	expect_exit 0 "$condaimg" build conda-lock.yml -o "$place"
	rm -rf empty/* empty/.[!.]*
	expect_exit 0 "$condaimg" export-rootfs "$place" empty
	tree_of empty | diff ours - || fail "$place: another tree"
done
expect_exit 0 "$condaimg" build conda-lock.yml --compression zstd -o oci:image:zstd
expect_exit 0 "$condaimg" export-rootfs oci:image:zstd rootfs-zstd --json
jq -e '.files > 1500 and .left_out == 0' stdout >/dev/null || fail "$(cat stdout)"
tree_of rootfs-zstd | diff ours - || fail "zstd: another tree"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	mkdir open && chmod 777 open
	install -m 755 "$condaimg" open/program
	chmod -R go+rX image
	expect_exit 0 setpriv --reuid=65534 --regid=65534 --clear-groups "$work/open/program" export-rootfs "oci:$work/image:app" "$work/open/rootfs"
	tree_of open/rootfs | diff ours - || fail "as another user: another tree"
	[ -z "$(find open/rootfs ! -uid 65534)" ] || fail "files of others"
fi

say "what is refused"
expect_exit 2 "$condaimg" export-rootfs oci:image:app rootfs
expect_stderr "rootfs is not empty .*new or an empty directory"
tree_of rootfs | diff ours - || fail "a refused export changed the directory"
expect_exit 1 "$condaimg" export-rootfs oci:image:app environment.yml
expect_exit 1 "$condaimg" export-rootfs oci:image:app no/such/place
expect_exit 1 "$condaimg" export-rootfs oci:nothing:here new
[ ! -e new ] || fail "an image that is not there left a directory"
cp -r image broken
layer=$("$condaimg" inspect oci:image:app --json | jq -r '.layers[-2].digest')
printf 'x' >>"broken/blobs/sha256/${layer#*:}"
expect_exit 4 "$condaimg" export-rootfs oci:broken:app new
expect_stderr "layer [0-9]+ of [0-9]+: the blob: has more than"
[ ! -e new ] || fail "a broken layer left a directory"
rm -rf empty
mkdir empty
expect_exit 4 "$condaimg" export-rootfs oci:broken:app empty
[ -z "$(ls -A empty)" ] || fail "a broken layer left files in a directory that was there"

# ---- layers made to do harm ----

mkdir outside
echo secret >outside/secret
tree_of outside >outside.tree
hostile() # NAME
{
	rm -rf evil
	python3 "$root/tests/e2e/hostile_image.py" evil "$1"
	# /outside and ../outside are to be this one.
	rm -rf jail
	mkdir jail
}
nothing_happened() # NAME
{
	tree_of outside | diff outside.tree - || fail "$1: something outside changed"
	[ ! -e evil-file ] && [ ! -e jail/evil ] && [ "$(ls /outside 2>/dev/null)" = "" ] || fail "$1: a file outside"
	[ -z "$(find jail -mindepth 1 -maxdepth 1 ! -name new ! -name outside)" ] || fail "$1: $(ls jail)"
}
refused=0
for name in dotdot dotdot-inside dotdot-end through-symlink through-relative through-file hardlink-out hardlink-through hardlink-nothing \
	hardlink-self hardlink-dir whiteout-nothing whiteout-dot whiteout-dotdot long-name deep; do
	hostile $name
	cp -r outside jail/outside
	echo "$name"
	expect_exit 1 "$condaimg" export-rootfs oci:evil:x jail/new
	expect_stderr "error: oci:evil:x: layer [12] of [12]: "
	nothing_happened $name
	[ ! -e jail/new ] || fail "$name left a directory"
	diff -r outside jail/outside || fail "$name: changed outside"
	refused=$((refused + 1))
done
say "$refused hostile layers refused"

good() # NAME EXPECTED
{
	hostile "$1"
	cp -r outside jail/outside
	expect_exit 0 "$condaimg" export-rootfs oci:evil:x jail/new
	nothing_happened "$1"
	diff -r outside jail/outside || fail "$1: changed outside"
	(cd jail/new && find . -mindepth 1 \( -type d -printf '%P/ ' -o -type l -printf '%P->%l ' -o -type f -printf '%P=' -exec sh -c 'cat "$1"; printf " "' - {} \; \) |
		tr ' ' '\n' | LC_ALL=C sort | paste -sd' ') >got
	[ "$(cat got)" = " $2" ] || [ "$(cat got)" = "$2" ] || fail "$1: is '$(cat got)', expected '$2'"
	accepted=$((accepted + 1))
}
accepted=0
good absolute "b=y etc/ etc/a=x"
good symlink-over "d/ d/inside=x"
good symlink-replaced "d/ d/inside=x"
good symlink-written "f=mine"
good whiteout-symlink "out->/outside"
good opaque-symlink "out->/outside"
good whiteouts "a/ a/stays=2 b/ b/c/ b/c/new=7 dir=9 file/ file/in=8"
good whiteout-own "a=new"
good empty ""
good devices "f=x"
expect_stderr "2 devices, pipes or sockets of the image were left out"
hostile modes
expect_exit 0 "$condaimg" export-rootfs oci:evil:x jail/new
expect_stderr "1 files? lost"
(cd jail/new && stat -c '%n %a %Y' closed closed/f closed/g none su tmp) >got
diff - got <<-END || fail "modes"
	closed 555 1000000000
	closed/f 444 1000000000
	closed/g 755 1000000000
	none 0 1000000000
	su 755 1000000000
	tmp 1777 1000000000
END
hostile links
expect_exit 0 "$condaimg" export-rootfs oci:evil:x jail/new
[ "$(stat -c %h jail/new/a)" = 3 ] && [ jail/new/a -ef jail/new/b ] && [ "$(readlink jail/new/s)" = a ] || fail "links"
say "$accepted unusual layers unpacked"
echo "ok"
