#!/usr/bin/env bash
# How many URLs the signer signs on one core, on SQLite and on Postgres, beside the Node handler that it replaces.
#
#   bash loadtest/signing.sh        about two minutes, at most fifteen
#
#   --connections N   of the load; 32 unless given
#   --seconds N       of each measurement; 3 unless given
#   --rounds N        of which the median counts; 3 unless given
#   --signer PATH     measures that binary; builds nothing if it is there
#   --quick           one round of one second: shows that it works
#
# Every request carries one of 64 users' tokens (RS256) and asks for one of that user's files, a JSON body with it; a
# batch asks for 100 files of its user at once. The handler verifies the token and signs, and looks nothing up. One
# server at a time works, on one core; `wrk` has another. Postgres has no core of its own: it shares wrk's.
set -euo pipefail
shopt -s inherit_errexit
[[ "${1:-}" != --help ]] || { sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" && exit; }
[[ -n "${T2M_BOUNDED:-}" ]] || T2M_BOUNDED=yes exec timeout --kill-after=30 900 bash "$0" "$@"

# shellcheck source=loadtest/measure.sh
source "$(dirname "${BASH_SOURCE[0]}")/measure.sh"
# shellcheck source=loadtest/signing/parts.sh
source "$root/loadtest/signing/parts.sh"

option=([connections]=32 [seconds]=3 [rounds]=3 [signer]="")
quick_option=([seconds]=1 [rounds]=1)
path_options="signer"
readonly users=64 files_of_each=100

start_handler() {
  local port
  port=$(python3 "$check/free_ports.py" 1)
  start handler env PORT="$port" NODE_PATH="$jsonwebtoken" taskset -c "$server_core" node "$signing/handler.cjs"
  known_as node "$started" "http://127.0.0.1:$port"
  wait_until_ready "$started" "http://127.0.0.1:$port/healthz"
}

read_options "$@"
begin_with_signer
start_postgres_beside_load
once install_replaced_handler
node "$signing/tokens.mjs" "$work/clerk.pem" "$users" "$files_of_each" >"$work/asked.tsv"
start_measured_signer sqlite "sqlite://$work/catalog.db"
start_measured_signer postgres "$postgres_url"
add_rows "$users" "$files_of_each"
start_handler
for name in sqlite postgres node; do echo "$name ${server_pid[$name]} ${server_url[$name]}"; done |
  python3 "$signing/compare.py" "$work/asked.tsv" "$load_core" "${option[connections]}" "${option[seconds]}" "${option[rounds]}"
end_servers sqlite postgres node
conclude 0
