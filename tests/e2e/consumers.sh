#!/bin/bash
# What others read: skopeo, umoci, podman and docker take the layout and both archives, gzip and zstd where they can,
# and what they read is what condaimg says.
# Usage: consumers.sh CONDAIMG
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need skopeo umoci jq
embedded_channel
hello_environment environment.yml
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >policy.json
skopeo() { command skopeo --policy "$work/policy.json" "$@"; }
pod() { podman --root "$work/podman" --runroot "$work/podman-run" --storage-driver vfs "$@"; }

tidy()
{
	[ ! -d podman ] || pod rmi -a -f >/dev/null 2>&1
	[ -z "${daemon:-}" ] || { kill "$daemon" && wait "$daemon"; }
}

say "one image in every kind of place"
places=(oci:layout:gzip oci-archive:gzip.tar:gzip docker-archive:docker.tar:me/app:1)
expect_exit 0 "$condaimg" lock environment.yml
build() { expect_exit 0 "$condaimg" build conda-lock.yml "$@"; }
for place in "${places[@]}"; do
	build -o "$place"
	expect_result "$place@sha256:[0-9a-f]{64}"
	digest_of "$(cat stdout)"
done | sort -u >digests
[ "$(wc -l <digests)" = 1 ] || fail "digests differ between places"
digest=$(cat digests)
build --compression zstd -o oci:layout:zstd
zstd_digest=$(digest_of "$(cat stdout)")
build --compression zstd:9 -o oci-archive:zstd.tar:zstd
expect_exit 2 "$condaimg" build conda-lock.yml --compression zstd -o docker-archive:no.tar:app:1
expect_stderr zstd docker-archive gzip
[ ! -e no.tar ] || fail "a docker archive with zstd"
places+=(oci:layout:zstd oci-archive:zstd.tar:zstd)

say "every blob of the layout is what its name says"
(cd layout/blobs/sha256 && sha256sum -- * | awk '$1 != $2 { print; bad = 1 } END { exit bad }') || fail "a blob has another digest"
[ -z "$(find layout -type f ! -path 'layout/blobs/sha256/*' ! -name index.json ! -name oci-layout)" ] || fail "$(find layout)"

say "skopeo inspects"
"$condaimg" inspect oci:layout:gzip --json >ours.json
for place in "${places[@]}"; do
	skopeo inspect "$place" >theirs.json || fail "skopeo inspect $place"
	skopeo inspect --config "$place" >config.json || fail "skopeo inspect --config $place"
	jq -e '.Os == "linux" and (.Env | index("CONDA_PREFIX=/opt/conda/envs/default")) and (.Env | index("GREETING=grüße")) and
		.Labels["org.opencontainers.image.title"] == "hello" and .Labels["io.condaimg.prefix"] == "/opt/conda/envs/default"' theirs.json >/dev/null ||
		fail "$place: $(cat theirs.json)"
	jq -e '.config.User == "1000:0" and .config.WorkingDir == "/home/conda" and (.rootfs.diff_ids | length) > 30 and
		([.history[] | select(.empty_layer | not)] | length) == (.rootfs.diff_ids | length)' config.json >/dev/null || fail "config of $place"
	[ "$(jq -c '[.layers[].diffid]' ours.json)" = "$(jq -c .rootfs.diff_ids config.json)" ] || fail "diffids of $place are not those of inspect"
done
for place in oci:layout:gzip oci-archive:gzip.tar docker-archive:docker.tar; do
	[ "$("$condaimg" inspect "$place" --json | jq -r .digest)" = "$digest" ] || fail "inspect $place has another digest than build"
	"$condaimg" inspect "$place" | grep -q 'python-3.11' || fail "inspect $place tells no packages"
done
[ "$(skopeo inspect oci:layout:gzip | jq -r .Digest)" = "$digest" ] || fail "skopeo's digest"
[ "$(skopeo inspect oci-archive:gzip.tar:gzip | jq -r .Digest)" = "$digest" ] || fail "skopeo's digest of the archive"
[ "$(skopeo inspect oci:layout:zstd | jq -r .Digest)" = "$zstd_digest" ] || fail "skopeo's digest of zstd"
skopeo inspect --raw oci:layout:zstd | jq -e 'all(.layers[]; .mediaType == "application/vnd.oci.image.layer.v1.tar+zstd")' >/dev/null || fail "media types"
skopeo inspect --raw oci:layout:gzip | jq -e '[.layers[].annotations["io.condaimg.packages"] // empty | split(",")[]] |
	any(startswith("python-3.11")) and any(startswith("jq-1.6")) and (length > 30)' >/dev/null || fail "annotations name the packages"

