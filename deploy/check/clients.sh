# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# The JavaScript client in Node and in Chromium, and the page for the main API, against both services.

clients() {
  kind=clients storage="file://$work/clients/files" folder="$work/clients"
  step "clients: its types are those of its code" keep_types
  step "clients: it signs as the golden vectors have it, and waits as it is asked to" try_in_node
  step "clients: the services start for pages of another origin" start_services_of_pages
  step "clients: Node calls the API, and uploads over a line that is cut" call_in_node
  step "clients: a page plays over the expiry of its links, and uploads" call_in_chromium
  step "clients: what the page for the main API shows does what it says" follow_main_api
  step "clients: SIGTERM ends both services with exit code 0" stop_services
  step "clients: no log or refusal holds a secret, a token or a signature" logs_hold_no_secret
}

# From the comments in the code, as the compiler reads them.
keep_types() {
  local packages="$node_packages_folder/node_modules" made="$work/types"
  "$packages/.bin/tsc" -p proto/js --typeRoots "$packages/@types" --types node --outDir "$made"
  diff -r "$made" proto/js/types
}

try_in_node() {
  node --test --test-reporter=dot proto/js/tests/sign.test.mjs proto/js/tests/playback.test.mjs
}

start_services_of_pages() {
  local line_port token
  read -r page_port line_port < <(python3 "$check/free_ports.py" 2)
  token=$(new_secret)
  service_token="$token"
  export ALLOWED_ORIGINS="http://127.0.0.1:$page_port" RATE_LIMIT=1000/1h
  SIGNER_SERVICE_TOKENS=$(service_token_entry main-api "$token")
  export SIGNER_SERVICE_TOKENS
  start_services_of_users
  unset ALLOWED_ORIGINS RATE_LIMIT SIGNER_SERVICE_TOKENS
  start clients-line node "$check/resumable/cutting_proxy.mjs" "$line_port" "${SIGNER_LISTEN##*:}"
  line="http://127.0.0.1:$line_port/api"
  wait_until "$ready_seconds" "the line is there" curl -sf -o /dev/null "$line/system/health"
}

call_in_node() {
  API="$signer" LINE="$line" TOKEN="$work/user_alice.header" TMPDIR="$work" \
    node --test --test-reporter=dot proto/js/tests/client.test.mjs
}

call_in_chromium() {
  API="$signer" LINE="$line" TOKEN="$work/user_alice.header" CLIP="$clip" PLAYWRIGHT="$playwright" TMPDIR="$work" \
    node proto/js/tests/in_chromium.mjs "$page_port"
}

# Each example registers an object, and prints a link that it was given and one that it signed.
follow_main_api() {
  local language link tried=0
  mkdir -p "$folder/files/videos"
  cp "$clip" "$folder/files/videos/17.mp4"
  for language in js python; do
    example_in "$language" >"$work/example.txt"
    while read -r _ link; do
      remember_signature "$link"
      expect_status 200 "$link"
      cmp "$work/$body" "$clip"
      tried=$((tried + 1))
    done <"$work/example.txt"
  done
  expect_equal "the links that were tried" "$tried" 4
}

# The first example in that language, run as it stands on the page.
example_in() {
  local -x SIGNER="http://$SIGNER_INTERNAL_LISTEN" SERVICE_TOKEN="$service_token" FILES="$gateway" OBJECT=videos/17.mp4 OWNER=user_alice
  case "$1" in
    js) documented proto/main-api.md in-node >"$work/example.mjs" && (cd proto/js && node --input-type=module <"$work/example.mjs") ;;
    python) documented proto/main-api.md in-python >"$work/example.py" && python3 "$work/example.py" ;;
  esac
}
