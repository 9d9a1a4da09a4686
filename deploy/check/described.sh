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
  step "described: an upload meets each method of its URL" resume_by_each_method
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
    SIGNER_SERVICE_TOKENS="$(service_token_entry check "$service_token")" start_services "$storage" "$folder"
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

# The protocol of uploads has answers of its own to a header that is missing.
fuzz_as_user() {
  fuzz user_alice "$signer" --exclude-tag admin --exclude-tag internal --exclude-tag resumable
  left_out=positive_data_acceptance,negative_data_rejection,missing_required_header \
    fuzz user_alice "$signer" --include-tag resumable
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
# out, a time that is past): `positive_data_acceptance` is left out of the checks, and what `left_out` names besides.
fuzz() {
  local who="$1" base="$2"
  shift 2
  (cd "$folder" && SCHEMATHESIS_HOOKS="$check/media_types.py" "$schemathesis" run "$description" --url "$base" \
    -H "$(<"$work/$who.header")" "$@" \
    --exclude-checks "${left_out:-positive_data_acceptance}" --continue-on-failure --seed 1 --max-examples 150 --workers 1 \
    --generation-database none --warnings off --no-color) >"$work/fuzz.log" 2>&1 && tail -n 12 "$work/fuzz.log" && return
  redacted <"$work/fuzz.log" >&2
  return 1
}

# Nobody makes up the URL of an upload.
resume_by_each_method() {
  local upload bytes=(-H "Content-Type: application/offset+octet-stream" --data-binary hello)
  as user_alice 204 -X OPTIONS "$signer/files/tus"
  speak 201 -X POST -H "Upload-Length: 11" "$signer/files/tus"
  upload="http://$SIGNER_LISTEN$(header location)"
  printf '%s\n' "${upload##*/}" >>"$work/secrets"
  as user_alice 204 -X OPTIONS "$upload"
  speak 204 -X PATCH -H "Upload-Offset: 0" "${bytes[@]}" "$upload"
  speak 204 -X POST -H "X-HTTP-Method-Override: PATCH" -H "Upload-Offset: 5" "${bytes[@]}" "$upload"
  speak 200 --head "$upload"
  expect_equal "the offset" "$(header upload-offset)" 10
  speak 204 -X DELETE "$upload"
}

speak() { # status, curl's arguments: in the protocol of uploads
  as user_alice "$1" -H "Tus-Resumable: 1.0.0" "${@:2}"
}

# Or else refusals are all that was looked at.
every_operation_was_done() {
  keep_metrics
  node "$check/done.mjs" "$description" "$metrics"
}
