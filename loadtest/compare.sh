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
# shellcheck source=loadtest/compare/parts.sh
source "$compare/parts.sh"

# Takes `--name value` and `--name=value` into `option`; a mistake ends it with 64.
declare -A option=(
  [only]="folder,cache,cold,seek"
  [sizes]="1024,16384,65536,1048576,8388608" [connections]="1,32,256" [rounds]=5 [seconds]=2
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
    elif [[ "$name" == gateway || "$name" == beside || "$name" == out ]]; then
      option[$name]=$(realpath "${2:?"--$name needs a path"}")
      shift 2
    else
      option[$name]="${2:?"--$name needs a value"}"
      shift 2
    fi
  done
}

# Part: it is to be measured.
wanted() {
  [[ ",${option[only]}," == *",$1,"* ]]
}

# Storage URL, folder, bytes: uploads a file through the signer; sets `url`. Only the gateway is needed after that.
store_object() {
  sign_in user_alice
  start_services "$1" "$2"
  upload_generated "$3"
  stop_services
}

prepare() {
  begin_work
  trap 'end_servers "${!server_pid[@]}"; give_up' EXIT
  trap 'exit 130' INT TERM
  install_measuring_tools
  release=$(target_folder)/release
  gateway_binary="${option[gateway]:-$release/gateway}"
  [[ -n "${option[gateway]}" && -x "$release/gateway" && -x "$release/signer" ]] || cargo build --locked --release --workspace
  rows="${option[out]:-$(target_folder)/comparison}/rows.jsonl"
  mkdir -p "${rows%/*}"
  : >"$rows"
  make_token_key
}

read_options "$@"
cd "$root"
hot_bytes=$((1024 * 1024 * 1024))
[[ -z "${option[quick]}" ]] || hot_bytes=$((64 * 1024 * 1024))
prepare
if wanted folder || wanted seek; then
  store_in_folder
fi
! wanted folder || compare_folder
if wanted cache || wanted cold || wanted seek; then
  store_in_bucket
fi
! wanted cache || compare_cache
! wanted cold || compare_cold
! wanted seek || compare_seek
python3 "$compare/report.py" write "$rows" "${rows%/*}"
end_servers "${!server_pid[@]}"
conclude 0
