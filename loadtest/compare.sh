#!/usr/bin/env bash
# The gateway beside nginx, in one run on one machine: what a range costs, and how fast it comes.
#
#   bash loadtest/compare.sh           about 25 minutes, at most 90; needs 8 GB of disk in the temporary folder
#
#   --only folder[,...]   of the parts: folder
#   --sizes 1024[,...]    of the ranges' sizes: 1024 16384 65536 1048576 8388608
#   --connections 1[,...] of 1 32 256
#   --rounds N            how often each cell is measured, servers in turn; 5 unless given
#   --seconds N           for how long each time; 2 unless given
#   --gateway PATH        measures that binary; builds nothing if the signer is built
#   --beside PATH         another build of the gateway, measured in turn with it
#   --out FOLDER          for the results; `comparison` in cargo's target folder unless given
#   --quick               one short round of a few cells of everything: shows that it works, no figures to rely on
#
#   folder   hot ranges of a 1 GiB file: the gateway (signature checked), nginx `sendfile` unchecked, nginx with the same
#            check in njs; at 8 MiB also nginx unchecked with `sndbuf=200k`
#
# One worker thread each, pinned to core 0; the load, `wrk`, to core 1.
set -euo pipefail
shopt -s inherit_errexit
[[ "${1:-}" != --help ]] || { sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" && exit; }
[[ -n "${T2M_BOUNDED:-}" ]] || T2M_BOUNDED=yes exec timeout --kill-after=30 5400 bash "$0" "$@"

# shellcheck source=loadtest/measure.sh
source "$(dirname "${BASH_SOURCE[0]}")/measure.sh"
readonly compare="$root/loadtest/compare"
# shellcheck source=loadtest/compare/peers.sh
source "$compare/peers.sh"

# Takes `--name value` and `--name=value` into `option`; a mistake ends it with 64.
declare -A option=(
  [only]="folder" [sizes]="1024,16384,65536,1048576,8388608" [connections]="1,32,256" [rounds]=5 [seconds]=2
  [gateway]="" [beside]="" [out]="" [quick]=""
)
read_options() {
  local name
  while (($# > 0)); do
    name="${1#--}"
    if [[ "$1" != --* || ! -v "option[$name]" ]]; then
      echo "not known: $1; see --help" >&2
      exit 64
    fi
    if [[ "$name" == quick ]]; then
      option+=([sizes]="1024,1048576" [connections]=32 [rounds]=1 [seconds]=1 [quick]=yes)
      shift
    else
      option[$name]="${2:?"--$name needs a value"}"
      shift 2
    fi
  done
}

# Part of the list in an option: list, word.
includes() {
  [[ ",$1," == *",$2,"* ]]
}

# JSON of strings and numbers: name=value...
cell() {
  node -p 'JSON.stringify(Object.fromEntries(process.argv.slice(1).map((pair) => {
    const [name, value] = pair.split(/=(.*)/s);
    return [name, /^[0-9.]+$/.test(value) ? Number(value) : value];
  })))' "$@"
}

# Part, file, size, connections, servers: one cell, round after round, servers in turn.
measure_cell() {
  local part="$1" file="$2" size="$3" connections="$4" round server
  shift 4
  for ((round = 1; round <= option[rounds]; round++)); do
    for server in "$@"; do
      python3 "$compare/load.py" "$(cell part="$part" server="$server" round="$round" size="$size" \
        connections="$connections" pid="${server_pid[$server]}" load_core="$load_core" seconds="${option[seconds]}" \
        file="$file" span="$hot_bytes")" <<<"${server_url[$server]}" >>"$rows"
    done
  done
  python3 "$compare/report.py" line "$rows" "$part" "$size" "$connections"
}

# Storage URL, folder, bytes: uploads a file through the signer; sets `url`. Only the gateway is needed after that.
store_object() {
  start_services "$1" "$2"
  upload_generated "$3"
  stop_services
}

compare_folder() {
  local folder="$work/folder" object size connections servers
  store_object "file://$folder/files" "$folder" "$hot_bytes"
  object=$(find "$folder/files" -type f -size "+$((hot_bytes - 1))c")
  cat "$object" >/dev/null
  start_measured_gateway gateway "$gateway_binary" "$folder" "$url"
  start_nginx unchecked unchecked "$url" object="$object"
  start_nginx unchecked-sndbuf unchecked "$url" object="$object" listen_options=" sndbuf=200k"
  start_nginx checked checked "$url" object="$object"
  for size in ${option[sizes]//,/ }; do
    servers=(gateway unchecked checked)
    ((size < 8388608)) || servers+=(unchecked-sndbuf)
    for connections in ${option[connections]//,/ }; do
      measure_cell folder "$object" "$size" "$connections" "${servers[@]}"
    done
  done
  end_servers gateway unchecked unchecked-sndbuf checked
}

prepare() {
  begin_work
  trap give_up EXIT
  trap 'exit 130' INT TERM
  cd "$root"
  install_measuring_tools
  release=$(target_folder)/release
  gateway_binary="${option[gateway]:-$release/gateway}"
  [[ -n "${option[gateway]}" && -x "$release/signer" ]] || cargo build --locked --release --workspace
  rows="${option[out]:-$(target_folder)/comparison}/rows.jsonl"
  mkdir -p "${rows%/*}"
  : >"$rows"
  make_token_key
  sign_in user_alice
}

read_options "$@"
hot_bytes=$((1024 * 1024 * 1024))
[[ -z "${option[quick]}" ]] || hot_bytes=$((64 * 1024 * 1024))
prepare
! includes "${option[only]}" folder || compare_folder
conclude 0
