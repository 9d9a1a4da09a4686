#!/usr/bin/env bash
# What a connection costs the gateway in memory, on file://, while little or nothing happens on it.
#
#   bash loadtest/connections.sh    about two minutes, at most fifteen; needs 2 GB of disk in the temporary folder
#
#   --connections N   at once; 10000 unless given, fewer where the limit of open files cannot be raised
#   --at-most KIB     exits 1 when a connection takes more; nothing is judged unless given
#   --gateway PATH    measures that binary; builds nothing if the signer is built
#   --quick           500 connections: shows that it works
#
#   idle           answered once, kept alive
#   slow readers   in the middle of an answer, each in another part of the file, 1 KiB each 10 s
#
# VmRSS of a gateway that was started for this and has answered one request, before and with the connections open.
set -euo pipefail
shopt -s inherit_errexit
[[ "${1:-}" != --help ]] || { sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" && exit; }
[[ -n "${T2M_BOUNDED:-}" ]] || T2M_BOUNDED=yes exec timeout --kill-after=30 900 bash "$0" "$@"

# shellcheck source=loadtest/measure.sh
source "$(dirname "${BASH_SOURCE[0]}")/measure.sh"

option=([connections]=10000 [at-most]="" [gateway]="")
quick_option=([connections]=500)
readonly body_bytes=$((1024 * 1024 * 1024))
over=0

# Each connection is a socket here, and in the gateway a socket and an open file. Where the limit stays lower, so many
# are opened as fit.
raise_open_files() {
  local needed=$((2 * connections + 200))
  if (($(ulimit -n) < needed)) && ! ulimit -n "$needed" 2>/dev/null; then
    connections=$((($(ulimit -n) - 200) / 2))
    echo "$needed open files are needed and $(ulimit -n) allowed: $connections connections"
  fi
}

report() { # what, KiB before, KiB with the connections
  awk -v what="$1" -v before="$2" -v with="$3" -v count="$connections" -v limit="${option[at-most]:-0}" 'BEGIN {
    each = (with - before) / count
    verdict = limit ? sprintf("   %s the limit of %s KiB", each > limit ? "OVER" : "within", limit) : ""
    printf "%6d %-13s %6.2f KiB RSS each (%.1f MiB before, %.1f MiB with them)%s\n",
      count, what, each, before / 1024, with / 1024, verdict
    exit limit && each > limit
  }' || over=1
}

# What, pace of slow_readers.py: a gateway of its own, so that nothing an earlier load left in its memory is counted.
measure_held() {
  local client idle state="$work/slow_readers"
  rm -f "$state"
  start_measured_gateway gateway "$gateway_binary" "$folder" GATEWAY_IDLE_SECONDS=900 \
    GATEWAY_MAX_CONNECTIONS="$((2 * connections))" GATEWAY_MAX_INFLIGHT="$((2 * connections))"
  curl -sSf -o /dev/null --range 0-1023 "${server_url[gateway]}"
  idle=$(memory VmRSS "${server_pid[gateway]}")
  start slow_readers env STATE_FILE="$state" BASE_URL="${server_url[gateway]}" \
    taskset -c "$load_core" python3 "$root/loadtest/slow_readers.py" "$connections" "$body_bytes" "$2"
  client=$started
  wait_until 300 "$connections connections are open and were sent their first bytes" made_by "$client" "$state"
  sleep 5
  kill -0 "$client"
  report "$1" "$idle" "$(memory VmRSS "${server_pid[gateway]}")"
  kill -TERM "$client"
  wait "$client"
  end_servers gateway
}

read_options "$@"
connections="${option[connections]}"
begin_with_gateway
raise_open_files
folder="$work/file"
store_object "file://$folder/files" "$folder" "$body_bytes"
measure_held idle idle
measure_held "slow readers" 10
conclude "$over"
