#!/usr/bin/env bash
# How much memory the services take, on file:// and on s3:// (a SeaweedFS of its own).
#
#   bash loadtest/memory.sh            about five minutes, at most thirty; needs 10 GB of disk in the temporary folder
#
#   a 2 GiB upload      growth of the signer: its peak (VmHWM) over its idle VmRSS      at most 64 MiB
#   a 2 GiB download    growth of the gateway                                           at most 64 MiB
#   1,000 slow readers  VmRSS of the gateway, each reader in another part of the file   at most 60 MiB, 320 MiB on s3://
#
# Bodies are generated into a pipe and compared by SHA-256. Exits 1 when a figure is over its limit.
set -euo pipefail
shopt -s inherit_errexit
[[ "${1:-}" != --help ]] || { sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" && exit; }
[[ -n "${T2M_BOUNDED:-}" ]] || T2M_BOUNDED=yes exec timeout --kill-after=30 1800 bash "$0" "$@"

# shellcheck source=loadtest/measure.sh
source "$(dirname "${BASH_SOURCE[0]}")/measure.sh"

readonly body_bytes=$((2 * 1024 * 1024 * 1024))
readonly readers=1000
over=0

report() { # storage, what, KiB, limit in MiB
  local verdict="within"
  if (($3 > $4 * 1024)); then
    verdict="OVER"
    over=1
  fi
  printf '%-6s %-44s %7.1f MiB   %s the limit of %d MiB\n' "$1" "$2" "$(awk "BEGIN { print $3 / 1024 }")" "$verdict" "$4"
}

measure_upload() { # storage
  local idle
  idle=$(memory VmRSS "$signer_pid")
  reset_peak "$signer_pid"
  upload_generated "$body_bytes"
  report "$1" "signer, growth during a 2 GiB upload" $(($(memory VmHWM "$signer_pid") - idle)) 64
}

measure_download() { # storage
  local idle received
  idle=$(memory VmRSS "$gateway_pid")
  reset_peak "$gateway_pid"
  received=$(curl -sS --fail "$url" | sha256sum)
  report "$1" "gateway, growth during a 2 GiB download" $(($(memory VmHWM "$gateway_pid") - idle)) 64
  if [[ "$received" != "$body_sha256" ]]; then
    echo "the download from $1 is not what was uploaded" >&2
    return 1
  fi
}

# The gateway is started anew, so that what a download left in its memory is not counted.
measure_slow_readers() { # storage, limit in MiB
  local client state="$work/slow_readers"
  stop "$gateway_pid"
  rm -f "$state"
  start_gateway "$work/$1"
  start slow_readers env STATE_FILE="$state" BASE_URL="$url" python3 "$root/loadtest/slow_readers.py" "$readers" "$body_bytes"
  client=$started
  wait_until 300 "$readers connections are open and were sent their first bytes" test -e "$state"
  sleep 20
  kill -0 "$client"
  report "$1" "gateway, RSS with $readers slow readers" "$(memory VmRSS "$gateway_pid")" "$2"
  kill -TERM "$client"
  wait "$client"
}

measure() { # storage, its URL, limit for slow readers in MiB
  start_services "$2" "$work/$1"
  measure_upload "$1"
  measure_download "$1"
  measure_slow_readers "$1" "$3"
  stop_services
}

begin_measurement
body_sha256=$(generated "$body_bytes" | sha256sum)
measure file "file://$work/file/files" 60
measure s3 "$bucket/memory" 320
conclude "$over"
