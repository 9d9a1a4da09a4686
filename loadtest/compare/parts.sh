# shellcheck shell=bash
# The parts of the comparison. Each starts its servers, measures cell by cell and ends them; rows go to `$rows`.

# Program, part, server, round, size, connections: one row more.
measure() {
  on_load_core python3 "$compare/$1" "$(cell part="$2" server="$3" round="$4" size="$5" connections="$6" \
    congestion="$congestion" pid="${server_pid[$3]}" load_core="$load_core" seconds="${option[seconds]}" span="$hot_bytes" \
    attempts="${option[attempts]}")" <<<"${server_url[$3]}" >>"$rows"
}

# Part, size, connections, servers: a cell of hot ranges, round after round, servers in turn.
measure_in_turn() {
  local part="$1" size="$2" connections="$3" round server
  shift 3
  for round in $(seq "${option[rounds]}"); do
    for server in "$@"; do
      measure load.py "$part" "$server" "$round" "$size" "$connections"
    done
  done
  python3 "$compare/report.py" cell "$rows" "$part" "$size" "$connections"
}

# Command: gets size and connections of each cell in turn.
each_cell() {
  local size connections
  for size in ${option[sizes]//,/ }; do
    for connections in ${option[connections]//,/ }; do
      "$@" "$size" "$connections"
    done
  done
}

# --- a folder ---

store_in_folder() {
  folder="$work/folder"
  store_object "file://$folder/files" "$folder" "$hot_bytes"
  object=$(find "$folder/files" -type f -size "+$((hot_bytes - 1))c")
  cat "$object" >/dev/null
  start_measured_gateway gateway "$gateway_binary" "$folder"
}

compare_folder() {
  [[ -z "${option[beside]}" ]] || start_measured_gateway beside "${option[beside]}" "$folder"
  start_nginx unchecked unchecked "$url" object="$object"
  start_nginx unchecked-sndbuf unchecked "$url" object="$object" listen_options=" sndbuf=200k"
  start_nginx checked checked "$url" object="$object"
  each_cell measure_folder
  end_servers unchecked unchecked-sndbuf checked ${option[beside]:+beside}
}

measure_folder() { # size, connections
  local servers=(gateway ${option[beside]:+beside} unchecked checked)
  (($1 < 8388608)) || servers+=(unchecked-sndbuf)
  measure_in_turn folder "$1" "$2" "${servers[@]}"
}

# --- SeaweedFS, on the load's core ---

store_in_bucket() {
  install_storage_server
  start_seaweedfs
  taskset --all-tasks --cpu-list --pid "$load_core" "$started" >/dev/null
  folder="$work/bucket"
  store_object "$bucket/compare" "$folder" "$hot_bytes"
  object=$("$python" "$check/bucket.py" objects "$bucket/compare" | sort -rn -k 2 | sed 's/ .*//;q')
  presigned=$("$python" "$check/bucket.py" presign "$bucket/$object")
  printf '%s\n' "${presigned##*Signature=}" >>"$work/secrets"
  curl -sSf "$presigned" >/dev/null
  export GATEWAY_CACHE_BYTES=$((8 * 1024 * 1024 * 1024))
}

# Name, configuration, more for the template: nginx in front of the bucket.
start_nginx_on_bucket() {
  local name="$1" peer="$2" origin="${AWS_ENDPOINT#http://}"
  shift 2
  start_nginx "$name" "$peer" "$url" origin="$origin" presigned="${presigned#"$AWS_ENDPOINT"}" "$@"
}

# Names: their caches are filled, and read once.
warm() {
  local name
  for name in "$@" "$@"; do
    curl -sSf -o /dev/null "${server_url[$name]}"
  done
}

compare_cache() {
  start_measured_gateway warm "$gateway_binary" "$folder"
  start_nginx_on_bucket slice slice tcp_nopush=on
  start_nginx_on_bucket slice-nopush slice tcp_nopush=off
  warm warm slice slice-nopush
  each_cell measure_cache
  end_servers warm slice slice-nopush
}

measure_cache() { # size, connections
  measure_in_turn cache "$1" "$2" warm slice slice-nopush
}

# A walk that has fewer than two ranges for each connection says nothing and is left out.
compare_cold() {
  start_proxies
  each_cell measure_cold
  end_servers proxy proxy-buffers
}

# As nginx is by itself, and with buffers that cost it less CPU and more memory.
start_proxies() {
  start_nginx_on_bucket proxy proxy proxy_buffers="8 4k" busy_buffers=8k
  start_nginx_on_bucket proxy-buffers proxy proxy_buffers="16 64k" busy_buffers=512k
}

measure_cold() { # size, connections
  local round server
  ((hot_bytes / $1 >= 2 * $2)) || return 0
  for round in $(seq "${option[rounds]}"); do
    start_cold_gateway
    for server in cold proxy proxy-buffers; do
      measure walk.py cold "$server" "$round" "$1" "$2"
    done
    end_servers cold
  done
  python3 "$compare/report.py" cell "$rows" cold "$1" "$2"
}

# A gateway that has nothing of the bucket yet. What one before it cached gives its memory back and keeps its inodes: a
# virtual machine may have to be given memory that it never used, and an ext4 without a journal steps over each inode that
# was freed of late. Either can cost more than a fill.
start_cold_gateway() {
  local fresh
  find "$work" -path "$work/cold-cache.*" -type f -exec truncate --size=0 {} +
  fresh="$(mktemp -d "$work/cold-cache.XXXXXX")"
  GATEWAY_CACHE_DIR="$fresh" start_measured_gateway cold "$gateway_binary" "$folder"
}

# --- seeking, in everything at once ---

compare_seek() {
  local seeks=$((hot_bytes / (4 * 1024 * 1024)))
  ((seeks <= 200)) || seeks=200
  start_measured_gateway warm "$gateway_binary" "$folder"
  start_cold_gateway
  start_nginx_on_bucket slice slice tcp_nopush=on
  start_proxies
  warm warm slice
  server_url[s3]="$presigned"
  urls_of gateway warm slice cold proxy s3 | on_load_core python3 "$compare/seek.py" "$seeks" "$hot_bytes" >>"$rows"
  end_servers warm cold slice proxy proxy-buffers
}

# Names: JSON of their URLs.
urls_of() {
  local name pairs=()
  for name in "$@"; do
    pairs+=("\"$name\": \"${server_url[$name]}\"")
  done
  (IFS=,; echo "{${pairs[*]}}")
}
