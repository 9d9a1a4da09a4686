# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# Gateways are replaced while players read: on a socket that somebody else holds, as systemd does.

restarts() {
  kind=restarts storage="file://$work/restarts/files" folder="$work/restarts"
  step "restarts: the services start" start_services_of_users
  step "restarts: a clip is uploaded and listed" upload_clip
  step "restarts: its owner gets a signed URL" sign_url
  step "restarts: two gateways on one socket take turns, and no player notices" restart_in_turn
  step "restarts: SIGTERM ends the signer with exit code 0" stop "$signer_pid"
  step "restarts: no log holds a secret, a token or a signature" logs_hold_no_secret
}

restart_in_turn() {
  local admin_1 admin_2
  stop "$gateway_pid"
  read -r admin_1 admin_2 < <(python3 "$check/free_ports.py" 2)
  python3 "$check/restarts/rolling.py" "$release/gateway" "${GATEWAY_LISTEN##*:}" "$admin_1" "$admin_2" "$work/logs" "$clip" 5 <<<"$url"
}
