#!/usr/bin/env bash
# Everything that proves the project, on one machine and from a clean checkout.
#
#   bash deploy/check.sh            installs what it needs, then runs all of it; needs 10 GB of disk
#   bash deploy/check.sh --quick    only the embedded parts: no storage server beside the folder
#
# A step that fails ends the run, after the ends of the logs. The last line is the count of steps. Everything runs on
# loopback and on free ports, in a temporary folder; nothing is left behind but the tools, outside the repository.
set -euo pipefail
shopt -s inherit_errexit

usage="usage: bash deploy/check.sh [--quick]"
embedded_only=false compared=folder,cache,cold,seek
case "$*" in
  "") ;;
  --quick) embedded_only=true compared=folder ;;
  --help) sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" && exit ;;
  *) echo "$usage" >&2 && exit 64 ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/check/components.sh
source "$PWD/deploy/check/components.sh"
# shellcheck source=deploy/check/install.sh
source "$check/install.sh"
# shellcheck source=deploy/check/source_code.sh
source "$check/source_code.sh"
# shellcheck source=deploy/check/constant_time.sh
source "$check/constant_time.sh"
# shellcheck source=deploy/check/identity.sh
source "$check/identity.sh"
# shellcheck source=deploy/check/measurements.sh
source "$check/measurements.sh"
# shellcheck source=deploy/check/load.sh
source "$check/load.sh"
# shellcheck source=deploy/check/end_to_end.sh
source "$check/end_to_end.sh"
# shellcheck source=deploy/check/players.sh
source "$check/players.sh"
# shellcheck source=deploy/check/fsck.sh
source "$check/fsck.sh"
# shellcheck source=deploy/check/presigned.sh
source "$check/presigned.sh"
# shellcheck source=deploy/check/resumable.sh
source "$check/resumable.sh"
# shellcheck source=deploy/check/encrypted.sh
source "$check/encrypted.sh"
# shellcheck source=deploy/check/on_postgres.sh
source "$check/on_postgres.sh"
# shellcheck source=deploy/check/clock.sh
source "$check/clock.sh"
# shellcheck source=deploy/check/durability.sh
source "$check/durability.sh"
# shellcheck source=deploy/check/disks.sh
source "$check/disks.sh"
# shellcheck source=deploy/check/described.sh
source "$check/described.sh"
# shellcheck source=deploy/check/names.sh
source "$check/names.sh"
# shellcheck source=deploy/check/documented.sh
source "$check/documented.sh"
# shellcheck source=deploy/check/moving.sh
source "$check/moving.sh"
# shellcheck source=deploy/check/backup.sh
source "$check/backup.sh"
# shellcheck source=deploy/check/clients.sh
source "$check/clients.sh"
# shellcheck source=deploy/check/watched.sh
source "$check/watched.sh"
# shellcheck source=deploy/check/newcomer.sh
source "$check/newcomer.sh"
# shellcheck source=deploy/check/rehearsal.sh
source "$check/rehearsal.sh"
# shellcheck source=deploy/check/restarts.sh
source "$check/restarts.sh"
# shellcheck source=deploy/check/deployable.sh
source "$check/deployable.sh"
# shellcheck source=deploy/check/tools.sh
source "$check/tools.sh"

passed=0
current="before the first step"

step() { # headline, command...
  local began=$SECONDS
  current="$1"
  shift
  printf '\n== %s\n' "$current"
  "$@"
  printf 'passed in %d s\n' $((SECONDS - began))
  passed=$((passed + 1))
  current="after: $current"
}

finish() {
  local code=$?
  trap - EXIT ERR
  ((code == 0)) || show_logs
  end_work
  if ((code == 0)); then
    printf '\nall of it took %d s\n%d passed, 0 failed\n' "$SECONDS" "$passed"
  else
    printf '\nFAILED after %d s, exit code %d: %s\n%d passed, 1 failed\n' "$SECONDS" "$code" "$current" "$passed"
  fi
  exit "$code"
}

# What is built once gains nothing from it, and it takes gigabytes.
export CARGO_INCREMENTAL=0

begin_work
trap finish EXIT
trap 'exit 130' INT TERM
set -E
trap 'echo "stopped at ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND" >&2' ERR

step "the tools that the checks use are installed" install_tools

step "the code is formatted" cargo fmt --all --check
step "no lint has anything to say" cargo clippy --locked --workspace --all-targets -- -D warnings
step "the documentation builds" document
step "scripts have no syntax errors or known pitfalls" check_scripts
step "an issuer in another language gives the golden vectors" golden_vectors
step "all tests pass" cargo test --locked --workspace
step "the gateway bears as much abuse as its list asks for" bear_abuse
step "the gateway's tests pass on TLS" test_gateway_on_tls
step "the release binaries build" cargo build --locked --release --workspace
describe_tools
step "a wrong signature takes the same time wherever it is wrong" constant_time
step "no token is taken that Clerk's own library refuses" compare_tokens

step "the comparison runs, briefly" compare_briefly "$compared"
step "idle and slow connections are measured, briefly" measure_connections_briefly
step "neighbours of a cold reader are measured, briefly" measure_neighbours_briefly
step "uploads are measured, briefly" measure_uploads_briefly
load

if [[ "$embedded_only" == false ]]; then
  step "a storage server is installed" install_storage_server
  step "SeaweedFS starts" start_seaweedfs
  step "a bucket takes the lifecycle rule" keep_lifecycle_rule
  step "the gateway's tests pass on S3" test_gateway_on_s3
  step "the signer's tests pass on S3" test_signer_on_s3
fi

if [[ "$embedded_only" == false ]]; then
  step "a database server is installed" install_database_server
  step "Postgres starts" start_postgres
  step "the catalog does on Postgres what it does on SQLite" test_catalog_on_postgres
  step "the signer's tests pass on Postgres" test_signer_on_postgres
  step "the gateway's tests pass on Postgres" test_gateway_on_postgres
  step "what a revocation takes to be heard is measured, briefly" measure_revocation_briefly
  step "signing is measured, briefly" measure_signing_briefly
  step "good calls beside forged keys are measured, briefly" measure_forged_keys_briefly
  step "Redis is installed" install_redis
  step "Redis starts" start_redis
  step "rates are limited in Redis as in the process" test_limits_on_redis
  rehearsal
fi

step "a clip is made" make_clip
step "players are installed" install_players
step "a film is made for them" make_film
step "doctor says what nginx leaves to be done" examine_nginx
[[ "$embedded_only" == true ]] || end_to_end s3 "$bucket/end-to-end"
end_to_end file "file://$work/file/files"
encrypted
clock_jumps
durability
disks file "file://$work/disks-file/files"
[[ "$embedded_only" == true ]] || disks s3 "$bucket/disks"
[[ "$embedded_only" == true ]] || kills_beyond_one_machine
[[ "$embedded_only" == true ]] || on_postgres
described
names
moving
backup
[[ "$embedded_only" == true ]] || backup_beyond_one_machine
clients
watched
newcomer
restarts
deployable
