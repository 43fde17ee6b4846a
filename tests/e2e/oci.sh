#!/bin/bash
# Do others read what oci/ writes, and does oci/ read what others write?
# Usage: oci.sh TOOL, where TOOL is the built tests/oci_tool.
set -eu

for program in skopeo umoci podman python3 jq; do
	command -v $program >/dev/null || { echo "SKIP: no $program"; exit 77; }
done
tool=$(realpath "$1")

# podman wants oci: paths in lower case
work=/tmp/condaimg-e2e-oci-$$
mkdir $work
trap 'chmod -R u+rwX $work; rm -rf $work' EXIT
cd $work
export HOME=$work/home TMPDIR=$work/tmp
mkdir home tmp
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >policy.json

fail()
{
	echo "FAIL: $*" >&2
	exit 1
}

skopeo()
{
	command skopeo --policy $work/policy.json "$@"
}

echo "== build: both codecs, three kinds of place"
"$tool" build store gzip oci:layout:gz oci-archive:gz.tar:gz docker-archive:docker.tar:app:1 docker-archive:plain.tar >built
[ "$(sort -u built | wc -l)" = 1 ] || fail "places differ in the manifest's digest"
"$tool" build store zstd oci:layout:zs oci-archive:zs.tar >>built
"$tool" build store none oci:layout:no docker-archive:no.tar:app:none >>built
! "$tool" build store zstd docker-archive:zs-docker.tar 2>message || fail "zstd in a docker archive"
grep -q -- '--compression gzip' message || fail "no advice: $(cat message)"
[ "$(find layout -type f -name '.*')" = "" ] || fail "something hidden stays in the layout"

echo "== again, elsewhere, under another umask, locale and time zone: the same bytes"
(umask 077; cd tmp; LC_ALL=tr_TR.UTF-8 TZ=Asia/Kathmandu "$tool" build ../store2 gzip oci-archive:../again.tar:gz docker-archive:../again-docker.tar:app:1) >/dev/null
cmp gz.tar again.tar
cmp docker.tar again-docker.tar
[ "$(stat -c %a again.tar)" = 644 ] || fail "umask reached a file"

echo "== every blob is what its name says"
(cd layout/blobs/sha256 && for f in *; do echo "$f  $f"; done | sha256sum --quiet -c)

echo "== layers: GNU tar and Python agree"
read -r digest diffid <<<"$("$tool" layer store none)"
[ "$digest" = "$diffid" ] || fail "plain layer"
layer=store/blobs/sha256/$digest
tar --numeric-owner --quoting-style=escape --full-time -tvf $layer >gnu.txt 2>/dev/null
[ "$(grep -vc ' 0/0 .* 1980-01-01 00:00:00' gnu.txt)" = 0 ] || fail "owner or time: $(cat gnu.txt)"
python3 - $layer <<'PYTHON'
import os, sys, tarfile

want = {b'opt/latin-\xfc.txt': b'not UTF-8\n', 'opt/gr\u00fc\u00dfe.txt'.encode(): b'UTF-8\n',
	b'opt/' + b'-'.join([b'0123456789'] * 10): b'too long for ustar\n', b'opt/with space\tand tab': b'x'}
seen = set()
with tarfile.open(sys.argv[1], 'r:', errorlevel=2) as t:
	for m in t:
		name = os.fsencode(m.name)
		assert os.path.dirname(name) in seen or b'/' not in name, ('parent comes later', name)
		assert name not in seen, ('twice', name)
		seen.add(name)
		assert (m.uid, m.gid, m.uname, m.gname, m.mtime) == (0, 0, '', '', 315532800), m.get_info()
		if name in want:
			assert t.extractfile(m).read() == want.pop(name), name
assert not want, want
PYTHON

