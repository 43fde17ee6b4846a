#!/bin/bash
# condaimg as BinderHub's builder: a hub without Kubernetes (binderhub.py) launches repositories against a registry on this
# machine, and what it pushed is started as KubeSpawner starts it.
# Usage: binderhub.sh CONDAIMG
# shellcheck disable=SC2016,SC2015  # texts with a dollar sign; tests in a row
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/runtimes.sh
. "$root/tests/e2e/runtimes.sh"
# shellcheck source=tests/e2e/registry-lib.sh
. "$root/tests/e2e/registry-lib.sh"
need git htpasswd
embedded_channel

tidy_containers()
{
	local id

	for id in "${started[@]}"; do runc --root "$work/runc" delete -f "$id" 2>/dev/null; done
	[ ! -d "$work/podman" ] || pod rmi -a -f >/dev/null 2>&1
	umount -R "$work/podman/overlay" 2>/dev/null
}

tidy()
{
	stop_servers
	tidy_containers
}

start_registry()
{
	# shellcheck disable=SC2094  # a program and a file of one name
	htpasswd -Bbn hub 'registry$ecret' >htpasswd 2>/dev/null
	registry registry "http: {addr: @HOST@}
auth: {htpasswd: {realm: registry, path: $work/htpasswd}}"
	registry=$host
}

# What KubeSpawner gives as the container's arguments.
launcher=$(cat <<'END'
import os, sys
try:
    import jupyterlab
    exe = "jupyter-lab"
except Exception as e:
    exe = "jupyter-notebook"
os.execvp(exe, sys.argv)
END
)

start() # NAME WANTED
{
	local entry=()

	# podman puts the entry point in front, as a kubelet does; the others are given all of it.
	if [ "$runtime" != podman ]; then
		mapfile -t entry < <(skopeo inspect --config "oci:images:$1" | jq -r '.config.Entrypoint // [] | .[]')
	fi
	inside "images:$1" rw "$2" "${entry[@]}" python3 -c "$launcher" --ip=0.0.0.0 --port=8888 --ServerApp.token=t --NotebookApp.token=t
}

config() # NAME FILTER
{
	skopeo inspect --config "oci:images:$1" | jq -cr "$2"
}

start_registry
mkdir bin
ln -s "$condaimg" bin/jupyter-repo2docker
CHANNEL=$channel python3 "$root/tests/e2e/binderhub.py" "$work" "$work/bin/jupyter-repo2docker" "$registry" || exit 1

say "the images are what KubeSpawner expects"
while read -r name image; do
	skopeo copy -q --src-tls-verify=false --src-creds 'hub:registry$ecret' "docker://$image" "oci:images:$name"
done <launched
runtime=podman
if ! try_podman images:root; then
	find_runtimes images:root
	runtime=${runtimes[0]}
fi
args='"argv": \["--ip=0.0.0.0", "--port=8888", "--ServerApp.token=t", "--NotebookApp.token=t"\], "uid": 1000, "home": "/home/jovyan", "cwd": "/home/jovyan", "user": "jovyan"'
start root "{$args, \"ref\": null, \"started\": null, \"owner\": 1000}"
start binder "{$args, \"ref\": null, \"started\": \"yes\", \"owner\": 1000}"
start plain "{$args, \"ref\": \"of the hub\", \"started\": null, \"owner\": 1000}"
[ "$(config root '[.config.User, .config.WorkingDir, (.config.ExposedPorts | keys[0]), .config.Cmd[0]]')" = '["1000:0","/home/jovyan","8888/tcp","jupyter"]' ] ||
	fail "the image's configuration is $(config root .config)"
commit=$(git -C trees/root rev-parse HEAD)
[[ $(config root '.config.Labels | [.["repo2docker.ref"], .["repo2docker.repo"]] | join(" ")') == "$commit http://127.0.0.1:"*/root ]] ||
	fail "the labels are $(config root .config.Labels)"
[ "$(config plain .config.Labels.hub)" = yes ] || fail "the appendix' label is missing"

say "the repository is in it, and nothing of this machine"
"$condaimg" export-rootfs oci:images:root rootfs
home=rootfs/home/jovyan
[ -f $home/shared/lib.py ] || fail "the submodule is missing"
[ -f $home/notebooks/one.ipynb ] && [ ! -e $home/left-out ] && [ ! -e rootfs/stolen ] || fail "other files than wanted: $(ls -R $home)"
[ "$(git -c safe.directory='*' -C $home rev-parse HEAD)" = "$commit" ] || fail "the history is missing"
git -c safe.directory='*' -C $home status --porcelain | grep -v '^ D left-out$' && fail "git finds changes"
if grep -rqF 'ecret' $home/.git; then fail "a password is in the repository"; fi
"$condaimg" export-rootfs oci:images:binder rootfs-binder
[ ! -e rootfs-binder/home/jovyan/left-out ] && [ -e rootfs-binder/home/jovyan/environment.yml ] || fail "binder/.dockerignore is not heeded"
echo "all of it"
