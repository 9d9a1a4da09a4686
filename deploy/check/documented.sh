# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# Commands and configuration as the pages of `deploy/` give them: what is checked is what is read.

# Page, label: the block that begins with ```<language> <label>.
documented() {
  local block
  block=$(awk -v label="$2" '/^```/ { is_in = !is_in && $2 == label; next } is_in' "$1")
  [[ -n "$block" ]] || { echo "$1 has no block $2" >&2 && return 1; }
  printf '%s\n' "$block"
}

# Page, label: runs it as somebody would who has the services' settings in the environment.
run_documented() {
  local commands
  commands=$(documented "$1" "$2")
  RUST_LOG=info PATH="$release:${postgres_bin:+$postgres_bin:}$PATH" bash -euo pipefail -c "$commands"
}
