#!/bin/bash
# The templates for CI systems: linted by the tools of their makers, and what they run is run; the Job in the constraints of its
# pod: no root, nothing to write to but /scratch, 256 MiB, no capabilities.
# Usage: ci.sh CONDAIMG
# shellcheck disable=SC2016,SC2015
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/registry-lib.sh
. "$root/tests/e2e/registry-lib.sh"
need git curl bwrap setpriv
python3 -c 'import yaml' 2>/dev/null || skip "there is no python3-yaml on this machine"
[ "$(id -u)" = 0 ] || skip "to be another user takes root"
export CONDAIMG_SOURCE_ROOT=$root
embedded_channel

tidy()
{
	stop_servers
	[ -z "${cgroup:-}" ] || rmdir "$cgroup" 2>/dev/null
}

# ---- lint ----

# Tools of npm are kept where the channel is kept.
tools=${CONDAIMG_TEST_CACHE:-${CONDAIMG_BUILD_ROOT:-$root/build}}/npm-ci
lint_tools()
{
	local wanted='@action-validator/cli@0.6.0 @action-validator/core@0.6.0 @ibm/tekton-lint@1.1.0 kubernetes-models@4.5.1 yaml@2.8.1 gitlab-ci-local@4.61.1'

	command -v npm >/dev/null || return 1
	[ "$(cat "$tools/complete" 2>/dev/null)" = "$wanted" ] && return
	mkdir -p "$tools"
	# shellcheck disable=SC2086  # words are wanted
	(cd "$tools" && echo '{}' >package.json && HOME=$work npm install --silent --no-audit --no-fund --ignore-scripts $wanted) >"$work/npm.log" 2>&1 || return 1
	echo "$wanted" >"$tools/complete"
}

say "lint"
if command -v yamllint >/dev/null; then
	yamllint --strict -c "$root/.yamllint" "$root/action.yml" "$root/.pre-commit-hooks.yaml" "$root/ci" || fail "yamllint"
	echo "yamllint: ok"
fi
if command -v shellcheck >/dev/null; then
	shellcheck "$root"/ci/*.sh || fail "shellcheck"
	echo "shellcheck: ok"
fi
if command -v pre-commit >/dev/null; then
	pre-commit validate-manifest "$root/.pre-commit-hooks.yaml" || fail "pre-commit validate-manifest"
	echo "pre-commit: ok"
fi
if lint_tools; then
	bin=$tools/node_modules/.bin
	"$bin/action-validator" "$root/action.yml" || fail "action-validator"
	echo "action-validator: ok"
	"$bin/tekton-lint" "$root/ci/tekton/condaimg.yaml" >tekton.lint || fail "tekton-lint: $(cat tekton.lint)"
	! grep -qE 'error|warning' tekton.lint || fail "tekton-lint: $(cat tekton.lint)"
	echo "tekton-lint: ok"
	node "$root/tests/e2e/k8s_check.js" "$tools" "$root/ci/kubernetes/job.yaml" || fail "the Job is none"
	sed 's/readOnlyRootFilesystem/readOnlyRoot/' "$root/ci/kubernetes/job.yaml" >misspelt.yaml
	! node "$root/tests/e2e/k8s_check.js" "$tools" misspelt.yaml >/dev/null 2>&1 || fail "a key that Kubernetes does not have is not noticed"
else
	echo "SKIP: lint by npm's tools: $(tail -n 1 "$work/npm.log" 2>/dev/null)"
fi

# ---- the program itself ----

say "ci/install.sh, by which the action and the Containerfile get condaimg"
CFLAGS=-O0 "$root/ci/install.sh" "$work/installed" >install.out 2>&1 || fail "ci/install.sh: $(tail -n 20 install.out)"
[ ! -s install.out ] || fail "it says something where all is well: $(cat install.out)"
"$work/installed/bin/condaimg" --version | grep -q '^condaimg [0-9]' || fail "what it installed does not run"
for file in bin/jupyter-repo2docker share/man/man1/condaimg-build.1 share/condaimg/ci/build.sh; do
	[ -e "$work/installed/$file" ] || fail "ci/install.sh leaves out $file"
done
[ -z "$(ls -A "$TMPDIR")" ] || fail "it leaves files: $(ls "$TMPDIR")"
# The libraries that it needs are those that the Containerfile's last image asks Debian for.
asked=$(sed -n '/^FROM/h; /^FROM/!H; $ { x; p }' "$root/ci/Containerfile" | grep -oE '\b(lib[a-z0-9.-]+|zlib1g)')
for so in $(readelf -d "$work/installed/bin/condaimg" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p'); do
	owner=$(dpkg-query -S "*/$so" 2>/dev/null | sed -n '1s/:.*//p')
	case $owner in
	libc6 | '') ;;
	*) grep -qx "$owner" <<<"$asked" || fail "ci/Containerfile does not install $owner, which has $so" ;;
	esac
