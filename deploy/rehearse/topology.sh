# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# What deploy/compose.yaml runs, as plain processes on loopback: SeaweedFS, Postgres with its roles, Redis, two signers, two
# gateways with a cache each, and HAProxy in front.

readonly proxy_config="deploy/proxy/haproxy.cfg"
# What that file asks for of a service behind it.
readonly drain_delay_seconds=5 drain_seconds=60

# By their names in the proxy's configuration.
declare -A pid_of address_of operators_of
readonly gateways=(gateway-1 gateway-2) signers=(signer-1 signer-2)

start_topology() {
  start_seaweedfs
  start_postgres
  make_roles
  start_redis
  choose_ports
  set_services "$bucket/rehearsal" "$work/services"
  [[ -z "$binaries" ]] || release="$binaries"
  export PUBLIC_FILES_URL="http://$files_address" SIGNER_PUBLIC_URL="http://$api_address" TRUSTED_PROXIES=127.0.0.1/32 REDIS_URL="$redis_url"
  export RATE_LIMIT=1000000/1h DRAIN_DELAY_SECONDS="$drain_delay_seconds" DRAIN_SECONDS="$drain_seconds"
  local name
  for name in "${signers[@]}" "${gateways[@]}"; do
    mkdir -p "$work/$name/tmp"
    start_service "$name"
  done
  start_proxy
}

# All at once: each is free as long as none of them is taken.
choose_ports() {
  local name ports
  read -r -a ports < <(python3 "$check/free_ports.py" 12)
  for name in "${gateways[@]}" "${signers[@]}"; do
    address_of[$name]="127.0.0.1:${ports[0]}" operators_of[$name]="127.0.0.1:${ports[1]}"
    ports=("${ports[@]:2}")
  done
  files_address="127.0.0.1:${ports[0]}" api_address="127.0.0.1:${ports[1]}"
  proxy_metrics="127.0.0.1:${ports[2]}" watch_port="${ports[3]}"
}

start_service() { # name
  case "$1" in
    signer-*) SIGNER_LISTEN="${address_of[$1]}" SIGNER_INTERNAL_LISTEN="${operators_of[$1]}" start_signer "$work/$1" ;;
    gateway-*)
      GATEWAY_LISTEN="${address_of[$1]}" GATEWAY_ADMIN_LISTEN="${operators_of[$1]}" GATEWAY_CACHE_DIR="$work/$1/cache" \
        start_gateway "$work/$1"
      ;;
  esac
  pid_of[$1]=$started
}

start_proxy() {
  start haproxy env -C "$PWD" FILES_LISTEN="$files_address" API_LISTEN="$api_address" \
    METRICS_LISTEN="$proxy_metrics" \
    GATEWAY_1="${address_of[gateway-1]}" GATEWAY_1_ADMIN="${operators_of[gateway-1]##*:}" \
    GATEWAY_2="${address_of[gateway-2]}" GATEWAY_2_ADMIN="${operators_of[gateway-2]##*:}" \
    SIGNER_1="${address_of[signer-1]}" SIGNER_1_INTERNAL="${operators_of[signer-1]##*:}" \
    SIGNER_2="${address_of[signer-2]}" SIGNER_2_INTERNAL="${operators_of[signer-2]##*:}" \
    "$haproxy" -W -db -f "$proxy_config"
  pid_of[proxy]=$started
  wait_until_ready "$started" "http://$proxy_metrics/metrics"
  wait_until "$ready_seconds" "the proxy has all services in its rotation" all_in_rotation
}

# The proxy's own word of a service: in its rotation.
in_rotation() { # name
  local metrics
  metrics=$(curl -sf "http://$proxy_metrics/metrics") || return 1
  grep -q "^haproxy_server_status{proxy=\"${1%-*}s\",server=\"$1\",state=\"UP\"} 1" <<<"$metrics"
}

all_in_rotation() {
  local name
  for name in "${gateways[@]}" "${signers[@]}"; do in_rotation "$name" || return 1; done
}

# The proxy's master gets its workers to end; by SIGKILL it would leave them behind.
end_topology() {
  if [[ -n "${pid_of[proxy]:-}" ]]; then
    kill -TERM "${pid_of[proxy]}" 2>/dev/null || true
    wait "${pid_of[proxy]}" 2>/dev/null || true
  fi
  end_work
}
