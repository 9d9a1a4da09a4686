# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# Both services while the wall's clock jumps by a day, there and back, under libfaketime; time that passes goes on as it does.
# What expires does so by the wall's clock; what is counted, cached or waited for goes by the time that passed.

readonly hours=3600 day=86400

clock_jumps() {
  kind=clock storage="file://$work/clock/files" folder="$work/clock"
  step "clock: the services start on a clock that can be set" start_on_clock
  step "clock: a clip is uploaded and listed" upload_clip
  step "clock: its owner gets a signed URL" sign_url
  step "clock: a token is good exactly while the wall says so" expire_token
  step "clock: a URL is good exactly while the wall says so" expire_urls
  step "clock: a limit neither starts anew nor holds for a day" keep_limits
  step "clock: keys are fetched as seldom as before, and as often" keep_fetching
  step "clock: a repeated upload is still the same" repeat_upload
  step "clock: a download and an upload on their way arrive" carry_on
  step "clock: the gateway hears of deletions" hear_of_deletions
  step "clock: SIGTERM ends both services with exit code 0" stop_services
  step "clock: no log or metric holds a secret, a token or a signature" logs_hold_no_secret
}

# Key server, tiers and clock are those of this run. The services alone see the clock.
start_on_clock() {
  local key_port
  make_token_key
  key_port=$(python3 "$check/free_ports.py" 1)
  mkdir -p "$folder"
  start clock-keys node "$check/key_server.mjs" "$key_port" "" "" "$work/clerk.pub.pem"
  wait_until_ready "$started" "http://127.0.0.1:$key_port/"
  printf '[brisk]\nrate = "3/10s"\n' >"$folder/tiers.toml"
  set_clock 0
  clock=(LD_PRELOAD="$(find /usr/lib -name libfaketimeMT.so.1 | head -n 1)" FAKETIME_TIMESTAMP_FILE="$folder/clock"
    FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1)
  export CLERK_JWKS_URL="http://127.0.0.1:$key_port/jwks" SIGNER_TIERS="$folder/tiers.toml" RATE_LIMIT=10/1h
  export "${clock[@]}"
  start_services "$storage" "$folder"
  unset CLERK_JWKS_URL SIGNER_TIERS RATE_LIMIT "${clock[@]%%=*}"
  sign_in user_alice
  sign_in user_bob
  untouched=$(objects)
}

# Seconds that the services' clock is ahead; renamed into place, so that it is never read half.
set_clock() {
  ahead=$1
  printf '%+d\n' "$1" >"$folder/clock.new"
  mv "$folder/clock.new" "$folder/clock"
}

# As `sign_in`, by the services' clock.
sign_in_now() {
  (
    export "${clock[@]}"
    sign_in "$@"
  )
}

# As `as`, with a token of now.
as_now() {
  sign_in_now "$1"
  as "$@"
}

# --- the steps ---

expire_token() {
  as user_bob 200 "$signer/files"
  set_clock "$day"
  as user_bob 401 "$signer/files"
  expect_equal code "$(answer it.code)" token_expired
  as_now user_alice 200 "$signer/files"
  set_clock "-$day"
  as user_bob 401 "$signer/files"
  expect_equal code "$(answer it.code)" token_invalid
  as_now user_alice 200 "$signer/files"
  set_clock 0
  as user_bob 200 "$signer/files"
}

expire_urls() {
  local version_2
  version_2=$(node "$check/signed_url.mjs" v2 "$gateway" "$file_id" user_alice)
  remember_signature "$version_2"
  expect_status 200 "$version_2"
  set_clock "$day"
  for signed in "$url" "$version_2"; do
    expect_status 410 "$signed"
    expect_equal code "$(answer it.code)" expired
  done
  expect_equal "seconds since" "$(answer "it.expired_seconds_ago > $day - 2 * $hours && it.expired_seconds_ago < $day")" true
  set_clock "-$day"
  expect_status 200 "$url"
  cmp "$work/$body" "$clip"
  expect_status 403 "$version_2"
  expect_equal code "$(answer it.code)" not_yet_valid
  set_clock 0
  expect_status 200 "$version_2"
}