done
echo "installed; its libraries are those that ci/Containerfile installs"

# ---- a registry and a project ----

registry registry
registry=$host

digest_in_registry() # REPO TAG
{
	curl -sI -H 'Accept: application/vnd.oci.image.manifest.v1+json' -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' "http://$registry/v2/$1/manifests/$2" | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //ip'
}

expect_pushed() # REPO DIGEST
{
	[[ $2 == sha256:* ]] || fail "no digest: '$2'"
	[ "$(digest_in_registry "$1" 1)" = "$2" ] || fail "the registry has '$(digest_in_registry "$1" 1)', not $2"
	echo "$1: $2"
}

mkdir bin project project/src
ln -s "$condaimg" bin/condaimg
export PATH=$work/bin:$PATH CONDAIMG_CACHE_DIR=$work/cache
printf 'channels: [%s]\ndependencies: [python=3.11, requests]\n' "$channel" >project/environment.yml
echo 'print(1)' >project/src/main.py
condaimg lock project >/dev/null

say "the action's steps"
export GITHUB_OUTPUT=$work/github-output GITHUB_ENV=$work/github-env RUNNER_TEMP=$TMPDIR
python3 "$root/tests/e2e/ci.py" action environment=project "image=$registry/action:1" "options=--copy project/src:/app --label a=b" lock=check \
	registry-user=me registry-password=secret >action.sh
bash action.sh >action.out || fail "the action's steps: $(cat action.out)"
expect_pushed action "$(sed -n 's/^digest=//p' "$GITHUB_OUTPUT")"
jq -e --arg r "$registry" '.auths[$r].auth == "bWU6c2VjcmV0"' "$TMPDIR/condaimg-auth.json" >/dev/null || fail "the login is another"
unset GITHUB_OUTPUT GITHUB_ENV RUNNER_TEMP
echo '  - click' >>project/environment.yml
sed -i 's/requests]/requests, click]/; /- click/d' project/environment.yml
python3 "$root/tests/e2e/ci.py" action environment=project "image=$registry/action:2" lock=check >action.sh
(GITHUB_ENV=/none bash action.sh) >action.out 2>&1 && fail "a lock that is not current is taken"
grep -q 'is not current' action.out || fail "the reason is another: $(cat action.out)"
condaimg lock project >/dev/null

say "the Tekton task"
mkdir scratch login
echo '{}' >login/config.json
SCRATCH=$work/scratch python3 "$root/tests/e2e/ci.py" tekton builder=x "image=$registry/tekton:1" source="$work/project" dockerconfig="$work/login" \
	IMAGE_DIGEST="$work/tekton-digest" IMAGE_URL="$work/tekton-url" >tekton.sh
sh tekton.sh >tekton.out || fail "the task: $(cat tekton.out)"
expect_pushed tekton "$(cat tekton-digest)"
[ "$(cat tekton-url)" = "$registry/tekton:1" ] || fail "IMAGE_URL is $(cat tekton-url)"

if [ -n "${bin:-}" ]; then
	say "the GitLab component, by gitlab-ci-local"
	cp -r project gitlab
	mkdir gitlab/templates
	sed "s|/usr/local/share/condaimg|$root|" "$root/ci/gitlab/templates/condaimg.yml" >gitlab/templates/condaimg.yml
	cat >gitlab/.gitlab-ci.yml <<-END
		stages: [build]
		include:
		  - local: templates/condaimg.yml
		    inputs: {builder: none, image: "$registry/gitlab:1", lock: check, job: make-image}
	END
	git -C gitlab -c init.defaultBranch=main init -q
	git -C gitlab remote add origin https://gitlab.example.org/team/project.git
	git -C gitlab add -A
	git -C gitlab -c user.name=a -c user.email=a@b commit -qm one
	(cd gitlab && "$bin/gitlab-ci-local" --force-shell-executor --variable CI_REGISTRY_USER=me \
		--variable CI_REGISTRY_PASSWORD=secret make-image) >gitlab.out 2>&1 || fail "the job: $(cat gitlab.out)"
	expect_pushed gitlab "$(sed -n 's/.*CONDAIMG_RESULT_digest=//p' gitlab.out | head -n 1)"
fi

if command -v pre-commit >/dev/null; then
	say "the pre-commit hook"
	mkdir hooks
	cp -r "$root/.pre-commit-hooks.yaml" "$root/ci" hooks
	git -C hooks init -q
	git -C hooks add -A
	git -C hooks -c user.name=a -c user.email=a@b commit -qm one
	cp -r project committed
	git -C committed init -q
	git -C committed add -A
	(cd committed && pre-commit try-repo "$work/hooks" condaimg-lock --all-files) >pre-commit.out 2>&1 || fail "pre-commit: $(cat pre-commit.out)"
	grep -q 'conda-lock.yml is current.*Passed' pre-commit.out || fail "pre-commit: $(cat pre-commit.out)"
	sed -i 's/, click/, click, pyyaml/' committed/environment.yml
	git -C committed add -A
	(cd committed && pre-commit try-repo "$work/hooks" condaimg-lock --all-files) >pre-commit.out 2>&1 && fail "an old lock passes"
	grep -q "'pyyaml' is asked for now" pre-commit.out || fail "pre-commit: $(cat pre-commit.out)"
	echo "an old lock is found"
