# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# The load beside which things happen: k6 with loadtest/playback.js, for as long as it takes.

readonly load_viewers=60

# Its thresholds are for a service that is left alone; here only its count of wrong ranges is judged.
start_load() {
  start k6 env API="http://$api_address/api" TOKEN="$(sed 's/.*Bearer //' "$work/user_alice.header")" OUT="$work" VUS="$load_viewers" DURATION=30m \
    MAX_FAILED=1 FIRST_BYTE_MS=60000 "$k6" run --quiet --no-usage-report loadtest/playback.js
  load_pid=$started
}

# Told to end it still writes its summary, in which words for a run that was cut short are its own affair.
end_load() {
  kill -INT "$load_pid"
  wait "$load_pid" || true
  sed -n '/^playback:/,$p' "$work/logs/k6.log"
  [[ "$(json it.metrics.ranges_wrong.rate <"$work/k6-playback.json")" == 0 ]]
}
