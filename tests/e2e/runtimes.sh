# shellcheck shell=bash
# Running images. Sourced after lib.sh: find_runtimes IMAGE fills $runtimes, and inside() runs a command by the one
# that $runtime names, as the user that $as says ("1234:0"; empty: the image's own).
need jq umoci
[ "$(id -u)" = 0 ] || skip "running containers on a test machine takes root"
as=

tidy()
{
	local id

	for id in "${started[@]}"; do runc --root "$work/runc" delete -f "$id" 2>/dev/null; done
	[ ! -d "$work/podman" ] || pod rmi -a -f >/dev/null 2>&1
	umount -R "$work/podman/overlay" 2>/dev/null
}
started=()

pod()
{
	podman --root "$work/podman" --runroot "$work/podman-run" --storage-driver overlay --cgroup-manager cgroupfs "$@"
}

# Inside other containers podman needs these words.
podman_options=(--rm --network none --ulimit nofile=4096:4096 --ulimit nproc=4096:4096)

run_podman() # IMAGE MODE COMMAND...
{
	local image=$1 mode=$2 id

	shift 2
	id=$(pod pull -q "oci:$work/$image" 2>"$work/pull.log") || fail "podman pull $image: $(cat "$work/pull.log")"
	[ "$mode" = rw ] || set -- --read-only "$id" "$@"
	[ "$mode" = ro ] || set -- "$id" "$@"
	[ -z "$as" ] || set -- --user "$as" "$@"
	pod --runtime "$podman_runtime" run "${podman_options[@]}" "$@"
}

bundle() # IMAGE: unpacks it once
{
	local dir=$work/bundle-${1//[:\/]/-}

	if [ ! -d "$dir" ]; then
		umoci unpack --image "$work/$1" "$dir" >"$work/umoci.log" 2>&1 || fail "umoci: $(tail -n 3 "$work/umoci.log")"
		mv "$dir/config.json" "$dir/from-umoci.json"
	fi
	echo "$dir"
}

run_runc() # IMAGE MODE COMMAND...
{
	local dir ro=false id=condaimg-$$-${#started[@]} user=$as

	dir=$(bundle "$1")
	[ "$2" = rw ] || ro=true
	shift 2
	started+=("$id")
	jq --argjson ro $ro --arg user "$user" '.process.terminal = false |
		if $user != "" then ($user | split(":") | map(tonumber)) as $u | .process.user.uid = $u[0] | .process.user.gid = $u[1] else . end |
		 .process.rlimits = [] | .root.readonly = $ro | .process.args = $ARGS.positional |
		if $ro then .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]}] else . end' \
		"$dir/from-umoci.json" --args -- "$@" >"$dir/config.json"
	runc --root "$work/runc" run -b "$dir" "$id"
}

run_bwrap() # IMAGE MODE COMMAND...
{
	local dir options=() var uid=${as%%:*}

	dir=$(bundle "$1")
	[ -n "$uid" ] || uid=$(jq -r .process.user.uid "$dir/from-umoci.json")
	if [ "$2" = ro ]; then options=(--ro-bind "$dir/rootfs" / --tmpfs /tmp); else options=(--bind "$dir/rootfs" /); fi
	shift 2
	while IFS= read -r var; do
		options+=(--setenv "${var%%=*}" "${var#*=}")
	done < <(jq -r '.process.env[]' "$dir/from-umoci.json")
	bwrap "${options[@]}" --proc /proc --dev /dev --unshare-all --uid "$uid" --gid 0 --chdir "$(jq -r .process.cwd "$dir/from-umoci.json")" "$@"
}

# "podman" where it can run IMAGE, with whichever OCI runtime it can use.
try_podman() # IMAGE
{
	command -v podman >/dev/null || return 1
	for podman_runtime in runc crun; do
		command -v $podman_runtime >/dev/null || continue
		(run_podman "$1" rw true) >/dev/null 2>>"$work/try.log" && return 0
	done
	return 1
}

find_runtimes() # IMAGE
{
	runtimes=()
	if try_podman "$1"; then runtimes+=(podman); fi
	if command -v runc >/dev/null && (run_runc "$1" rw true) >/dev/null 2>>"$work/try.log"; then runtimes+=(runc); fi
	if [ ${#runtimes[@]} = 0 ] && (run_bwrap "$1" rw true) >/dev/null 2>>"$work/try.log"; then runtimes+=(bwrap); fi
	[ ${#runtimes[@]} != 0 ] || skip "no runtime runs containers on this machine: $(tail -n 1 "$work/try.log")"
	echo "runtimes: ${runtimes[*]}"
}

# What a command in the image prints must be WANTED (a pattern), and it must not complain.
inside() # IMAGE MODE WANTED COMMAND...
{
	local image=$1 mode=$2 want=$3 got rc=0 what

	shift 3
	what="$runtime, $mode${as:+, as $as}: $(head -c 60 <<<"$*" | head -n 1)"
	got=$("run_$runtime" "$image" "$mode" "$@" 2>"$work/stderr") || rc=$?
	[ $rc = 0 ] || fail "$what: exit code $rc: $got $(cat "$work/stderr")"
	[ ! -s "$work/stderr" ] || fail "$what: complains: $(cat "$work/stderr")"
	# shellcheck disable=SC2053  # a pattern is wanted
	[[ $got == $want ]] || fail "$what: printed '$got', expected '$want'"
	echo "$what: ok"
}

# A base image that condaimg has no part in: Debian's own packages in two layers, base:debian, by dpkg and umoci.
make_debian_base()
{
	local debs=${CONDAIMG_TEST_CACHE:-$root/build}/debian-base deb dir

	mkdir -p "$debs"
	if [ ! -e "$debs/complete-2" ]; then
		(cd "$debs" && apt-get download -q base-files libc6 libgcc-s1 gcc-12-base libcrypt1 busybox-static libc-bin netbase tzdata) \
			>apt.log 2>&1 || return 1
		touch "$debs/complete-2"
	fi
	umoci init --layout base
	umoci new --image base:debian
	umoci config --image base:debian --config.env PATH=/usr/sbin:/usr/bin:/sbin:/bin --config.env BASE=debian --config.label base=debian
	umoci unpack --image base:debian base-bundle
	mkdir -p base-bundle/rootfs/usr/{bin,sbin,lib,lib64}
	for dir in bin sbin lib lib64; do ln -s usr/$dir base-bundle/rootfs/$dir; done
	for deb in "$debs"/base-files_*.deb "$debs"/libc6_*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -C base-bundle/rootfs --keep-directory-symlink -x; done
	umoci repack --image base:debian base-bundle
	rm -rf base-bundle
	umoci unpack --image base:debian base-bundle
	for deb in "$debs"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -C base-bundle/rootfs --keep-directory-symlink -x; done
	echo 'root:x:0:0:root:/root:/bin/sh' >base-bundle/rootfs/etc/passwd
	echo 'root:x:0:' >base-bundle/rootfs/etc/group
	ln -sf busybox base-bundle/rootfs/bin/sh
	umoci repack --image base:debian base-bundle
	rm -rf base-bundle
}