fi

# ---- the Job ----

say "the Job, in its constraints"
python3 "$root/tests/e2e/ci.py" job | sed "s|registry.example/team/app:1|$registry/job:1|" >job.json
[ "$(jq -c '[.non_root, .read_only, .privileges, .drop, .memory]' job.json)" = '[true,true,false,["ALL"],"256Mi"]' ] || fail "other constraints: $(cat job.json)"
mkdir pod pod/scratch pod/project pod/login channels
cp -r "$channel" channels/conda-forge
jq -r '.files["environment.yml"]' job.json >pod/project/environment.yml
printf 'channel_alias: file:///channels\n' >pod/scratch/.condarc
chown -R 65532:65532 pod/scratch

memory=$((256 << 20))
if mkdir "/sys/fs/cgroup/memory/condaimg-test-$$" 2>/dev/null; then
	cgroup=/sys/fs/cgroup/memory/condaimg-test-$$
	echo $memory >$cgroup/memory.limit_in_bytes
	[ ! -e $cgroup/memory.memsw.limit_in_bytes ] || echo $memory >$cgroup/memory.memsw.limit_in_bytes
	peak=$cgroup/memory.max_usage_in_bytes
elif [ -e /sys/fs/cgroup/cgroup.subtree_control ] && mkdir "/sys/fs/cgroup/condaimg-test-$$" 2>/dev/null; then
	cgroup=/sys/fs/cgroup/condaimg-test-$$
	echo $memory >$cgroup/memory.max 2>/dev/null || { rmdir $cgroup; cgroup=; }
	peak=$cgroup/memory.peak
fi
limit=(prlimit "--data=$memory" --)
[ -z "${cgroup:-}" ] || limit=(sh -c "echo \$\$ >$cgroup/cgroup.procs && exec \"\$@\"" sh)

mapfile -t argv < <(jq -r '.argv[]' job.json)
mapfile -t variables < <(jq -r '.env | to_entries[] | "--setenv", .key, .value' job.json)
in_pod() # COMMAND...
{
	"${limit[@]}" bwrap --tmpfs / --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --ro-bind /etc /etc \
		--ro-bind "$condaimg" /condaimg --ro-bind "$work/channels" /channels --ro-bind pod/project /project --ro-bind pod/login /login \
		--bind pod/scratch /scratch --proc /proc --dev /dev --remount-ro / --unshare-pid --unshare-ipc --unshare-uts --cap-add ALL \
		--clearenv --setenv PATH /usr/bin:/bin "${variables[@]}" --chdir / \
		setpriv --reuid "$(jq .uid job.json)" --regid "$(jq .gid job.json)" --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs "$@"
}

in_pod sh -c 'id -u; grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/self/status; touch /x 2>&1; touch /project/x 2>&1; true' >pod.out || fail "no pod: $(cat pod.out)"
[ "$(tr -d '\t' <pod.out)" = "65532
CapEff:0000000000000000
CapBnd:0000000000000000
NoNewPrivs:1
touch: cannot touch '/x': Read-only file system
touch: cannot touch '/project/x': Read-only file system" ] || fail "the pod is another: $(cat pod.out)"
in_pod sh -c 'exec python3 -c "bytearray(300 << 20)"' >/dev/null 2>&1 && fail "more than 256 MiB can be had"
[ -z "${cgroup:-}" ] || ! [ -w "$peak" ] || echo 0 >"$peak" 2>/dev/null || true
result=$(in_pod "/${argv[0]}" "${argv[@]:1}" 2>job.log) || fail "the Job: $(cat job.log)"
[ ! -s job.log ] || fail "the Job complains: $(cat job.log)"
expect_pushed job "$(digest_of "$result")"
printf 'channels: [conda-forge]\ndependencies: [pip]\n' >pod/project/jupyter.yml
in_pod /condaimg repo2docker --json-logs --no-run --push --image "$registry/launched:1" --condaimg-jupyter /project/jupyter.yml /project 2>job.log || fail "repo2docker as the Job: $(cat job.log)"
expect_pushed launched "$(jq -rj 'select(.phase == "pushing").message' job.log | tail -n 1 | sed 's/.*@//')"
if [ -n "${cgroup:-}" ]; then
	[ "$(cat "$peak")" -lt $((128 << 20)) ] || fail "the Job took $(($(cat "$peak") >> 20)) MiB"
	echo "at most $(($(cat "$peak") >> 20)) MiB of 256 with the page cache, by $cgroup"
fi
echo "all of it"
