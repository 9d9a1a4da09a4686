# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# `deploy/moving.md`, acted out: an old handler in Node behind nginx, whose links go on working while its work is taken over.

readonly moving_page="$PWD/deploy/moving.md"

moving() {
  kind=moving folder="$work/moving" storage="file://$work/moving/files"
  step "moving: an old handler issues links and serves them" start_old_handler
  step "moving: a rehearsal of the import tells what is wrong and writes nothing" rehearse_import
  step "moving: the import registers the files under their ids" import_files
  step "moving: links of the old handler are the gateway's to answer, byte for byte" move_links
  step "moving: the signer issues links in its place, under the same ids" move_api
  step "moving: back again, the old handler takes the signer's links" move_back
  step "moving: SIGTERM ends both services with exit code 0" stop_services
  step "moving: no log holds a secret, a token or a signature" logs_hold_no_secret
}

start_old_handler() {
  local handler front
  read -r handler front < <(python3 "$check/free_ports.py" 2)
  once unpack_nginx
  mkdir -p "$folder/files/users/user_alice" "$folder/files/users/user_bob" "$folder/proxy"
  cp "$clip" "$folder/files/users/user_alice/clip.mp4"
  head -c 100000 /dev/urandom >"$folder/files/users/user_bob/notes, \"old\".bin"
  cat >"$folder/files.csv" <<'CSV'
file_id,path,user_id,filename,content_type,job_id,created_at
507f1f77bcf86cd799439011,users/user_alice/clip.mp4,user_alice,Holiday été.mp4,video/mp4,job_7,2024-02-29T12:00:00Z
Bob-1_a,"users/user_bob/notes, ""old"".bin",user_bob,,,,
gone-1,users/user_bob/gone.bin,user_bob,,,,
CSV
  make_token_key
  sign_in user_alice
  set_services "$storage" "$folder"
  old_services_settings
  start old-handler env PORT="$handler" BASE="http://127.0.0.1:$front/api" FILES="$folder/files" TABLE="$folder/files.csv" \
    node "$check/moving/handler.mjs"
  write_proxy "$front" "$handler"
  proxy="http://127.0.0.1:$front"
  start_proxy
  wait_until "$ready_seconds" "the old handler answers" curl -sf -o /dev/null "$proxy/healthz"
  as user_alice 200 -X POST "$proxy/api/files/507f1f77bcf86cd799439011/signed-url"
  old_link=$(answer it.data.url)
  remember_signature "$old_link"
  answered_by handler "$old_link" "$clip"
}

# A short one, as such handlers have them; the base of links is the proxy's.
old_services_settings() {
  FILE_SIGNING_SECRET="inherited-$(openssl rand -hex 8)"
  printf '%s\n' "$FILE_SIGNING_SECRET" >>"$work/secrets"
  export FILE_SIGNING_SECRET ALLOW_SHORT_SIGNING_SECRET=true
  unset FILE_SIGNING_KEYS
}

write_proxy() { # port, port of the handler
  : >"$folder/proxy/links.conf"
  : >"$folder/proxy/api.conf"
  cat >"$folder/proxy/nginx.conf" <<NGINX
daemon off; master_process off;
pid nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  upstream files_gateway { server $GATEWAY_LISTEN; keepalive 8; }
  upstream files_signer { server $SIGNER_LISTEN; keepalive 8; }
  server {
    listen 127.0.0.1:$1;
    include links.conf;
    include api.conf;
    location / { proxy_pass http://127.0.0.1:$2; }
  }
}
NGINX
}

# Who, link, file: the answer is theirs and is this file, whole and by a range.
answered_by() {
  local mark
  expect_status 200 "$2"
  mark=$(header x-served-by)
  expect_equal "who answered" "${mark:-gateway}" "$1"
  cmp "$work/$body" "$3"
}

