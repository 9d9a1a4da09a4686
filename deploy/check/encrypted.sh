# shellcheck shell=bash
# The gateway with a certificate of its own, seen by clients that are not ours: curl and h2load over HTTP/1.1 and HTTP/2,
# OpenSSL, ffmpeg; and the signer with keys that it fetches over TLS. The authority is made for this run, and everything
# is verified against it.

encrypted() {
  kind=tls storage="file://$work/tls/files" folder="$work/tls"
  step "tls: an authority and a certificate are made" make_certificates
  step "tls: the services start, the gateway with the certificate, the signer with fetched keys" start_encrypted
  step "tls: a clip is uploaded and listed" upload_clip
  step "tls: its owner gets a signed URL" sign_url
  step "tls: curl gets the file over HTTP/1.1 and HTTP/2, byte for byte" curl_both_protocols
  step "tls: OpenSSL agrees on versions and protocols, and resumes" agree_with_openssl
  step "tls: h2load gets every byte over many streams" load_streams
  step "tls: ffprobe and ffmpeg read the URL" play_encrypted_in_ffmpeg
  step "tls: who speaks no TLS gets no answer" refuse_plain_http
  step "tls: a new certificate is shown without a restart" renew_certificate
  step "tls: the services' metrics are read" keep_metrics
  step "tls: SIGTERM ends both services with exit code 0" stop_services
  step "tls: no log holds a secret, a token, a signature or a key" logs_hold_no_key
}

make_certificates() {
  authority="$work/authority.pem"
  mkdir -p "$folder"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=the check's authority" \
    -keyout "$work/authority.key" -out "$authority" 2>>"$work/logs/openssl.log"
  issue_certificate
}

# Renamed into place, so that the gateway never reads half of it.
issue_certificate() {
  local new="$folder/new"
  openssl req -newkey rsa:2048 -nodes -subj "/CN=127.0.0.1" -keyout "$new.key" -out "$new.csr" 2>>"$work/logs/openssl.log"
  openssl x509 -req -in "$new.csr" -CA "$authority" -CAkey "$work/authority.key" -CAcreateserial -days 1 -out "$new.crt" \
    -extfile <(echo "subjectAltName=IP:127.0.0.1") 2>>"$work/logs/openssl.log"
  sed -n 2p "$new.key" >>"$work/secrets"
  mv "$new.crt" "$folder/tls.crt"
  mv "$new.key" "$folder/tls.key"
}

start_encrypted() {
  local key_port
  key_port=$(python3 "$check/free_ports.py" 1)
  start tls-keys node "$check/key_server.mjs" "$key_port" "$folder/tls.crt" "$folder/tls.key" "$work/clerk.pub.pem"
  # Until the key is made it has nothing to say; that it listens is enough.
  wait_until 30 "the key server listens" openssl s_client -connect "127.0.0.1:$key_port" </dev/null >>"$work/logs/openssl.log" 2>&1
  export CLERK_JWKS_URL="https://127.0.0.1:$key_port/.well-known/jwks.json" SSL_CERT_FILE="$authority"
  export GATEWAY_TLS_CERT="$folder/tls.crt" GATEWAY_TLS_KEY="$folder/tls.key"
  start_services_of_users https
  unset GATEWAY_TLS_CERT GATEWAY_TLS_KEY CLERK_JWKS_URL SSL_CERT_FILE
  expect_status 200 "$signer/auth/health"
  expect_equal "where the keys are from" "$(answer it.data.keys)" jwks
}

# --- the steps ---

