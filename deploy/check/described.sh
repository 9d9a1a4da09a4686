# shellcheck shell=bash
# The signer against its own description: a validator of OpenAPI, then thousands of requests that schemathesis makes up from
# it, good and bad, at the most talkative level of the log.

described() {
  kind=described storage="file://$work/described/files" folder="$work/described"
  step "described: the services start" start_described
  step "described: the API's description is valid OpenAPI 3.1" validate_description
  step "described: a user meets no answer that is not described" fuzz_as_user
  step "described: a service meets none" fuzz_as_service
  step "described: an admin meets none" fuzz_as_admin
  step "described: every operation was also done" every_operation_was_done
  step "described: SIGTERM ends both services with exit code 0" stop_services
  step "described: no log or metric holds a secret, a token or a signature" logs_hold_no_secret
}

start_described() {
  local service_token
  service_token=$(new_secret)
  printf 'Authorization: Bearer %s\n' "$service_token" >"$work/service.header"
  make_token_key
  sign_in user_alice
  sign_in user_admin admin
  sign_in user_blocker admin
  RATE_LIMIT=1000000/1h \
    SIGNER_SERVICE_TOKENS="check:$(printf %s "$service_token" | sha256sum | cut -d ' ' -f 1)" start_services "$storage" "$folder"
  # What the document's examples name.
  mkdir -p "$folder/files/videos"
  cp "$clip" "$folder/files/videos/17.mp4"
  as user_alice 200 -F "job_id=job_1" -F "file=@$clip;type=video/mp4" "$signer/files/upload"
}

validate_description() {
  description="$work/openapi.json"
  curl -sSf -o "$description" "$signer/openapi.json"
  "$python" -m openapi_spec_validator "$description"
}

fuzz_as_user() {
  fuzz user_alice "$signer" --exclude-tag admin --exclude-tag internal
}

# Who may block users finds out whom to block: themselves. So that comes last, and by another.
fuzz_as_admin() {
  fuzz user_admin "$signer" --include-tag admin --exclude-operation-id blockUser
  fuzz user_blocker "$signer" --include-operation-id blockUser
}

fuzz_as_service() {
  fuzz service "http://$SIGNER_INTERNAL_LISTEN" --include-tag internal
}

# Whose header, base URL, which operations. A request that fits its schema may still be refused (a cursor that nobody gave
# out, a time that is past): of all checks only `positive_data_acceptance` is left out.
fuzz() {
  local who="$1" base="$2"
  shift 2
  (cd "$folder" && "$schemathesis" run "$description" --url "$base" -H "$(<"$work/$who.header")" "$@" \
    --exclude-checks positive_data_acceptance --continue-on-failure --seed 1 --max-examples 150 --workers 1 \
    --generation-database none --warnings off --no-color) >"$work/fuzz.log" 2>&1 && tail -n 12 "$work/fuzz.log" && return
  redacted <"$work/fuzz.log" >&2
  return 1
}

# Or else refusals are all that was looked at.
every_operation_was_done() {
  keep_metrics
  node "$check/done.mjs" "$description" "$metrics"
}
