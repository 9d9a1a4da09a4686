#!/usr/bin/env bash
# How long it takes from the API's answer to the gateway's refusal, on SQLite and on Postgres: both services as processes
# of their own, and a file that the gateway served a moment ago.
#
#   bash loadtest/revocation.sh            100 deletions on each, about two minutes
#   bash loadtest/revocation.sh --quick    10
#
# Prints p50, p99 and the longest. Exits 1 when one took longer than the contract's 2 s, and half a second that a busy
# machine may add.
set -euo pipefail
shopt -s inherit_errexit
deletions=100
case "$*" in
  "") ;;
  --quick) deletions=10 ;;
  --help) sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" && exit ;;
  *) echo "usage: bash loadtest/revocation.sh [--quick]" >&2 && exit 64 ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/check/components.sh
source "$PWD/deploy/check/components.sh"
# shellcheck source=deploy/check/install.sh
source "$check/install.sh"

measure() { # name
  local folder="$work/$1"
  make_token_key
  sign_in user_alice
  RATE_LIMIT=1000000/1h start_services "file://$folder/files" "$folder"
  python3 loadtest/revocation.py "$1" "$deletions" "$signer" "$work/user_alice.header"
  stop_services
}

begin_work
trap end_work EXIT
trap 'show_logs; exit 1' ERR
cargo build --quiet --locked --release --workspace
install_database_server
measure sqlite
start_postgres
make_roles
measure postgres