curl_both_protocols() {
  local version
  for version in 1.1 2; do
    expect_status 200 "--http$version" --cacert "$authority" "$url"
    cmp "$work/$body" "$clip"
    expect_equal "the protocol" "$(head -n 1 "$work/$headers" | cut -d ' ' -f 1)" "HTTP/$version"
    expect_status 206 "--http$version" --cacert "$authority" --range 1000-2999 "$url"
    cmp "$work/$body" <(head -c 3000 "$clip" | tail -c 2000)
    expect_status 206 "--http$version" --cacert "$authority" --range 0-9,100-109 "$url"
    expect_equal "the parts" "$(grep -a -c '^Content-Range: bytes' "$work/$body")" 2
    expect_status 304 "--http$version" --cacert "$authority" --header 'If-None-Match: *' "$url"
    expect_status 200 "--http$version" --cacert "$authority" --head "$url"
    expect_equal Content-Length "$(header content-length)" "$clip_bytes"
    expect_status 403 "--http$version" --cacert "$authority" "${url%?}$(other_digit "${url: -1}")"
    expect_equal code "$(answer it.code)" bad_signature
  done
}

shake_hands() { # s_client's arguments
  openssl s_client -connect "$GATEWAY_LISTEN" -CAfile "$authority" -verify_return_error "$@" </dev/null 2>&1 || true
}

agree_with_openssl() {
  local version
  for version in 2 3; do
    expect_equal "the version" "$(shake_hands "-tls1_$version" | sed -n 's/^New, \(TLSv1\.[0-9]\),.*/\1/p')" "TLSv1.$version"
  done
  expect_equal "TLS 1.1" "$(shake_hands -tls1_1 -cipher DEFAULT:@SECLEVEL=0 | grep -a -c '^New, (NONE)')" 1
  expect_equal "the first choice" "$(agreed -alpn http/1.1,h2)" "ALPN protocol: h2"
  expect_equal "HTTP/1.1 alone" "$(agreed -alpn http/1.1)" "ALPN protocol: http/1.1"
  expect_equal "no choice" "$(agreed)" "No ALPN negotiated"
  expect_equal "resumed sessions" "$(shake_hands -tls1_2 -reconnect | grep -a -c '^Reused, TLSv1.2')" 5
}

agreed() { # s_client's arguments
  shake_hands "$@" | grep -a ALPN
}

load_streams() {
  local requests=2000 range=65536 summary
  summary=$(h2load --requests="$requests" --clients=8 --max-concurrent-streams=50 --header="range: bytes=1000-$((range + 999))" "$url")
  expect_equal "what succeeded" "$(sed -n 's/.* \([0-9]*\) succeeded.*/\1/p' <<<"$summary")" "$requests"
  expect_equal "bytes of bodies" "$(sed -n 's/^traffic:.* \S* (\([0-9]*\)) data$/\1/p' <<<"$summary")" $((requests * range))
  expect_equal "the protocol" "$(sed -n 's/^Application protocol: //p' <<<"$summary")" h2
}

play_encrypted_in_ffmpeg() {
  local verified=(-ca_file "$authority" -tls_verify 1)
  expect_equal "the streams" "$(ffprobe -v error "${verified[@]}" -show_entries stream=codec_name -of csv=p=0 "$url" | tr '\n' ' ')" "h264 aac "
  expect_equal "the frame at 15 s" "$(frame_at_15_seconds "$url" "${verified[@]}")" "$(frame_at_15_seconds "$clip")"
}

refuse_plain_http() {
  local code=0
  curl -sS --max-time 30 -o "$work/$body" "http://$GATEWAY_LISTEN/" 2>>"$work/logs/curl.log" || code=$?
  ((code == 1 || code == 52 || code == 56)) && return # no HTTP, an empty answer, a reset
  echo "plain HTTP ended with curl's exit code $code" >&2
  return 1
}

shown_serial() {
  shake_hands | openssl x509 -noout -serial
}

renew_certificate() {
  local before
  before=$(shown_serial)
  issue_certificate
  wait_until 30 "another certificate is shown" shows_another_than "$before"
  curl_both_protocols
}

shows_another_than() { # serial
  [[ "$(shown_serial)" != "$1" ]]
}

logs_hold_no_key() {
  logs_hold_no_secret
  expect_equal "lines of a private key" "$(grep -c -F 'PRIVATE KEY' "$work/all.log" || true)" 0
}
