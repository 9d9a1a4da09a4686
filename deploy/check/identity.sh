# shellcheck shell=bash
# Tokens and webhooks against the libraries of those who make them.

compare_tokens() {
  # As the tests have built it.
  cargo build --locked --workspace --example judge
  NODE_PACKAGES="$node_packages_folder" node "$check/tokens/compare.mjs" "$(target_folder)/debug/examples/judge" "$work"
}

# Of a user whose only file has a URL: banned, let in again, deleted.
hear_of_users() {
  local file theirs before
  before=$(objects)
  sign_in user_carol
  as user_carol 200 -F "file=@$check/requirements.txt" "$signer/files/upload"
  file=$(answer it.data.file.id)
  as user_carol 200 -X POST "$signer/files/$file/signed-url"
  theirs=$(answer it.data.url)
  remember_signature "$theirs"
  expect_status 200 "$theirs"

  expect_equal "a creation" "$(told user.created user_carol 1000)" "200 applied"
  expect_equal "a ban" "$(told user.updated user_carol 2000 '{"banned": true}')" "200 applied"
  as user_carol 403 "$signer/files"
  expect_equal "code" "$(answer it.code)" user_blocked
  expect_equal "the end of the ban, late" "$(told user.updated user_carol 1999 '{"banned": false}')" "200 stale"
  as user_carol 403 "$signer/files"
  expect_equal "the end of the ban" "$(told user.updated user_carol 2001 '{"banned": false}')" "200 applied"
  as user_carol 200 "$signer/files"

  expect_equal "a forged deletion" "$(WEBHOOK_SECRET="whsec_$(new_secret)" \
    told user.deleted user_carol 3000)" "400 webhook_signature"
  as user_carol 200 "$signer/files"
  expect_equal "a deletion" "$(WEBHOOK_ID=msg_deletion told user.deleted user_carol 3000)" "200 applied"
  as user_carol 403 "$signer/files"
  expect_equal "the same again" "$(WEBHOOK_ID=msg_deletion told user.deleted user_carol 3000)" "200 repeated"
  expect_equal "a creation afterwards" "$(told user.created user_carol 4000)" "200 stale"
  wait_until 30 "the deleted user's URL is 404" is_not_found "$theirs"
  wait_until 60 "the deleted user's object is gone" storage_is "$before"
}

# Type, user, Unix milliseconds, fields of the user: status and what it did, or the refusal's code.
told() {
  NODE_PACKAGES="$node_packages_folder" WEBHOOK_SECRET="${WEBHOOK_SECRET:-$CLERK_WEBHOOK_SIGNING_SECRET}" \
    node "$check/webhook.mjs" "$signer/webhooks/clerk" "$@"
}

is_not_found() { # URL
  [[ "$(curl -s -o /dev/null -w '%{http_code}' --range 0-1 "$1")" == 404 ]]
}

storage_is() { # as `objects` printed it
  [[ "$(objects)" == "$1" ]]
}
