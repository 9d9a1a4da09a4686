# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# Both services on Postgres, each with its own role, while the server comes and goes.

on_postgres() {
  kind=postgres storage="file://$work/postgres-services/files" folder="$work/postgres-services"
  step "postgres: the database and its roles are made, twice" make_roles_twice
  step "postgres: the services start" start_services_of_users
  step "postgres: a clip is uploaded and listed" upload_clip
  step "postgres: its owner gets a signed URL" sign_url
  step "postgres: a download is the file, byte for byte" download_all
  step "postgres: fsck removes what belongs to nothing, and nothing else" fsck_storage
  step "postgres: the gateway's role can read and nothing else" gateway_only_reads
  step "postgres: while the server is away, 503 and what is known" serve_without_postgres
  step "postgres: when it is back, so is everything" recover_with_postgres
  step "postgres: a deleted file is gone, its URL and its object" delete_clip
  step "postgres: SIGTERM ends both services with exit code 0" stop_services
  step "postgres: no log holds a secret, a token or a signature" logs_hold_no_secret
  unset signer_catalog gateway_catalog
}

make_roles_twice() {
  make_roles
  make_roles
}

# As the gateway's role: one statement.
gateway_sql() {
  "$postgres_bin/psql" -qAt -v ON_ERROR_STOP=1 "$gateway_catalog" -c "$1"
}

gateway_only_reads() {
  local statement
  expect_equal "the files that it sees" "$(gateway_sql "SELECT count(*) FROM files")" 1
  for statement in "INSERT INTO users (id) VALUES ('user_x')" "UPDATE files SET state = 'ready'" "DELETE FROM changes" \
    "TRUNCATE files" "DROP TABLE files" "CREATE TABLE mine (a INT)" "CREATE TEMP TABLE mine (a INT)" \
    "CREATE SCHEMA mine" "SELECT pg_read_file('/etc/hostname')"; do
    if gateway_sql "BEGIN; SET TRANSACTION READ WRITE; $statement; COMMIT" >>"$work/logs/roles.log" 2>&1; then
      echo "the gateway's role may: $statement" >&2
      return 1
    fi
  done
}

serve_without_postgres() {
  local other unknown
  as user_alice 200 -F "file=@$check/token.mjs" "$signer/files/upload"
  other=$(answer it.data.file.id)
  unknown=$(node "$check/signed_url.mjs" v1 "$gateway" "$other" user_alice)
  remember_signature "$unknown"
  untouched=$(objects)
  # Whoever is connected is cut off, as by a crash.
  kill -QUIT "$postgres_pid"
  wait "$postgres_pid" || true
  expect_catalog_away as user_alice 503 "$signer/files"
  expect_catalog_away as user_alice 503 -F "file=@$check/token.mjs" "$signer/files/upload"
  expect_catalog_away as user_alice 503 -X DELETE "$signer/files/$file_id"
  expect_catalog_away expect_status 503 "$unknown"
  expect_status 206 --range 0-1 "$url"
  wait_until 30 "/readyz of both says so" are_ready 503
  expect_status 206 --range 0-1 "$url"
}

expect_catalog_away() {
  local began=$SECONDS
  "$@"
  expect_equal code "$(answer it.code)" catalog_unavailable
  expect_equal Retry-After "$(header retry-after | grep -c '^[0-9]\+$')" 1
  ((SECONDS - began <= 20))
}

are_ready() { # status of both
  local address
  for address in "$SIGNER_INTERNAL_LISTEN" "$GATEWAY_ADMIN_LISTEN"; do
    [[ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 20 "http://$address/readyz")" == "$1" ]] || return 1
  done
}

recover_with_postgres() {
  run_postgres
  wait_until 60 "/readyz of both says so" are_ready 200
  as user_alice 200 "$signer/files"
  expect_equal "the files listed: no more, no less" "$(answer it.data.files.length)" 2
  download_all
  # The object of an upload that nobody could list stays until it is certain that there is no row.
  untouched=$(objects | grep -v "$file_id")
}
