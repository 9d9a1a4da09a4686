# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# `deploy/backup.md`, acted out: copies while the services run, then the loss of the catalog, then that of everything.

readonly backup_page="$PWD/deploy/backup.md"

backup() {
  backup_rehearsal backup-sqlite "file://$work/backup-sqlite/files" sqlite folder
}

backup_beyond_one_machine() {
  "$postgres_bin/psql" -q -c "DROP DATABASE IF EXISTS files WITH (FORCE)" "$postgres_url"
  make_roles
  install_debian_packages rclone:rclone
  backup_rehearsal backup-postgres "$bucket/backup" postgres bucket
  unset signer_catalog gateway_catalog
}

backup_rehearsal() { # kind, storage URL, kind of catalog, kind of storage
  kind="$1" folder="$work/$1" storage="$2" catalog_kind="$3" storage_kind="$4" small="$check/token.mjs"
  step "$kind: the services start" start_backed_up
  step "$kind: the catalog is copied, then storage, while files come and go" copy_both
  step "$kind: more comes and goes, and the catalog is put back under the gateway" restore_catalog
  step "$kind: fsck tells what there is to do, and it is done" settle_after_restore
  step "$kind: links that were revoked are refused under new secrets" change_secrets
  step "$kind: everything is lost and put back, and every link is right byte for byte" restore_everything
  step "$kind: SIGTERM ends both services with exit code 0" stop_services
  step "$kind: no log holds a secret, a token or a signature" logs_hold_no_secret
}

start_backed_up() {
  install_debian_packages sqlite3:sqlite3 rsync:rsync
  start_services_of_users
  sign_in user_admin admin
  # What the page's commands are given.
  export DATA="$folder" BACKUP="$folder/backup" BUCKET="${storage#s3://}" API="$signer"
  export RCLONE_CONFIG=/dev/null RCLONE_CONFIG_STORE_TYPE=s3 RCLONE_CONFIG_STORE_PROVIDER=Other RCLONE_CONFIG_STORE_ENV_AUTH=true
  export RCLONE_CONFIG_STORE_ENDPOINT="${AWS_ENDPOINT:-}"
  mkdir -p "$BACKUP"
  [[ "$catalog_kind" != postgres ]] || take_password_out
}

# Of `signer_catalog`.
take_password_out() {
  local before="${signer_catalog%%:*}://files_signer" password
  password="${signer_catalog#"$before:"}"
  export CATALOG="$before@${password#*@}" PGPASSFILE="$folder/pgpass"
  (umask 077 && printf '*:*:*:files_signer:%s\n' "${password%%@*}" >"$PGPASSFILE")
}

# Name, user, file, whose content: uploads it, and keeps its id and a link.
store() {
  as "$2" 200 -T "$3" "$signer/files/raw/$1.bin"
  ids[$1]=$(answer it.data.file.id)
  issue "$1" "$2"
}

issue() { # name, user
  as "$2" 200 -X POST "$signer/files/${ids[$1]}/signed-url"
  links[$1]=$(answer it.data.url)
  remember_signature "${links[$1]}"
}

delete() { # name, user
  as "$2" 200 -X DELETE "$signer/files/${ids[$1]}"
}

serves() { # name, file
  expect_status 200 "${links[$1]}"
  cmp "$work/$body" "$2"
}

await_link() { # status, name
  wait_until 30 "the link of $2 is $1" is_link "$1" "$2"
}

is_link() {
  [[ "$(curl -s -o /dev/null -w '%{http_code}' --range 0-1 "${links[$2]}")" == "$1" ]]
}

copy_both() {
  declare -gA ids=() links=()
  store film user_alice "$clip"
  store note user_alice "$small"
  store revoked user_alice "$small"
  store deleted user_alice "$small"
  store between user_bob "$small"
  delete note user_alice
  run_documented "$backup_page" "$catalog_kind-copy"
  store arrived user_bob "$small"
  delete between user_bob
  wait_until 60 "the object of what was deleted is gone" has_no_object between
  run_documented "$backup_page" "$storage_kind-copy"
}

has_no_object() {
  ! objects | grep -q "${ids[$1]}"
}

