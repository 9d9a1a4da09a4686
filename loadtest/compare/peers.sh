# shellcheck shell=bash
# nginx, in the ways in which the gateway is compared with it.

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
  known_as "$name" "$started" "http://127.0.0.1:$port/$path"
  wait_until "$ready_seconds" "nginx listens for $name" answers "$name"
}

# Name: the server is there and answers, whatever it says.
answers() {
  kill -0 "${server_pid[$1]}" || exit 1
  curl -s -o /dev/null --range 0-1 "${server_url[$1]}"
}
