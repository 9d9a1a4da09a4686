#!/usr/bin/env bash
# Whether one client that reads cold files is felt by the others: the p99 latency of hot 64 KiB ranges, alone and then.
#
#   bash loadtest/neighbours.sh     about five minutes, at most thirty; needs 23 GB of disk in the temporary folder
#
#   --gib N           of cold files to read; 20 unless given
#   --seconds N       of each measurement; 5 unless given
#   --connections N   of the hot load; 32 unless given
#   --pause MS        between an answer and the next request on each of them; 10 unless given, 0: as fast as it goes
#   --at-most RATIO   exits 1 when the p99 grows by more; nothing is judged unless given
#   --gateway PATH    measures that binary; builds nothing if the signer is built
#   --quick           1 GiB, one second: shows that it works
#
# One worker thread on one core; `wrk` and the reader, which throws away what it gets, on another. Cold files are real
# ones, on disk and not in the page cache. Alone is measured before and after the reader; beside it, while it reads.
set -euo pipefail
shopt -s inherit_errexit
[[ "${1:-}" != --help ]] || { sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" && exit; }
[[ -n "${T2M_BOUNDED:-}" ]] || T2M_BOUNDED=yes exec timeout --kill-after=30 1800 bash "$0" "$@"

# shellcheck source=loadtest/measure.sh
source "$(dirname "${BASH_SOURCE[0]}")/measure.sh"
readonly compare="$root/loadtest/compare"

option=([gib]=20 [seconds]=5 [connections]=32 [pause]=10 [at-most]="" [gateway]="")
quick_option=([gib]=1 [seconds]=1)
readonly gib=$((1024 * 1024 * 1024)) hot_bytes=$((256 * 1024 * 1024)) range_bytes=$((64 * 1024)) over_limit=2

# Uploads the hot file and cold ones of at most 4 GiB; sets `hot` and `cold`, their paths and queries.
store_files() {
  local left="${option[gib]}" part
  sign_in user_alice
  start_services "file://$folder/files" "$folder"
  upload_generated "$hot_bytes"
  hot="${url#http://*/}"
  while ((left > 0)); do
    part=$((left < 4 ? left : 4))
    upload_generated $((part * gib))
    cold+=("${url#http://*/}")
    left=$((left - part))
  done
  stop_services
  find "$folder/files" -type f -exec python3 "$compare/drop_from_memory.py" {} +
}

read_options "$@"
begin_with_gateway
folder="$work/file"
cold=()
store_files
start_measured_gateway gateway "$gateway_binary" "$folder"
base="${server_url[gateway]%/files/secure/*}"
load=$(cell pid="${server_pid[gateway]}" load_core="$load_core" server=gateway size="$range_bytes" span="$hot_bytes" \
  connections="${option[connections]}" seconds="${option[seconds]}" pause="${option[pause]}" \
  cold_bytes="$((option[gib] * gib))" at_most="${option[at-most]}")
judged=0
printf "$base/%s\n" "$hot" "${cold[@]}" | on_load_core python3 "$compare/neighbours.py" "$load" || judged=$?
((judged == 0 || judged == over_limit)) || exit 1
end_servers gateway
conclude "$((judged > 0))"
