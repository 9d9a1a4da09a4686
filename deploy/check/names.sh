# shellcheck shell=bash
# Names that people and their attackers give, through the whole service.

names() {
  kind=names storage="file://$work/names/files" folder="$work/names"
  step "names: the services start" start_services_for_names
  step "names: every naughty string comes back as it was given, as a name and in metadata" try_names
  step "names: the services' metrics are read" keep_metrics
  step "names: SIGTERM ends both services with exit code 0" stop_services
  step "names: no log or metric holds a secret, a token or a signature" logs_hold_no_secret
}

start_services_for_names() {
  RATE_LIMIT=1000000/1h start_services_of_users
}

try_names() {
  NODE_PACKAGES="$node_packages_folder" node "$check/names/try.mjs" "$signer" "$work/user_alice.header"
}
