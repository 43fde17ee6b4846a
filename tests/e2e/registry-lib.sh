# shellcheck shell=bash
# Debian's docker-registry on loopback. Sourced after lib.sh.
# shellcheck source=tests/e2e/servers.sh
. "$root/tests/e2e/servers.sh"
need docker-registry skopeo jq
# shellcheck disable=SC2034  # for those who source this
kit=$root/tests/e2e/registry_kit.py

tidy()
{
	stop_servers
	[ ! -d "$work/podman" ] || pod rmi -a -f >/dev/null 2>&1 || true
	umount -R "$work/podman/overlay" 2>/dev/null || true
}

wait_for() # FILE
{
	for _ in $(seq 200); do [ -e "$1" ] && return; sleep 0.05; done
	fail "nobody made $1"
}

# Starts a registry; $host is where, $dir what it has; its log is NAME.log.
registry() # NAME [EXTRA_YAML]
{
	host=127.0.0.1:$(free_port)
	dir=$work/$1.data
	printf 'version: 0.1\nlog: {level: info}\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\n%s\n' \
		"$dir" "${2:-http: {addr: $host\}}" | sed "s/@HOST@/$host/g" >"$1.yml"
	serve "$1" "${host#*:}" docker-registry serve "$1.yml"
}

accesses() # LOG REGEX: how many requests of the access log fit
{
	grep -E '" "condaimg/' "$1" | grep -cE "$2" || true
}