# Alice has made two calls that count, of 10 in an hour.
keep_limits() {
  local left jump
  for left in 7 6 5 4 3 2 1 0; do
    jump=$((left % 3 - 1))
    set_clock $((jump * day))
    as_now user_alice 404 -X POST "$signer/files/none/signed-url"
    expect_equal "the calls left" "$(header x-ratelimit-remaining)" "$left"
    expect_equal "the reset, within the hour" "$(($(header x-ratelimit-reset) / 1000 - $(date +%s) - ahead <= hours + 1))" 1
  done
  as_now user_alice 429 -X POST "$signer/files/none/signed-url"
  expect_equal "Retry-After, within the hour" "$(($(header retry-after) <= hours))" 1

  set_clock "$day"
  sign_in_now user_brisk "" brisk
  wait_until 30 "the brisk user's window is full" brisk_is_answered 429
  expect_equal "Retry-After, within the window" "$(($(header retry-after) <= 10))" 1
  set_clock "-$day"
  sign_in_now user_brisk "" brisk
  wait_until 60 "a call fits in the window again" brisk_is_answered 404
  set_clock 0
}

brisk_is_answered() { # status
  as user_brisk "$1" -X POST "$signer/files/none/signed-url" 2>/dev/null
}

# One fetch in ten seconds, however the clock jumps in between.
keep_fetching() {
  local began=$SECONDS before jump
  before=$(key_fetches)
  for jump in 1 -1 2 -2 3 -3 4 -4; do
    set_clock $((jump * day))
    name_unknown_key
  done
  set_clock 0
  expect_equal "fetches, at most one in 10 s" "$(($(key_fetches) - before <= 1 + (SECONDS - began) / 10))" 1
  before=$(key_fetches)
  wait_until 60 "an unknown key is asked for again" is_fetched_again "$before"
}

key_fetches() {
  curl -sSf "http://$SIGNER_INTERNAL_LISTEN/metrics" | awk '/^signer_key_fetches_total/ { sum += $2 } END { print sum + 0 }'
}

name_unknown_key() {
  local header
  header=$(printf '{"alg":"RS256","typ":"JWT","kid":"unknown-%d"}' "$RANDOM" | base64 -w 0 | tr -d '=' | tr '/+' '_-')
  expect_status 401 -H "Authorization: Bearer $header.e30.AAAA" "$signer/files"
}

is_fetched_again() { # fetches before
  name_unknown_key
  (($(key_fetches) > $1))
}

repeat_upload() {
  local first jump
  sign_in user_carol
  as user_carol 200 -H "Idempotency-Key: once" -F "file=@$check/token.mjs" "$signer/files/upload"
  first=$(answer it.data.file.id)
  for jump in $((12 * hours)) "-$day" 0; do
    set_clock "$jump"
    as_now user_carol 200 -H "Idempotency-Key: once" -F "file=@$check/token.mjs" "$signer/files/upload"
    expect_equal "the file" "$(answer it.data.file.id)" "$first"
  done
  as user_carol 200 -X DELETE "$signer/files/$first"
}

# Longer than a moment each, while the clock jumps; no timeout is that of a day.
carry_on() {
  local transfers=() jump
  sign_in user_dora
  curl -sSf --limit-rate 2M -o "$folder/downloaded" "$url" &
  transfers+=("$!")
  curl -sSf --limit-rate 10M -H "@$work/user_dora.header" -F "file=@$big_upload" -o "$folder/uploaded" "$signer/files/upload" &
  transfers+=("$!")
  for jump in 1 -1 1 -1 1 -1; do
    sleep 0.5
    set_clock $((jump * day))
  done
  set_clock 0
  wait "${transfers[0]}"
  wait "${transfers[1]}"
  cmp "$folder/downloaded" "$clip"
  expect_equal "the upload's sha256" "$(json it.data.file.sha256 <"$folder/uploaded")" "$(sha256sum "$big_upload" | cut -d ' ' -f 1)"
  as user_dora 200 -X DELETE "$signer/files/$(json it.data.file.id <"$folder/uploaded")"
  rm "$folder/downloaded" "$folder/uploaded"
}

hear_of_deletions() {
  local jump
  for jump in "$day" "-$day" 0; do
    set_clock "$jump"
    sign_in_now user_erin
    as user_erin 200 -F "file=@$check/token.mjs" "$signer/files/upload"
    delete_of_erin "$(answer it.data.file.id)"
    expect_equal "/readyz of both" "$(are_ready 200 && echo 200)" 200
  done
  as_now user_alice 200 -X DELETE "$signer/files/$file_id"
  wait_until 30 "the clip's URL is 404" is_not_found "$url"
  keep_metrics
}

delete_of_erin() { # file id
  local theirs
  as user_erin 200 -X POST "$signer/files/$1/signed-url"
  theirs=$(answer it.data.url)
  remember_signature "$theirs"
  expect_status 200 "$theirs"
  as user_erin 200 -X DELETE "$signer/files/$1"
  wait_until 30 "the deleted file's URL is 404" is_not_found "$theirs"
}
