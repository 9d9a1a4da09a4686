#!/usr/bin/env bash
# Whether good tokens are felt by forged ones, while the keys' source is down: nothing may be fetched more often than every
# ten seconds, and good calls fare as beside calls without a token at the same pace.
#
#   bash loadtest/forged-keys.sh    about a minute, at most ten
#
#   --seconds N       of each measurement; 5 unless given
#   --rounds N        3 unless given
#   --signer PATH     measures that binary; builds nothing if it is there
#   --quick           one round of one second: shows that it works
#
# Every forged token names another key, and comes from another address, so that no bound of one address holds it up.
# Exits 1 when the source is asked more often.
set -euo pipefail
shopt -s inherit_errexit
[[ "${1:-}" != --help ]] || { sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" && exit; }
[[ -n "${T2M_BOUNDED:-}" ]] || T2M_BOUNDED=yes exec timeout --kill-after=30 600 bash "$0" "$@"

# shellcheck source=loadtest/measure.sh
source "$(dirname "${BASH_SOURCE[0]}")/measure.sh"
# shellcheck source=loadtest/signing/parts.sh
source "$root/loadtest/signing/parts.sh"

option=([seconds]=5 [rounds]=3 [signer]="")
quick_option=([seconds]=1 [rounds]=1)
path_options="signer"
readonly forged_tokens=20000

read_options "$@"
begin_with_signer
port=$(python3 "$check/free_ports.py" 1)
start keys node "$signing/keys.mjs" "$port" "$work/clerk.pub.pem"
keys=$started
wait_until_ready "$keys" "http://127.0.0.1:$port/"
unset CLERK_JWT_KEY
export CLERK_JWKS_URL="http://127.0.0.1:$port/" TRUSTED_PROXIES=127.0.0.1
start_measured_signer sqlite "sqlite://$work/catalog.db"
kill -TERM "$keys"
wait "$keys" || true
node "$signing/forged.mjs" "$forged_tokens" >"$work/forged.txt"
sign_in user_1
failed=0
python3 "$signing/beside.py" "${server_url[sqlite]}" "$internal_url/metrics" "$load_core" "${option[seconds]}" \
  "${option[rounds]}" "$work/user_1.header" "$work/forged.txt" || failed=1
end_servers sqlite
conclude "$failed"
