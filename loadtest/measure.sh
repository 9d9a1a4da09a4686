# shellcheck shell=bash disable=SC2034 # variables are for the scripts that source this file
# What the measurements share: the services in release build, memory read from /proc, generated bodies of any size.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=deploy/check/components.sh
source "$root/deploy/check/components.sh"
# shellcheck source=deploy/check/install.sh
source "$root/deploy/check/install.sh"

# What is measured is the service as deployed: its usual log level.
export RUST_LOG=info

# Exit code: the end of a measurement that was made, whatever it found.
conclude() {
  trap - EXIT
  end_work
  exit "$1"
}

# The end of one that could not be made. That nobody reads what is printed keeps nothing from being ended.
give_up() {
  trap '' PIPE
  show_logs || true
  conclude 1
}

begin_measurement() {
  begin_work
  trap give_up EXIT
  trap 'exit 130' INT TERM
  cd "$root" || exit
  install_tools
  install_storage_server
  cargo build --locked --release --workspace
  start_seaweedfs
  make_token_key
  sign_in user_alice
}

# Bytes: that many pseudo-random bytes, the same ones each time, without a file.
generated() {
  head -c "$1" /dev/zero | openssl enc -aes-128-ctr -nosalt -K 00000000000000000000000000000001 -iv 00000000000000000000000000000000
}

# Bytes: a form with a generated file in it. curl's own `-F file=@-` would hold the whole file in memory.
generated_form() {
  printf -- '--edge\r\nContent-Disposition: form-data; name="file"; filename="generated.bin"\r\n\r\n'
  generated "$1"
  printf '\r\n--edge--\r\n'
}

# Bytes: uploads that many through a pipe and sets `url`, a signed URL of them for a day.
upload_generated() {
  local answer id
  answer=$(generated_form "$1" | curl -sS --fail-with-body -T - -X POST -H "@$work/user_alice.header" \
    -H 'Content-Type: multipart/form-data; boundary=edge' "$signer/files/upload")
  id=$(json it.data.file.id <<<"$answer")
  answer=$(curl -sS --fail-with-body --json '{"expiresIn": 86400}' -H "@$work/user_alice.header" \
    "$signer/files/$id/signed-url")
  url=$(json it.data.url <<<"$answer")
}

# Field, pid: VmRSS or VmHWM in KiB.
memory() {
  awk -v field="$1:" '$1 == field { print $2 }' "/proc/$2/status"
}

# Pid: from here on VmHWM is the peak since now.
reset_peak() {
  echo 5 >"/proc/$1/clear_refs"
}
