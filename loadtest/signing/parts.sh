# shellcheck shell=bash disable=SC2034 # variables are for the scripts that source this file
# What the measurements of the signer share.

readonly signing="$root/loadtest/signing"

# Tools, a binary, and the settings that all servers share.
begin_with_signer() {
  begin_work
  trap 'end_servers "${!server_pid[@]}"; give_up' EXIT
  trap 'exit 130' INT TERM
  cd "$root" || exit
  install_measuring_tools
  signer_binary="${option[signer]:-$(target_folder)/release/signer}"
  [[ -n "${option[signer]}" && -x "$signer_binary" ]] || cargo build --locked --release --workspace
  make_token_key

  FILE_SIGNING_SECRET=$(new_secret)
  CLERK_JWT_KEY=$(<"$work/clerk.pub.pem")
  export FILE_SIGNING_SECRET CLERK_JWT_KEY PUBLIC_FILES_URL=https://files.example.com RUST_LOG=warn
  export STORAGE_URL="file://$work/files" RATE_LIMIT=1000000/1s
  mkdir -p "$work/files"
}

# Postgres has no core of its own: it shares the load's.
start_postgres_beside_load() {
  install_database_server
  start_postgres
  taskset -a -c -p "$load_core" "$postgres_pid" >>"$work/logs/taskset.log"
}

# Users, files of user_0: adds rows to both catalogs.
add_rows() {
  local dialect
  for dialect in sqlite postgres; do python3 "$signing/many_rows.py" "$dialect" "$1" "$2" >"$work/$dialect.sql"; done
  python3 "$signing/apply.py" "$work/catalog.db" "$work/sqlite.sql"
  "$postgres_bin/psql" --quiet --set ON_ERROR_STOP=1 --file "$work/postgres.sql" "$postgres_url"
}

# Name, database: a signer that is ready. Sets `internal_url`.
start_measured_signer() {
  local port internal name="$1"
  read -r port internal < <(python3 "$check/free_ports.py" 2)
  start "signer-$name" env DATABASE_URL="$2" SIGNER_LISTEN="127.0.0.1:$port" SIGNER_INTERNAL_LISTEN="127.0.0.1:$internal" \
    taskset -c "$server_core" "$signer_binary"
  known_as "$name" "$started" "http://127.0.0.1:$port"
  internal_url="http://127.0.0.1:$internal"
  wait_until_ready "$started" "$internal_url/readyz"
}
