# shellcheck shell=bash
# Servers on loopback that end with the test. Sourced after lib.sh.
need python3
PATH=$PATH:/usr/sbin # where nginx is
pids=()

stop_servers()
{
	local pid

	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
	pids=()
}

tidy()
{
	stop_servers
}

# So many ports that nobody uses, in one line.
free_port() # [COUNT]
{
	python3 -c 'import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in sockets: s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in sockets])' "${1:-1}"
}

# Starts it in the background and waits until the port answers; $server is its process, NAME.log what it says.
serve() # NAME PORT COMMAND...
{
	local name=$1 port=$2

	shift 2
	"$@" >>"$work/$name.log" 2>&1 </dev/null &
	server=$!
	pids+=("$server")
	for _ in $(seq 400); do
		(: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return
		kill -0 "$server" 2>/dev/null || break
		sleep 0.05
	done
	fail "$name does not start: $(tail -n 3 "$work/$name.log")"
}

# nginx, with what is on stdin inside of http {}; one of its servers listens at PORT.
serve_nginx() # PORT
{
	mkdir -p nginx
	{
		cat <<-END
			daemon off; master_process off; pid $work/nginx/pid; error_log $work/nginx/error.log info;
			events { worker_connections 512; }
			http {
				types { } default_type application/octet-stream; etag on;
				client_body_temp_path $work/nginx; proxy_temp_path $work/nginx; fastcgi_temp_path $work/nginx;
				uwsgi_temp_path $work/nginx; scgi_temp_path $work/nginx;
		END
		sed 's/^/\t/'
		echo "}"
	} >nginx/nginx.conf
	serve nginx "$1" nginx -p "$work/nginx" -e "$work/nginx/error.log" -c "$work/nginx/nginx.conf"
}

# A folder as python serves it; $url is where.
serve_folder() # FOLDER
{
	local port
	port=$(free_port)

	# shellcheck disable=SC2034  # for the caller
	url=http://127.0.0.1:$port
	serve folder "$port" python3 -m http.server --bind 127.0.0.1 --directory "$1" "$port"
}
