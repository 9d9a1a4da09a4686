# shellcheck shell=bash disable=SC2034 # variables are for the script that sources this file
# The servers that are compared, each pinned to one core and known by a name: nginx in several ways, the gateway.

readonly server_core=0 load_core=1

# name: pid, URL
declare -A server_pid server_url

# Name, configuration, URL of the gateway, then name=value for what the template leaves open.
# The peer serves the gateway's own path, so that every client asks all of them for the same thing.
start_nginx() {
  local name="$1" peer="$2" url="$3" folder="$work/nginx-$1" port filled=()
  shift 3
  read -r port < <(python3 "$check/free_ports.py" 1)
  local path="${url#http://*/}" pair value
  for pair in "$@" "listen_options=" "modules=$nginx_modules" "peer=$peer" "port=$port" "path=/${path%%\?*}"; do
    value="${pair#*=}"
    filled+=(-e "s|@${pair%%=*}@|${value//&/"\\&"}|g")
  done
  mkdir -p "$folder"
  sed "${filled[@]}" "$compare/nginx/nginx.conf" >"$folder/nginx.conf"
  sed "${filled[@]}" "$compare/nginx/$peer.conf" >"$folder/$peer.conf"
  cp "$compare/nginx/signed_url.js" "$folder/"
  start "nginx-$name" taskset -c "$server_core" "$nginx" -p "$folder" -c nginx.conf -e stderr
  server_pid[$name]=$started
  server_url[$name]="http://127.0.0.1:$port/$path"
  wait_until "$ready_seconds" "nginx listens for $name" answers_ranges "$name"
}

# Name: the server is there and gives the first two bytes.
answers_ranges() {
  kill -0 "${server_pid[$1]}" || exit 1
  [[ "$(curl -s -o /dev/null -w '%{http_code}' --range 0-1 "${server_url[$1]}")" == 206 ]]
}

# Name, binary, folder: a gateway on ports of its own, with the settings of `start_services` beside that, for `$url`.
# One thread, and as quiet as nginx.
start_measured_gateway() {
  local name="$1" binary="$2" folder="$3" port admin
  read -r port admin < <(python3 "$check/free_ports.py" 2)
  start "gateway-$name" env TMPDIR="$folder/tmp" RUST_LOG=warn GATEWAY_THREADS=1 GATEWAY_LISTEN="127.0.0.1:$port" \
    GATEWAY_ADMIN_LISTEN="127.0.0.1:$admin" taskset -c "$server_core" "$binary"
  server_pid[$name]=$started
  server_url[$name]="http://127.0.0.1:$port/${url#http://*/}"
  wait_until_ready "$started" "http://127.0.0.1:$admin/readyz"
}

# Names: ends servers. Nothing of them is to be kept, but nginx's master must be asked: its worker would survive it.
end_servers() {
  local name pid
  for name in "$@"; do
    pid="${server_pid[$name]}"
    unset "server_pid[$name]" "server_url[$name]"
    kill -TERM "$pid" || continue
    wait "$pid" || true
  done
}
