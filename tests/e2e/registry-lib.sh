# shellcheck shell=bash
# Debian's docker-registry on loopback. Sourced after lib.sh.
need docker-registry skopeo jq python3
kit=$root/tests/e2e/registry_kit.py
pids=()

tidy()
{
	local pid

	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
	[ ! -d "$work/podman" ] || pod rmi -a -f >/dev/null 2>&1 || true
	umount -R "$work/podman/overlay" 2>/dev/null || true
}

wait_for() # FILE
{
	for _ in $(seq 200); do [ -e "$1" ] && return; sleep 0.05; done
	fail "nobody made $1"
}

free_port()
{
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Starts a registry; $host is where, $dir what it has; its log is NAME.log.
registry() # NAME [EXTRA_YAML]
{
	host=127.0.0.1:$(free_port)
	dir=$work/$1.data
	printf 'version: 0.1\nlog: {level: info}\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\n%s\n' \
		"$dir" "${2:-http: {addr: $host\}}" | sed "s/@HOST@/$host/g" >"$1.yml"
	: >"$1.log"
	docker-registry serve "$1.yml" >>"$1.log" 2>&1 &
	pids+=($!)
	for _ in $(seq 200); do
		(: >"/dev/tcp/127.0.0.1/${host#*:}") 2>/dev/null && return
		sleep 0.05
	done
	fail "docker-registry does not start: $(tail -n 3 "$1.log")"
}

accesses() # LOG REGEX: how many requests of the access log fit
{
	grep -E '" "condaimg/' "$1" | grep -cE "$2" || true
}
