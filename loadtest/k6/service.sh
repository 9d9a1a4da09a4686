# shellcheck shell=bash disable=SC2034 # variables are for the scripts that source this file
# What the load tests are run against.

# Callers of their own in `issue`: one user's links would all come from one row.
readonly own_users=8

begin_with_k6() {
  begin_work
  trap 'end_own_service; give_up' EXIT
  trap 'exit 130' INT TERM
  cd "$root" || exit
  require_language node "Node 20 or later"
  install_debian_packages curl:curl openssl:openssl taskset:util-linux
  once install_python_packages
}

# As the options name it; its secrets come from the environment.
known_service() {
  local name
  for name in base api internal admin; do
    [[ -z "${option[$name]}" ]] || export "${name^^}=${option[$name]}"
  done
}

# On a folder, with SQLite, each service on the core of servers.
start_own_service() {
  local service_token folder="$work/own"
  build_unless_given
  make_token_key
  service_token=$(new_secret)
  SIGNER_SERVICE_TOKENS=$(service_token_entry main-api "$service_token")
  export SIGNER_SERVICE_TOKENS RATE_LIMIT=1000000/1s GATEWAY_THREADS=1 DRAIN_SECONDS=1
  set_services "file://$folder/files" "$folder"
  release="${option[release]:-$release}"
  start_signer "$folder" taskset -c "$server_core"
  start_gateway "$folder" taskset -c "$server_core"
  known_as gateway "$gateway_pid" "$gateway"
  known_as signer "$signer_pid" "$signer"
  TOKEN=$(own_tokens)
  export TOKEN SERVICE_TOKEN="$service_token" BASE="$gateway" API="$signer"
  export INTERNAL="http://$SIGNER_INTERNAL_LISTEN" ADMIN="http://$GATEWAY_ADMIN_LISTEN"
}

# What becomes of twice, five and ten times what a gateway can answer: one of its own, on the core of servers, that admits
# as many as keep this core busy.
offer_too_much() {
  local flags=() url admitted=8 overload="$release/overload"
  [[ -x "$overload" ]] || { cargo build --locked --release --workspace --bin overload && overload=$(target_folder)/release/overload; }
  [[ -z "${option[brief]}" ]] || flags=(--seconds 1 --goodput 0.1 --refusal-ms 5000 --grain-ms 500)
  sign_in user_alice
  upload_generated $((64 * 1024 * 1024))
  start_measured_gateway overload "$release/gateway" "$work/own" GATEWAY_MAX_INFLIGHT="$admitted" GATEWAY_IDLE_SECONDS=900
  on_load_core "$overload" --most-at-once "$admitted" "${flags[@]}" <<<"${server_url[overload]}" || failed+=(overload)
  end_servers overload
}

end_own_service() {
  end_servers "${!server_pid[@]}"
}

build_unless_given() {
  [[ -n "${option[release]}" ]] || cargo build --locked --release --workspace
}

# Of several users, with commas between.
own_tokens() {
  local user tokens=()
  for ((user = 0; user < own_users; user++)); do
    tokens+=("$(node "$check/token.mjs" "$work/clerk.pem" "user_$user")")
  done
  (IFS=, && echo "${tokens[*]}")
}
