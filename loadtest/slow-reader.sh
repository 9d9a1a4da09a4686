#!/usr/bin/env bash
# One client that reads at 200 KiB/s for over four minutes from s3:// (a SeaweedFS of its own), and gets every byte:
# no timeout on the way, in the gateway or towards storage, may end a transfer that is slow but moving.
#
#   bash loadtest/slow-reader.sh       about five minutes, at most fifteen
#
# The 55 MiB are compared by SHA-256; prints the duration, exits 1 when the bytes differ or it took under four minutes.
set -euo pipefail
shopt -s inherit_errexit
[[ "${1:-}" != --help ]] || { sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" && exit; }
[[ -n "${T2M_BOUNDED:-}" ]] || T2M_BOUNDED=yes exec timeout --kill-after=30 900 bash "$0" "$@"

# shellcheck source=loadtest/measure.sh
source "$(dirname "${BASH_SOURCE[0]}")/measure.sh"

readonly body_bytes=$((55 * 1024 * 1024))

begin_measurement
start_services "$bucket/slow-reader" "$work/s3"
upload_generated "$body_bytes"
sent=$(generated "$body_bytes" | sha256sum)
began=$SECONDS
received=$(curl -sS --fail --limit-rate 200K "$url" | sha256sum)
took=$((SECONDS - began))
stop_services

printf 'read %d bytes in %d s\n' "$body_bytes" "$took"
if [[ "$received" != "$sent" ]]; then
  echo "the bytes are not those that were uploaded" >&2
  conclude 1
elif ((took < 240)); then
  echo "that was too fast to prove anything" >&2
  conclude 1
fi
echo "and they are the ones that were uploaded"
conclude 0
