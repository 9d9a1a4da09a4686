# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# What was acknowledged is there: after a power cut, by the order of system calls; after faults of the folder; after kills.

durability() {
  kind=durability storage="file://$work/durability/files" folder="$work/durability"
  step "durability: the services start" start_durable
  step "durability: each call that fails refuses its upload, and leaves nothing" fail_uploads calls
  step "durability: writes that fail refuse theirs" fail_uploads writes
  step "durability: SIGTERM ends the signer with exit code 0" stop "$signer_pid"
  step "durability: on a folder with room for 4 MiB, and then for nothing, it starts again" start_in_small_room
  step "durability: a full folder refuses uploads, and room is given back" fail_uploads full
  step "durability: a folder that cannot be written to refuses uploads, and no more" refuse_read_only
  step "durability: SIGTERM ends the signer with exit code 0" stop "$signer_pid"
  step "durability: kills of the signer lose nothing that it acknowledged" kill_signers
  step "durability: SIGTERM ends the gateway with exit code 0" stop "$gateway_pid"
  step "durability: no log holds a secret, a token or a signature" logs_hold_no_secret
}

start_durable() {
  RATE_LIMIT=1000000/1h start_services_of_users
}

# With a database of its own: what `fsck` compares is all that is there.
kills_beyond_one_machine() {
  kind=kills storage="$bucket/kills" folder="$work/kills"
  step "kills: the services start on S3 and Postgres" start_beyond_one_machine
  step "kills: SIGTERM ends the signer with exit code 0" stop "$signer_pid"
  step "kills: those of signers lose nothing that was acknowledged" kill_signers
  step "kills: SIGTERM ends the gateway with exit code 0" stop "$gateway_pid"
  step "kills: no log holds a secret, a token or a signature" logs_hold_no_secret
}

start_beyond_one_machine() {
  "$postgres_bin/psql" -q -c "CREATE DATABASE kills" "$postgres_url"
  signer_catalog="${postgres_url%/*}/kills" gateway_catalog="${postgres_url%/*}/kills"
  start_durable
  unset signer_catalog gateway_catalog
}

judge_order() {
  python3 "$check/uploads/order.py" "$signer_pid" "$signer" "$work/user_alice.header" "${storage#file://}" \
    "$folder/catalog.db" "$work"
}

fail_uploads() { # what fails
  sign_in user_alice
  python3 "$check/uploads/faults.py" "$1" "$signer_pid" "$signer" "$work/user_alice.header" "$folder/files" \
    "$folder/catalog.db" "$work"
}

# The signer alone sees this mount, and it goes with it.
start_in_small_room() {
  local own_mounts=(unshare --mount)
  in_its_mounts=(nsenter --target)
  if ((EUID != 0)); then own_mounts+=(--map-root-user) in_its_mounts=(nsenter --user --preserve-credentials --target); fi
  # shellcheck disable=SC2016 # the shell in between knows them
  RATE_LIMIT=1000000/1h start_signer "$folder" "${own_mounts[@]}" sh -c 'mount -t tmpfs -o size=4m,mode=700 none "$0" && exec "$@"' "$folder/files"
}

refuse_read_only() {
  "${in_its_mounts[@]}" "$signer_pid" --mount mount -o remount,ro "$folder/files"
  fail_uploads read-only
  as user_alice 200 "$signer/files"
  "${in_its_mounts[@]}" "$signer_pid" --mount mount -o remount,rw "$folder/files"
  as user_alice 200 -F "file=@$check/token.mjs" "$signer/files/upload"
  as user_alice 200 -X DELETE "$signer/files/$(answer it.data.file.id)"
  keep_metrics
}

# Signers of its own, on the settings of the services; the gateway stays. `kill_rounds=200` is the long form.
kill_signers() {
  sign_in user_alice
  RATE_LIMIT=1000000/1h python3 "$check/uploads/kill_rounds.py" --rounds "${kill_rounds:-10}" "$release/signer" "$signer" \
    "http://$SIGNER_INTERNAL_LISTEN/readyz" "$work/user_alice.header" "$gateway" "$work/logs/$kind-killed.log"
}