echo "== a layer that needs no pax is, byte for byte, what GNU tar makes of the same files"
manifest=$(jq -r '.manifests[]|select(.annotations[]=="no").digest' layout/index.json)
lower=store/blobs/sha256/$(jq -r '.layers[0].digest' layout/blobs/sha256/${manifest#*:} | cut -d: -f2)
mkdir unpacked
tar -C unpacked --same-permissions -xf $lower
tar -tf $lower >names
tar -C unpacked --format=ustar --blocking-factor=1 --no-recursion --owner=0 --group=0 --numeric-owner --mtime=@315532800 \
	-T names -cf theirs.tar
cmp $lower theirs.tar

echo "== skopeo reads all of it"
for image in oci:layout:gz oci:layout:zs oci:layout:no oci-archive:gz.tar:gz oci-archive:zs.tar docker-archive:docker.tar docker-archive:docker.tar:app:1 docker-archive:plain.tar docker-archive:no.tar; do
	skopeo inspect $image >inspect.json
	[ "$(jq -r '.Created + .Architecture + .Os + .Labels["org.example.b"]' inspect.json)" = 2023-11-14T22:13:20Zamd64linuxü ] || fail "$image: $(cat inspect.json)"
	skopeo inspect --config $image | jq -e '.config.User == "1000:1000" and .config.Cmd[1] == "it'"'"'s \"quoted\"" and (.rootfs.diff_ids|length) == 2 and (.history|length) == 2' >/dev/null || fail "config of $image"
done
[ "$(skopeo inspect oci:layout:gz | jq -r .Digest)" = "$(head -1 built)" ] || fail "digest of oci:layout:gz"

echo "== and copies it into every other kind, checking digests"
for image in oci:layout:gz oci:layout:zs oci-archive:gz.tar:gz docker-archive:docker.tar; do
	rm -rf copy-*
	skopeo copy -q $image oci:copy-oci:t
	skopeo copy -q $image oci-archive:copy-oa.tar:t
	# skopeo cannot make a Docker manifest for zstd
	from=$image
	[ $image = oci:layout:zs ] && from=oci:layout:gz
	skopeo copy -q $from docker-archive:copy-da.tar:me/app:2
	skopeo copy -q $image dir:copy-dir
	echo "== ... $image: and oci/ reads the copies"
	for copy in oci:copy-oci:t oci-archive:copy-oa.tar docker-archive:copy-da.tar docker-archive:copy-da.tar:me/app:2; do
		[ "$("$tool" show $copy | jq '.layers|length')" = 2 ] || fail "$copy of $image"
	done
	"$tool" stack store docker-archive:copy-da.tar oci:stacked:t >/dev/null
	"$tool" stack store oci-archive:copy-oa.tar oci:stacked:u >/dev/null
	skopeo inspect --config oci:stacked:t | jq -e '(.rootfs.diff_ids|length) == 3 and (.history|length) == 3 and .config.WorkingDir == "/opt"' >/dev/null || fail "stacked on $image"
	skopeo copy -q oci:stacked:u dir:stacked-dir
	rm -rf stacked stacked-dir
done

echo "== umoci unpacks gzip and plain layers"
for tag in gz no; do
	umoci unpack --rootless --image layout:$tag bundle-$tag 2>/dev/null
	root=bundle-$tag/rootfs
	[ "$(stat -c '%a %h %Y' $root/usr/bin/tool-1.0)" = '755 2 315532800' ] || fail "hard link"
	[ "$(stat -c %a $root/tmp)" = 1777 ] || fail "mode of tmp"
	[ "$(cat $root/opt/link-to-utf8)" = UTF-8 ] || fail "name in UTF-8"
	[ "$(cat $root/opt/latin-$'\374'.txt)" = 'not UTF-8' ] || fail "name in bytes"
	[ "$(cat $root/opt/a-directory*/and*/file-in-a-long-place.txt)" = 'split at 155/100' ] || fail "split name"
	[ "$(cat $root/opt/0123456789-*9)" = 'too long for ustar' ] || fail "long name"
	[ "$(find $root -mindepth 1 | wc -l)" = 21 ] || fail "$(find $root)"
done
umoci ls --layout layout | sort | tr '\n' ' ' | grep -qx 'gz no zs ' || fail "tags"

echo "== umoci writes, oci/ reads and adds"
umoci init --layout theirs
umoci new --image theirs:empty
umoci insert --rootless --image theirs:empty policy.json /etc/policy.json
"$tool" stack store oci:theirs:empty oci:theirs:ours >/dev/null
umoci ls --layout theirs | sort | tr '\n' ' ' | grep -qx 'empty ours ' || fail "tags of theirs"
umoci stat --image theirs:ours --json | jq -e '[.history[]|select(.empty_layer|not)]|length == 2' >/dev/null || fail "history of theirs"
skopeo copy -q oci:theirs:ours dir:theirs-dir

echo "== podman pulls and loads"
pod()
{
	podman --root $work/store-podman --runroot $work/run-podman --storage-driver vfs "$@"
}
if pod info >/dev/null 2>&1; then
	for tag in gz zs no; do
		pod pull -q --signature-policy $work/policy.json oci:$work/layout:$tag >/dev/null || fail "podman pull $tag"
	done
	for file in docker.tar no.tar; do
		pod load -q --signature-policy $work/policy.json -i $work/$file | grep -q '^Loaded image' || fail "podman load $file"
	done
	pod images --format '{{.Repository}}:{{.Tag}}' | sort | tr '\n' ' ' >images
	grep -q 'docker.io/library/app:1 docker.io/library/app:none' images || fail "names in podman: $(cat images)"
	pod rmi -a -f >/dev/null
else
	echo "without podman: it cannot work here ($(pod info 2>&1 | tail -n 1))"
fi

if command -v dockerd >/dev/null && [ "$(id -u)" = 0 ]; then
	echo "== docker loads"
	dockerd --data-root $work/docker-data --exec-root $work/docker-exec --pidfile $work/docker.pid -H unix://$work/docker.sock \
		--iptables=false --ip6tables=false --bridge=none >dockerd.log 2>&1 &
	daemon=$!
	trap 'kill $daemon; wait $daemon || :; chmod -R u+rwX $work; rm -rf $work' EXIT
	for _ in $(seq 50); do
		[ -S docker.sock ] && docker -H unix://$work/docker.sock version >/dev/null 2>&1 && break
		sleep 0.2
	done
	for file in docker.tar no.tar; do
		docker -H unix://$work/docker.sock load -q -i $file || fail "docker load $file"
	done
fi
echo "ok"
