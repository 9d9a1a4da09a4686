# shellcheck shell=bash disable=SC2034 # variables are for the scripts that source this file
# The real components on this machine: SeaweedFS, the gateway and the signer, on free ports, in a temporary folder.
# A script that sources this file calls `begin_work` first and `end_work` from its EXIT trap.

readonly check="${BASH_SOURCE[0]%/*}"
readonly ready_seconds=120

running=()

begin_work() {
  work=$(mktemp -d "${TMPDIR:-/tmp}/t2m-files.XXXXXX")
  mkdir "$work/logs"
  touch "$work/secrets"
  export PYTHONDONTWRITEBYTECODE=1
  export NO_PROXY="127.0.0.1,localhost" no_proxy="127.0.0.1,localhost"
}

# SIGKILL: SeaweedFS takes its time over SIGTERM, and nothing here is to be kept.
end_work() {
  local pid
  for pid in "${running[@]}"; do
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
}

target_folder() {
  cargo metadata --locked --no-deps --format-version 1 | json it.target_directory
}

# Prints an expression on `it`, the JSON on standard input: it.data.file.id
json() {
  node -p "((it) => $1)(JSON.parse(require('node:fs').readFileSync(0)))"
}

# A hexadecimal digit: another one.
other_digit() {
  if [[ "$1" == 0 ]]; then echo 1; else echo 0; fi
}

# A secret that no output may hold; `redacted` knows it from now on.
new_secret() {
  openssl rand -hex 32 | tee -a "$work/secrets"
}

# The same of a URL's signature.
remember_signature() { # URL
  printf '%s\n' "${1##*ignature=}" >>"$work/secrets"
}

# Name, token: an entry of SIGNER_SERVICE_TOKENS.
service_token_entry() {
  printf '%s:%s\n' "$1" "$(printf %s "$2" | sha256sum | cut -d ' ' -f 1)"
}

# Standard input without secrets, tokens and signatures.
redacted() {
  sed -E -f <(sed 's/.*/s|&|[secret]|g/' "$work/secrets") \
    -e 's/eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]+/[token]/g' -e 's/(signature=|access=|Bearer )[^&"'"'"' ]+/\1[secret]/g'
}

show_logs() {
  local log
  for log in "$work"/logs/*.log; do
    [[ -s "$log" ]] || continue
    printf -- '--- the end of %s\n' "${log##*/}"
    tail -n 20 "$log" | cut -c 1-600 | redacted
  done
  # A full disk has many faces.
  printf -- '--- left on the disk: %s\n' "$(df -h --output=avail "$work" | tail -n 1)"
}

# Runs a command in the background and remembers it: name, command... Its pid is in `started`.
start() {
  local name="$1"
  shift
  "$@" >>"$work/logs/$name.log" 2>&1 &
  started=$!
  running+=("$started")
}

# pid, URL: waits until the URL answers 2xx; fails at once if the process is gone.
wait_until_ready() {
  local deadline=$((SECONDS + ready_seconds))
  until curl -sf -o /dev/null --max-time 5 "$2"; do
    if ! kill -0 "$1" 2>/dev/null; then
      echo "the process behind $2 ended before it was ready" >&2
      return 1
    fi
    if ((SECONDS > deadline)); then
      echo "$2 was not ready within $ready_seconds s" >&2
      return 1
    fi
    sleep 0.1
  done
}

# Seconds, words for what is awaited, command...: waits until the command succeeds.
wait_until() {
  local deadline=$((SECONDS + $1)) seconds="$1" what="$2"
  shift 2
  until "$@"; do
    if ((SECONDS > deadline)); then
      echo "not within $seconds s: $what" >&2
      return 1
    fi
    sleep 0.2
  done
}

