#!/usr/bin/env bash
# Whether signing and listing stay as fast with 10 million files in the catalog as with few, on SQLite and on Postgres.
#
#   bash loadtest/many-rows.sh      about fifteen minutes, at most an hour; needs 20 GB of disk in the temporary folder
#
#   --rows N          in the large catalog; 10000000 unless given
#   --seconds N       of each measurement; 3 unless given
#   --signer PATH     measures that binary; builds nothing if it is there
#   --quick           100,000 rows, one second: shows that it works
#
# Users have 100 files each, but for one who has a hundredth of all. First the small catalog, of 64 users, is measured;
# then rows are added. Lists are asked for one after the other: the first page, a page from the middle of the large
# user's files, and their pages of one media type that a thousandth of them has. What Postgres makes of the statements
# is printed besides, as its EXPLAIN shows it.
set -euo pipefail
shopt -s inherit_errexit
[[ "${1:-}" != --help ]] || { sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" && exit; }
[[ -n "${T2M_BOUNDED:-}" ]] || T2M_BOUNDED=yes exec timeout --kill-after=30 3600 bash "$0" "$@"

# shellcheck source=loadtest/measure.sh
source "$(dirname "${BASH_SOURCE[0]}")/measure.sh"
# shellcheck source=loadtest/signing/parts.sh
source "$root/loadtest/signing/parts.sh"

option=([rows]=10000000 [seconds]=3 [signer]="")
quick_option=([rows]=100000 [seconds]=1)
path_options="signer"
readonly users=64 files_of_each=100

# Words for the catalog, files of user_0.
measure_catalog() {
  local name
  for name in sqlite postgres; do
    echo "$name ${server_pid[$name]} ${server_url[$name]}"
  done | python3 "$signing/flat.py" "$work/asked.tsv" "$load_core" "${option[seconds]}" "$1" "$work/figures.json" "$2"
}

# The plans of what a signer asks Postgres for one list of each kind and one URL, as its own log has them.
explain() {
  local token query
  "$postgres_bin/psql" --quiet "$postgres_url" --command "ALTER ROLE postgres SET session_preload_libraries = 'auto_explain'" \
    --command "ALTER ROLE postgres SET auto_explain.log_min_duration = 0" --command "ALTER ROLE postgres SET auto_explain.log_analyze = on"
  start_measured_signer explained "$postgres_url"
  : >"$work/logs/postgres.log"
  token=$(awk -F '\t' '$1 == "user_0" { print $2 }' "$work/asked.tsv")
  for query in "" "?content_type=audio/" "?job_id=job_7"; do
    curl -sSf -o /dev/null -H "@-" "${server_url[explained]}/api/files$query" <<<"Authorization: Bearer $token"
  done
  curl -sSf -o /dev/null -X POST -H "@-" "${server_url[explained]}/api/files/u0f7/signed-url" <<<"Authorization: Bearer $token"
  sed -n 's/^\t//p' "$work/logs/postgres.log"
}

read_options "$@"
begin_with_signer
start_postgres_beside_load
node "$signing/tokens.mjs" "$work/clerk.pem" "$users" "$files_of_each" >"$work/asked.tsv"
start_measured_signer sqlite "sqlite://$work/catalog.db"
start_measured_signer postgres "$postgres_url"
large=$((option[rows] / 100))
add_rows "$users" "$files_of_each"
measure_catalog "$((users * files_of_each)) rows" "$files_of_each"
add_rows "$large" "$large"
measure_catalog "${option[rows]} rows" "$large"
python3 "$signing/flat.py" --table "$work/figures.json"
explain
end_servers sqlite postgres explained
conclude 0
