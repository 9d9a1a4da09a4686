#!/usr/bin/env bash
# How fast one upload comes in on a folder, hashed and durable before it is acknowledged; beside `dd` on the same disk, and
# beside `@tus/server` with its file store on Node, which hashes nothing and syncs nothing.
#
#   bash loadtest/uploads.sh        about two minutes, at most fifteen; needs 3 GiB of disk in the temporary folder
#
#   --mib N           of each upload; 1024 unless given
#   --rounds N        of which the median counts; 5 unless given
#   --parallel N      uploads side by side, for the memory; 50 unless given
#   --signer PATH     measures that binary; builds nothing if it is there
#   --quick           one round of 64 MiB: shows that it works
#
# One client sends the same file from page cache by sendfile to each server in turn, in each way that it takes uploads. Beside
# `dd conv=fsync` the signer has every core, as deployed; beside Node each server has one core, and the client the other.
# Exits 1 when a figure misses its goal, unless it is a quick run.
set -euo pipefail
shopt -s inherit_errexit
[[ "${1:-}" != --help ]] || { sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" && exit; }
[[ -n "${T2M_BOUNDED:-}" ]] || T2M_BOUNDED=yes exec timeout --kill-after=30 900 bash "$0" "$@"

# shellcheck source=loadtest/measure.sh
source "$(dirname "${BASH_SOURCE[0]}")/measure.sh"
# shellcheck source=loadtest/signing/parts.sh
source "$root/loadtest/signing/parts.sh"

option=([mib]=1024 [rounds]=5 [parallel]=50 [signer]="" [judge]=yes)
quick_option=([mib]=64 [rounds]=1 [judge]=no)
path_options="signer"
readonly uploads="$root/loadtest/uploads"

start_tus_server() {
  local port
  port=$(python3 "$check/free_ports.py" 1)
  mkdir "$work/tus"
  start tus-server env PORT="$port" NODE_PACKAGES="$tus_server" FOLDER="$work/tus" taskset -c "$server_core" \
    node "$uploads/server.mjs"
  known_as node "$started" "http://127.0.0.1:$port"
  wait_until_ready "$started" "http://127.0.0.1:$port/healthz"
}

# With every core.
release_signer() {
  taskset -a -c -p "$(python3 -c 'import os; print(",".join(map(str, os.sched_getaffinity(0))))')" "${server_pid[free]}" \
    >>"$work/logs/taskset.log"
}

read_options "$@"
begin_with_signer
once install_tus_server
sign_in user_alice
generated "$((option[mib] * 1024 * 1024))" >"$work/source.bin"
start_measured_signer pinned "sqlite://$work/catalog.db"
start_measured_signer free "sqlite://$work/catalog.db"
release_signer
start_tus_server
code=0
for name in pinned free node; do echo "$name ${server_pid[$name]} ${server_url[$name]}"; done |
  python3 "$uploads/compare.py" "$work/source.bin" "$work/user_alice.header" "$work" "$load_core" \
    "${option[rounds]}" "${option[parallel]}" || code=$?
end_servers pinned free node
[[ "${option[judge]}" == yes ]] || code=0
conclude "$code"
