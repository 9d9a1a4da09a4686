# shellcheck shell=bash disable=SC2034 # variables are for the scripts that source this file
# What the measurements share: the services in release build, memory read from /proc, generated bodies of any size.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=deploy/check/components.sh
source "$root/deploy/check/components.sh"
# shellcheck source=deploy/check/install.sh
source "$root/deploy/check/install.sh"

# What is measured is the service as deployed: its usual log level.
export RUST_LOG=info

# Servers by name, pinned to the first core that we may use; the load has the second, if there is one.
read -r server_core load_core < <(python3 -c 'import os; cores = sorted(os.sched_getaffinity(0)); print(cores[0], cores[:2][-1])')
declare -A server_pid server_url

# What a script may be asked for, by name; what `--quick` sets of it; what names a file or folder.
declare -A option quick_option
path_options="gateway beside out"

# Takes `--name value` into `option`. A mistake ends the script with 64.
read_options() {
  local name
  while (($# > 0)); do
    name="${1#--}"
    if [[ "$1" == --quick ]]; then
      for name in "${!quick_option[@]}"; do option[$name]="${quick_option[$name]}"; done
      shift
    elif [[ "$1" == --* && -v "option[$name]" && -n "${2:-}" ]]; then
      option[$name]="$2"
      [[ " $path_options " != *" $name "* ]] || option[$name]=$(realpath -m "$2")
      shift 2
    else
      echo "not known, or without its value: $1; see --help" >&2
      exit 64
    fi
  done
}

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

# For measurements of the gateway alone, by default the one that is built now: `--gateway` names another.
begin_with_gateway() {
  begin_work
  trap 'end_servers "${!server_pid[@]}"; give_up' EXIT
  trap 'exit 130' INT TERM
  cd "$root" || exit
  install_measuring_tools
  release=$(target_folder)/release
  gateway_binary="${option[gateway]:-$release/gateway}"
  [[ -n "${option[gateway]}" && -x "$release/gateway" && -x "$release/signer" ]] || cargo build --locked --release --workspace
  make_token_key
}

# Storage URL, folder, bytes: uploads a file through the signer; sets `url`. Only the gateway is needed after that.
store_object() {
  sign_in user_alice
  start_services "$1" "$2"
  upload_generated "$3"
  stop_services
}

# Name, pid, URL: a server from here on.
known_as() {
  server_pid[$1]="$2"
  server_url[$1]="$3"
}

# Name, binary, folder, more settings as NAME=value: a gateway on ports of its own, with the settings of `start_services`
# beside that, for `$url`. One thread on one core, and as quiet as nginx.
start_measured_gateway() {
  local name="$1" binary="$2" folder="$3" port admin
  shift 3
  read -r port admin < <(python3 "$check/free_ports.py" 2)
  start "gateway-$name" env TMPDIR="$folder/tmp" RUST_LOG=warn GATEWAY_THREADS=1 GATEWAY_LISTEN="127.0.0.1:$port" \
    GATEWAY_ADMIN_LISTEN="127.0.0.1:$admin" DRAIN_SECONDS=1 "$@" taskset -c "$server_core" "$binary"
  known_as "$name" "$started" "http://127.0.0.1:$port/${url#http://*/}"
  wait_until_ready "$started" "http://127.0.0.1:$admin/readyz"
}

on_load_core() {
  taskset -c "$load_core" "$@"
}

# name=value...: JSON of strings and numbers.
cell() {
  node -p 'JSON.stringify(Object.fromEntries(process.argv.slice(1).map((pair) => {
    const [name, value] = pair.split(/=(.*)/s);
    return [name, /^[0-9.]+$/.test(value) ? Number(value) : value];
  })))' "$@"
}

# Names: ends servers. Nothing of them is to be kept, but nginx's master must be asked: its worker would survive it.
end_servers() {
  local name pid
  for name in "$@"; do
    pid="${server_pid[$name]}"
    unset "server_pid[$name]" "server_url[$name]"
    kill -TERM "$pid" || continue
    wait "$pid" || true
  done
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

# Pid, file: the file is there; fails the script when the process that is to make it is gone.
made_by() {
  kill -0 "$1" || exit 1
  [[ -e "$2" ]]
}

# Field, pid: VmRSS or VmHWM in KiB.
memory() {
  awk -v field="$1:" '$1 == field { print $2 }' "/proc/$2/status"
}

# Pid: from here on VmHWM is the peak since now.
reset_peak() {
  echo 5 >"/proc/$1/clear_refs"
}
