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

option=(
  [only]="folder,cache,cold,seek" [sizes]="1024,16384,65536,1048576,8388608" [connections]="1,32,256"
  [rounds]=5 [seconds]=2 [hot-mib]=1024 [gateway]="" [beside]="" [out]=""
)
quick_option=([sizes]="1024,1048576" [connections]=32 [rounds]=1 [seconds]=0.5 [hot-mib]=64)

# Part: it is to be measured.
wanted() {
  [[ ",${option[only]}," == *",$1,"* ]]
}

read_options "$@"
begin_with_gateway
hot_bytes=$((option[hot-mib] * 1024 * 1024))
rows="${option[out]:-$(target_folder)/comparison}/rows.jsonl"
mkdir -p "${rows%/*}"
: >"$rows"
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