rehearse_import() {
  export PUBLIC_FILES_URL="$proxy/api" SIGNER_PUBLIC_URL="$proxy" TRUSTED_PROXIES=127.0.0.1
  start_signer "$folder"
  (cd "$folder" && expect_code 1 run_documented "$moving_page" rehearse 2>refused.txt)
  expect_equal "what is told" "$(grep -c '^line 4: users/user_bob/gone.bin: no object lies there$' "$folder/refused.txt")" 1
  expect_equal "the rows" "$(catalog_rows)" ""
}

import_files() {
  sed -i '/^gone-1,/d' "$folder/files.csv"
  (cd "$folder" && run_documented "$moving_page" import)
  expect_equal "the ids" "$(tail -n 1 "$folder/ids.csv")" '"users/user_bob/notes, ""old"".bin",Bob-1_a'
  (cd "$folder" && run_documented "$moving_page" import)
  expect_equal "the rows, after it was done again" "$(catalog_rows | cut -d "'" -f 2 | xargs)" "507f1f77bcf86cd799439011 Bob-1_a"
}

# The gateway is asked itself before the proxy is.
move_links() {
  local later
  start_gateway "$folder"
  answered_by gateway "http://$GATEWAY_LISTEN${old_link#"$proxy"}" "$clip"
  documented "$moving_page" links >"$folder/proxy/links.conf"
  reload_proxy
  wait_until 30 "the gateway is behind the proxy" answers_with x-request-id "$old_link"
  answered_by gateway "$old_link" "$clip"
  answered_by gateway "${old_link/\/api\/files/\/api\/v1\/files}" "$clip"
  answered_by gateway "${old_link/\/api\/files/\/files}" "$clip"
  expect_equal Content-Type "$(header content-type)" video/mp4
  expect_status 206 --range 0-1 "$old_link"
  python3 "$check/ranges.py" "$clip" 20 <<<"$old_link"
  expect_status 403 "${old_link%?}$(other_digit "${old_link: -1}")"
  as user_alice 200 -X POST "$proxy/api/files/507f1f77bcf86cd799439011/signed-url"
  later=$(answer it.data.url)
  remember_signature "$later"
  answered_by gateway "$later" "$clip"
}

# One process without a master, so that nothing outlives it; it reads its settings once.
start_proxy() {
  start proxy "$nginx" -p "$folder/proxy" -c nginx.conf -e stderr
  proxy_pid=$started
}

reload_proxy() {
  stop "$proxy_pid"
  start_proxy
}

answers_with() { # header, link
  curl -s -o /dev/null -D - --range 0-1 "$2" | grep -qi "^$1: "
}

move_api() {
  documented "$moving_page" api >"$folder/proxy/api.conf"
  reload_proxy
  wait_until 30 "the signer is behind the proxy" is_listed_by_signer
  as user_alice 200 "$proxy/api/files"
  expect_equal "what is listed" "$(answer 'it.data.files.map((file) => file.filename).join()')" "Holiday été.mp4"
  as user_alice 200 -X POST -H "Origin: $proxy" "$proxy/api/v1/files/507f1f77bcf86cd799439011/signed-url"
  new_link=$(answer it.data.url)
  remember_signature "$new_link"
  expect_equal "the link's beginning" "${new_link%%\?*}" "${old_link%%\?*}"
  answered_by gateway "$new_link" "$clip"
  as user_alice 200 -X POST "$proxy/api/videos/job_7/signed-url"
  remember_signature "$(answer it.data.url)"
  as user_alice 200 -T "$check/token.mjs" "$proxy/api/files/raw/new.mjs"
}

is_listed_by_signer() {
  [[ "$(curl -s -H "@$work/user_alice.header" "$proxy/api/files" | json it.success 2>/dev/null)" == true ]]
}

move_back() {
  : >"$folder/proxy/api.conf"
  : >"$folder/proxy/links.conf"
  reload_proxy
  wait_until 30 "the old handler is behind the proxy" answers_with x-served-by "$new_link"
  answered_by handler "$new_link" "$clip"
  answered_by handler "$old_link" "$clip"
  stop "$proxy_pid"
  unset ALLOW_SHORT_SIGNING_SECRET SIGNER_PUBLIC_URL TRUSTED_PROXIES
}