say "skopeo copies, and condaimg reads the copies"
for place in "${places[@]}"; do
	rm -rf copy copy.tar copy-docker.tar dir
	skopeo copy -q "$place" oci:copy:t || fail "$place to oci:"
	skopeo copy -q "$place" oci-archive:copy.tar:t || fail "$place to oci-archive:"
	skopeo copy -q "$place" dir:dir || fail "$place to dir:"
	copies=(oci:copy:t oci-archive:copy.tar)
	case $place in
	*zstd) ;;
	*)
		skopeo copy -q "$place" docker-archive:copy-docker.tar:x:1 || fail "$place to docker-archive:"
		copies+=(docker-archive:copy-docker.tar)
		;;
	esac
	for copy in "${copies[@]}"; do
		expect_exit 0 "$condaimg" inspect "$copy" --json
		[ "$(jq -c '[.layers[].diffid]' stdout)" = "$(jq -c '[.layers[].diffid]' ours.json)" ] || fail "inspect $copy of $place"
	done
done
rm -rf copy copy.tar copy-docker.tar dir

say "umoci unpacks what skopeo and condaimg wrote"
umoci unpack --rootless --image layout:gzip bundle 2>/dev/null || fail "umoci unpack"
top=bundle/rootfs
for file in opt/conda/envs/default/bin/python3.11 opt/conda/envs/default/conda-meta/history etc/passwd; do
	[ -f $top/$file ] || fail "umoci's tree has no $file"
done
[ "$(stat -c %a $top/tmp $top/home/conda $top/etc/passwd | tr '\n' ' ')" = "1777 775 644 " ] || fail "modes"
umoci ls --layout layout | sort | tr '\n' ' ' | grep -qx 'gzip zstd ' || fail "umoci ls"
umoci stat --image layout:gzip --json | jq -e '.history | length > 30' >/dev/null || fail "umoci stat"
rm -rf bundle

if pod info >/dev/null 2>&1; then
	say "podman pulls and loads"
	for place in "${places[@]}"; do
		case $place in
		oci:*) source=oci:$work/${place#oci:} ;;
		*) source=${place%%:*}:$work/${place#*:} ;;
		esac
		if [ "${place%%:*}" != docker-archive ]; then
			pod pull -q --signature-policy policy.json "$source" >id 2>pull.log || fail "podman pull $place: $(cat pull.log)"
			pod image inspect "$(cat id)" | jq -e '.[0].Config.User == "1000:0" and (.[0].RootFS.Layers | length) > 30' >/dev/null || fail "in podman: $place"
		fi
	done
	for file in docker.tar gzip.tar zstd.tar; do
		pod load -q --signature-policy policy.json -i $file >loaded 2>pull.log || fail "podman load $file: $(cat pull.log)"
		grep -q '^Loaded image' loaded || fail "podman load $file: $(cat loaded)"
		[ $file != docker.tar ] || grep -q 'me/app:1' loaded || fail "podman load $file: $(cat loaded)"
	done
	pod rmi -a -f >/dev/null
else
	echo "without podman: it is not here, or cannot work here"
fi

if command -v dockerd >/dev/null && [ "$(id -u)" = 0 ]; then
	say "docker loads"
	dockerd --data-root "$work/docker-data" --exec-root "$work/docker-exec" --pidfile "$work/docker.pid" \
		-H "unix://$work/docker.sock" --iptables=false --ip6tables=false --bridge=none >dockerd.log 2>&1 &
	daemon=$!
	for _ in $(seq 100); do
		docker -H "unix://$work/docker.sock" version >/dev/null 2>&1 && break
		sleep 0.2
	done
	if docker -H "unix://$work/docker.sock" version >/dev/null 2>&1; then
		docker -H "unix://$work/docker.sock" load -q -i docker.tar >loaded || fail "docker load"
		grep -q 'me/app:1' loaded || fail "docker load: $(cat loaded)"
	else
		echo "without docker: dockerd does not start here: $(tail -n 1 dockerd.log)"
	fi
fi
echo "ok"
