#!/usr/bin/env bash
# What players see while things go wrong: the topology of deploy/compose.yaml as plain processes on loopback, under load.
#
#   bash deploy/rehearse.sh            about five minutes, at most twenty
#
#   --brief             each event once, and with less time between: about two minutes
#   --binaries FOLDER   takes gateway and signer from there; builds nothing
#   --logs FOLDER       keeps there what everybody wrote, and each attempt of the readers (ledger.jsonl)
#
# SeaweedFS, Postgres with its roles, Redis, two signers, two gateways with a cache each, HAProxy with deploy/proxy/haproxy.cfg in
# front. k6 plays loadtest/playback.js against it all the time. Beside that, readers who know every byte of their files read, sign
# and upload, and try again where something failed: what they saw is printed for each event, and has to be what
# deploy/rehearse/expected.mjs allows. Exit code 0 if it is, 1 if not.
set -euo pipefail
shopt -s inherit_errexit
[[ "${1:-}" != --help ]] || { sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" && exit; }
[[ -n "${T2M_BOUNDED:-}" ]] || T2M_BOUNDED=yes exec timeout --kill-after=30 1200 bash "$0" "$@"

is_brief=false binaries="" logs=""
while (($# > 0)); do
  case "$1" in
    --brief) is_brief=true && shift ;;
    --binaries) binaries=$(realpath -e "${2:?--binaries takes a folder}") && shift 2 ;;
    --logs) logs=$(realpath -m "${2:?--logs takes a folder}") && shift 2 ;;
    *) echo "not known: $1; see --help" >&2 && exit 64 ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/check/components.sh
source "$PWD/deploy/check/components.sh"
# shellcheck source=deploy/check/install.sh
source "$check/install.sh"
# shellcheck source=deploy/rehearse/topology.sh
source "$PWD/deploy/rehearse/topology.sh"
# shellcheck source=deploy/rehearse/load.sh
source "$PWD/deploy/rehearse/load.sh"
# shellcheck source=deploy/rehearse/events.sh
source "$PWD/deploy/rehearse/events.sh"

install_what_it_takes() {
  require_language node "Node 20 or later"
  install_debian_packages curl:curl openssl:openssl
  install_storage_server
  install_database_server
  install_redis
  install_haproxy
  [[ -n "$binaries" ]] || cargo build --locked --release --workspace
}

everything_happens() {
  happen "nothing happens" nothing "$1"
  happen "kill -9 of a gateway" kill_and_start gateway-1
  happen "gateways are restarted in turn" restart_in_turn "${gateways[@]}"
  happen "signers are restarted in turn" restart_in_turn "${signers[@]}"
  happen "the proxy is reloaded" reload_proxy
  happen "Redis is away" redis_goes_away
  happen "Postgres is restarted" restart_postgres "$1"
  happen "SeaweedFS stands still" freeze_seaweedfs
}

keep_logs() {
  local log
  mkdir -p "$logs"
  for log in "$work"/logs/*.log; do redacted <"$log" >"$logs/${log##*/}"; done
  cp "$work/ledger.jsonl" "$logs"
}

finish() {
  local code=$?
  trap - EXIT
  ((code == 0)) || show_logs || true
  [[ -z "$logs" ]] || keep_logs || true
  end_topology
  exit "$code"
}

export RUST_LOG=info
begin_work
trap finish EXIT
trap 'exit 130' INT TERM
install_what_it_takes
make_token_key
start_topology
start_watch
start_load
if [[ "$is_brief" == true ]]; then
  everything_happens 4
else
  for _ in 1 2; do everything_happens 15; done
  happen "SeaweedFS is killed" kill_seaweedfs
fi
happen "nothing happens any more" nothing 3
end_load
tell end
wait "$watch_pid"
node deploy/rehearse/report.mjs "$work/ledger.jsonl"