# A fresh S3 with one bucket; the variables by which object_store and boto3 find it are exported.
start_seaweedfs() {
  local folder="$work/seaweedfs"
  read -r -a seaweedfs_ports < <(python3 "$check/free_ports.py" 4)
  unset "${!AWS_@}"
  AWS_ACCESS_KEY_ID=check AWS_SECRET_ACCESS_KEY=$(new_secret)
  export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION=us-east-1 AWS_ALLOW_HTTP=true
  export AWS_ENDPOINT="http://127.0.0.1:${seaweedfs_ports[3]}" AWS_EC2_METADATA_DISABLED=true
  bucket="s3://media"

  mkdir -p "$folder/data"
  cat >"$folder/s3.json" <<JSON
{"identities": [{"name": "check", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
  "credentials": [{"accessKey": "$AWS_ACCESS_KEY_ID", "secretKey": "$AWS_SECRET_ACCESS_KEY"}]}]}
JSON
  run_seaweedfs
  wait_until "$ready_seconds" "a bucket is made" "$python" "$check/bucket.py" make "$bucket"
}

# On the ports and in the folder of `start_seaweedfs`.
run_seaweedfs() {
  local master volume filer s3 folder="$work/seaweedfs"
  read -r master volume filer s3 <<<"${seaweedfs_ports[*]}"
  start seaweedfs "$weed" server -ip=127.0.0.1 -ip.bind=127.0.0.1 -dir="$folder/data" -master.telemetry=false \
    -master.port="$master" -master.volumeSizeLimitMB=128 -volume.port="$volume" -volume.max=100 \
    -volume.minFreeSpace=100MiB \
    -filer -filer.port="$filer" -s3 -s3.port="$s3" -s3.config="$folder/s3.json" -s3.port.iceberg=0 -s3.port.lance=0
  seaweedfs_pid=$started
  wait_until_ready "$seaweedfs_pid" "$AWS_ENDPOINT/healthz"
}

start_redis() {
  redis_port=$(python3 "$check/free_ports.py" 1)
  mkdir "$work/redis"
  redis_url="redis://127.0.0.1:$redis_port"
  run_redis
}

# On the port and in the folder of `start_redis`.
run_redis() {
  start redis redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --appendonly no --dir "$work/redis"
  redis_pid=$started
  wait_until "$ready_seconds" "Redis answers" redis_answers
}

redis_answers() {
  [[ "$(redis-cli -h 127.0.0.1 -p "$redis_port" ping 2>/dev/null)" == PONG ]]
}

# A fresh Postgres, trusted by whoever reaches it; it refuses to run as root.
start_postgres() {
  postgres_port=$(python3 "$check/free_ports.py" 1)
  postgres_folder="$work/postgres"
  postgres_url="postgres://postgres@127.0.0.1:$postgres_port/postgres"
  mkdir "$postgres_folder"
  chmod 711 "$work"
  ((EUID != 0)) || chown postgres "$postgres_folder"
  (as_postgres "$postgres_bin/initdb" -D "$postgres_folder/data" -U postgres -A trust -E UTF8 --no-locale --no-sync) \
    >>"$work/logs/initdb.log" 2>&1
  run_postgres
}

# On the port and in the folder of `start_postgres`.
run_postgres() {
  start postgres as_postgres "$postgres_bin/postgres" -D "$postgres_folder/data" -p "$postgres_port" \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 -c fsync=off
  postgres_pid=$started
  wait_until "$ready_seconds" "Postgres takes connections" "$postgres_bin/pg_isready" -q -h 127.0.0.1 -p "$postgres_port"
}

# The roles of a deployment, each with the URL for its service in `signer_catalog` and `gateway_catalog`.
make_roles() {
  local signer_password gateway_password
  signer_password=$(new_secret)
  gateway_password=$(new_secret)
  "$postgres_bin/psql" -q -v signer_password="$signer_password" -v gateway_password="$gateway_password" \
    -f deploy/postgres/roles.sql "$postgres_url" >>"$work/logs/roles.log" 2>&1
  signer_catalog="postgres://files_signer:$signer_password@127.0.0.1:$postgres_port/files"
  gateway_catalog="postgres://files_gateway:$gateway_password@127.0.0.1:$postgres_port/files"
}

