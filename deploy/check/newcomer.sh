# shellcheck shell=bash
# What somebody meets who has just cloned the repository and starts the one process, with no settings but free ports.

newcomer() {
  step "newcomer: the process starts in a fresh clone, without settings" start_in_clone
  step "newcomer: the commands it prints work as printed" run_printed_commands
  step "newcomer: the page it prints plays the sample clip" play_printed_page
  step "newcomer: the page shows hostile names as they are" show_names_on_page
  step "newcomer: uploads on the page survive cuts, a pause and a reload" upload_on_page
  step "newcomer: SIGTERM ends it with exit code 0" stop "$newcomer_pid"
}

start_in_clone() {
  local gateway_port gateway_admin signer_port signer_internal release
  release=$(target_folder)/release
  clone="$work/clone" banner="$work/logs/newcomer.log"
  mkdir "$work/home"
  git config --file "$work/home/.gitconfig" safe.directory '*'
  GIT_CONFIG_GLOBAL="$work/home/.gitconfig" git clone --quiet "$PWD" "$clone"
  read -r gateway_port gateway_admin signer_port signer_internal < <(python3 "$check/free_ports.py" 4)
  start newcomer env --ignore-environment --chdir="$clone" PATH="$PATH" HOME="$work/home" \
    GATEWAY_LISTEN="127.0.0.1:$gateway_port" GATEWAY_ADMIN_LISTEN="127.0.0.1:$gateway_admin" \
    SIGNER_LISTEN="127.0.0.1:$signer_port" SIGNER_INTERNAL_LISTEN="127.0.0.1:$signer_internal" "$release/standalone"
  newcomer_pid=$started newcomer_api_port=$signer_port
  wait_until_ready "$newcomer_pid" "http://127.0.0.1:$signer_internal/readyz"
  wait_until_ready "$newcomer_pid" "http://127.0.0.1:$gateway_admin/readyz"
  wait_until "$ready_seconds" "the address of its page is printed" grep -q 'access=' "$banner"
}

run_printed_commands() {
  local commands
  mapfile -t commands < <(grep -E '^ +.*curl ' "$banner")
  expect_equal "the number of printed commands" "${#commands[@]}" 3
  expect_equal "what the upload answers" "$(pasted "${commands[0]}" | json it.data.file.filename)" hello.txt
  expect_equal "what signing answers" "$(pasted "${commands[1]}" | json 'it.data.url.split("?")[0]' | cut -d / -f 4-5)" files/secure
  expect_equal "the range's head" "$(pasted "${commands[2]}" | tr -d '\r' | sed -n '1s/ [A-Z].*//p; s/^content-range: \(.*\)\/.*/\1/Ip' | xargs)" \
    "HTTP/1.1 206 bytes 0-1023"
}

# As somebody would who pastes a line into a shell in the clone's folder.
pasted() {
  (cd "$clone" && bash -euo pipefail -c "$1")
}

play_printed_page() {
  printed_address | PLAYWRIGHT="$playwright" TMPDIR="$work" node "$check/play_page.mjs"
}

show_names_on_page() {
  printed_address | PLAYWRIGHT="$playwright" TMPDIR="$work" node "$check/show_names.mjs"
}

# Over a line that carries 8 MB a second, and breaks.
upload_on_page() {
  local line_port
  read -r line_port < <(python3 "$check/free_ports.py" 1)
  start newcomer-line node "$check/resumable/cutting_proxy.mjs" "$line_port" "$newcomer_api_port" 8
  wait_until "$ready_seconds" "the line is there" curl -sf -o /dev/null "http://127.0.0.1:$line_port/"
  ffmpeg -v error -y -i "$clip" -c copy "$work/film.mp4"
  printed_address | PLAYWRIGHT="$playwright" TMPDIR="$work" node "$check/upload_page.mjs" "$line_port" "$work/film.mp4"
  kill "$started"
}

printed_address() {
  grep -oE 'http://[^ ]+access=[^ ]+' "$banner" | head -n 1
}