restore_catalog() {
  store later user_alice "$clip"
  as user_alice 200 -X POST "$signer/files/${ids[revoked]}/revoke-urls"
  await_link 403 revoked
  delete deleted user_alice
  await_link 404 deleted
  wait_until 60 "the object of what was deleted is gone" has_no_object deleted
  serves later "$clip"

  stop "$signer_pid"
  run_documented "$backup_page" "$catalog_kind-restore"
  await_link 404 later
  await_link 206 revoked
  serves film "$clip"
  SIGNER_GC_SECONDS=0 start_signer "$folder"
  # What ends access now has a number that the gateway has read before.
  store fresh user_alice "$small"
  is_link 206 fresh
  delete fresh user_alice
  await_link 404 fresh
  serves film "$clip"
  # The gateway ran all the while.
  expect_equal "the gaps that it saw" "$(gateway_metric gateway_feed_gaps_total)" 1
}

gateway_metric() {
  curl -sSf "http://$GATEWAY_ADMIN_LISTEN/metrics" | sed -n "s/^$1 //p"
}

settle_after_restore() {
  local token
  wait_until 60 "the object of what was deleted is gone" has_no_object fresh
  await_link 404 deleted
  fsck 1 --older-than 0s
  expect_equal "what is missing" "$(found missing)" "$(ids_of between deleted)"
  expect_equal "what belongs to nothing" "$(found orphan)" "$(ids_of arrived later)"
  token=$(sed 's/.*Bearer //' "$work/user_admin.header")
  (cd "$folder" && ADMIN_TOKEN="$token" run_documented "$backup_page" delete-missing)
  fsck 1 --older-than 0s --repair
  fsck 0 --older-than 0s
  await_link 404 later
  serves film "$clip"
}

# Kind of finding: the ids of its files, in order.
found() {
  sed -nE "s/^$1 (.* of file |object )([A-Za-z0-9_-]+).*/\2/p" "$work/fsck.out" | sort | xargs
}

ids_of() { # names
  local name
  for name in "$@"; do echo "${ids[$name]}"; done | sort | xargs
}

change_secrets() {
  is_link 206 revoked
  stop_services
  FILE_SIGNING_SECRET=$(new_secret)
  FILE_SIGNING_KEYS="k3:$(new_secret)"
  export FILE_SIGNING_SECRET FILE_SIGNING_KEYS
  start_signer "$folder"
  start_gateway "$folder"
  is_link 403 revoked
  is_link 403 film
  issue film user_alice
  issue revoked user_alice
  serves film "$clip"
}

restore_everything() {
  stop_services
  lose_everything
  run_documented "$backup_page" "$catalog_kind-restore"
  run_documented "$backup_page" "$storage_kind-restore"
  SIGNER_GC_SECONDS=0 start_signer "$folder"
  start_gateway "$folder"
  fsck 1 --older-than 0s
  expect_equal "what is missing" "$(found missing)" "$(ids_of between)"
  expect_equal "what belongs to nothing" "$(found orphan)" "$(ids_of arrived)"
  accept_copies
  serves film "$clip"
  serves revoked "$small"
  issue deleted user_alice
  serves deleted "$small"
}

lose_everything() {
  case "$catalog_kind" in
    sqlite) rm "$folder"/catalog.db* ;;
    postgres) "$postgres_bin/psql" -qAt "$signer_catalog" -c "DELETE FROM files" -c "DELETE FROM changes" ;;
  esac
  case "$storage_kind" in
    folder) rm -r "$folder/files" ;;
    bucket) rclone delete "store:$BUCKET" ;;
  esac
  rm -rf "$GATEWAY_CACHE_DIR"
}

# The film was written in parts, and is one piece now.
accept_copies() {
  local film=""
  if [[ "$storage_kind" == bucket ]]; then
    film="${ids[film]}"
    expect_status 502 "${links[film]}"
    expect_equal "the refusal's code" "$(answer it.code)" storage_changed
  fi
  expect_equal "what has changed" "$(found changed)" "$film"
  expect_code 1 run_documented "$backup_page" accept >"$work/fsck.out"
  expect_equal "what was accepted" "$(found accepted)" "$film"
  expect_equal "what has changed now" "$(found changed)" ""
  [[ -z "$film" ]] || await_link 206 film
}