# In place of the shell, so that its pid is the command's.
as_postgres() {
  if ((EUID == 0)); then
    exec setpriv --reuid postgres --regid postgres --clear-groups -- "$@"
  else
    exec "$@"
  fi
}

# The key that signs users' tokens, and the half of it that the signer gets.
make_token_key() {
  openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/clerk.pem"
  openssl pkey -in "$work/clerk.pem" -pubout -out "$work/clerk.pub.pem"
}

# User id, role and tier if any: a file `<work>/<user id>.header` for curl's `-H @file`, with a fresh token of that user.
sign_in() {
  printf 'Authorization: Bearer %s\n' "$(node "$check/token.mjs" "$work/clerk.pem" "$@")" >"$work/$1.header"
}

# Storage URL, folder, scheme of the gateway's URLs: both services, ready to serve.
start_services() {
  set_services "$@"
  start_signer "$2"
  start_gateway "$2"
}

# As above: the settings are the ones a deployment has to give. The catalog is a file in the folder, or what
# `signer_catalog` and `gateway_catalog` name.
set_services() {
  local gateway_port gateway_admin signer_port signer_internal storage="$1" folder="$2" scheme="${3:-http}"
  release=$(target_folder)/release
  read -r gateway_port gateway_admin signer_port signer_internal < <(python3 "$check/free_ports.py" 4)
  mkdir -p "$folder/tmp"
  FILE_SIGNING_SECRET=$(new_secret)
  k2_secret=$(new_secret)
  export FILE_SIGNING_SECRET FILE_SIGNING_KEYS="k2:$k2_secret" RUST_LOG="${RUST_LOG:-trace}"
  export STORAGE_URL="$storage" DATABASE_URL="${signer_catalog:-sqlite://$folder/catalog.db}" PUBLIC_FILES_URL="$scheme://127.0.0.1:$gateway_port"
  export GATEWAY_LISTEN="127.0.0.1:$gateway_port" GATEWAY_ADMIN_LISTEN="127.0.0.1:$gateway_admin"
  export SIGNER_LISTEN="127.0.0.1:$signer_port" SIGNER_INTERNAL_LISTEN="127.0.0.1:$signer_internal"
  export GATEWAY_CACHE_DIR="$folder/cache"
  CLERK_WEBHOOK_SIGNING_SECRET="whsec_$(new_secret)"
  export CLERK_WEBHOOK_SIGNING_SECRET
  # Where keys are to be fetched none is given.
  CLERK_JWT_KEY=""
  [[ -n "${CLERK_JWKS_URL:-}" ]] || CLERK_JWT_KEY=$(<"$work/clerk.pub.pem")
  export CLERK_JWT_KEY

  gateway="$PUBLIC_FILES_URL" signer="http://$SIGNER_LISTEN/api"
}

# Folder, command to run it under if any, which must become it: with the settings of `set_services`, and what was
# exported since.
start_signer() {
  start "${1##*/}-signer" env TMPDIR="$1/tmp" "${@:2}" "$release/signer"
  signer_pid=$started
  wait_until_ready "$signer_pid" "http://$SIGNER_INTERNAL_LISTEN/readyz"
}

# As `start_signer`, of the gateway.
start_gateway() {
  start "${1##*/}-gateway" env TMPDIR="$1/tmp" DATABASE_URL="${gateway_catalog:-$DATABASE_URL}" "${@:2}" "$release/gateway"
  gateway_pid=$started
  wait_until_ready "$gateway_pid" "http://$GATEWAY_ADMIN_LISTEN/readyz"
}

# Pid: gets SIGTERM and must end by itself, with exit code 0.
stop() {
  local code=0
  kill -TERM "$1"
  wait "$1" || code=$?
  ((code == 0)) && return
  echo "a service ended with exit code $code after SIGTERM" >&2
  return 1
}

stop_services() {
  stop "$gateway_pid"
  stop "$signer_pid"
}
