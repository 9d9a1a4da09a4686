# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# Clients of others finish an upload over a line that is cut every few megabytes.

readonly resumable_bytes=100000000

resume_in_node() {
  resume_with env TUS_CLIENT="$node_packages_folder/node_modules/tus-js-client" node "$check/resumable/send.mjs"
}

resume_in_python() {
  resume_with "$python" "$check/resumable/send.py"
}

resume_with() { # command of a client, without its arguments
  local proxy_port cuts upload_url upload_file log="$work/logs/$kind-line.log" sent="$work/resumable.bin"
  [[ -e "$sent" ]] || head -c "$resumable_bytes" /dev/urandom >"$sent"
  read -r proxy_port < <(python3 "$check/free_ports.py" 1)
  : >"$log"
  start "$kind-line" node "$check/resumable/cutting_proxy.mjs" "$proxy_port" "${SIGNER_LISTEN##*:}"
  wait_until "$ready_seconds" "the line is there" curl -sf -o /dev/null "http://127.0.0.1:$proxy_port/api/system/health"

  read -r upload_url upload_file < <("$@" "http://127.0.0.1:$proxy_port/api/files/tus" "$work/user_alice.header" "$sent")
  kill "$started"
  printf '%s\n' "${upload_url##*/}" >>"$work/secrets"
  cuts=$(grep -c '^cut after' "$log")
  echo "$resumable_bytes bytes arrived over $cuts cuts"
  ((cuts >= 10))

  as user_alice 200 "$signer/files/$upload_file"
  expect_equal "the file's name" "$(answer it.data.file.filename)" "été 🎬.bin"
  expect_equal "its SHA-256, as it is listed" "$(answer it.data.file.sha256)" "$(sha256sum "$sent" | cut -d ' ' -f 1)"
  as user_alice 200 --json '{}' "$signer/files/$upload_file/signed-url"
  upload_url=$(answer it.data.url)
  remember_signature "$upload_url"
  expect_status 200 "$upload_url"
  cmp "$work/$body" "$sent"
  as user_alice 200 -X DELETE "$signer/files/$upload_file"
}
