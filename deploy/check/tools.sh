# shellcheck shell=bash
# What the programs say of their own command lines: completions, as shells take them, and manual pages.

readonly shells=(bash zsh fish)
# A page without a date is the same whenever it is made; the library leaves a space too many around possible values.
readonly accepted_flaws='missing date|skipping paragraph macro: br (before|after) sp'

describe_tools() {
  step "tools: shells take the completions, and complete" take_completions
  step "tools: the manual pages have no flaw" read_manual_pages
}

take_completions() {
  local program shell release
  release=$(target_folder)/release
  install_debian_packages fish:fish zsh:zsh
  mkdir -p "$work/completions"
  for program in gateway signer standalone; do
    for shell in "${shells[@]}"; do
      "$release/$program" completions "$shell" >"$work/completions/$program.$shell"
      "$shell" -n "$work/completions/$program.$shell"
    done
  done
  expect_equal "what bash makes of gateway ex" "$(completed gateway ex)" explain
  expect_equal "what bash makes of signer token --us" "$(completed signer token --us)" --user-id
}

# A program and the words behind it.
completed() {
  bash -euo pipefail -c 'program=$1; source "$2"; shift 2
    COMP_WORDS=("$program" "$@") COMP_CWORD=$# COMPREPLY=()
    "_$program" "$program" "${COMP_WORDS[$#]}" "${COMP_WORDS[$# - 1]}"
    printf "%s\n" "${COMPREPLY[@]}"' bash "$1" "$work/completions/$1.bash" "${@:2}"
}

read_manual_pages() {
  local program tools tool release known=" "
  release=$(target_folder)/release
  install_debian_packages mandoc:mandoc
  mkdir -p "$work/man"
  for program in gateway signer standalone; do
    "$release/$program" man >"$work/man/$program.1"
    tools=$(sed -n 's/^'"$program"'\\-\([a-z]*\)(1)$/\1/p' "$work/man/$program.1")
    for tool in $tools; do
      known+="$program-$tool "
      [[ "$tool" == @(completions|man) ]] || "$release/$program" man "$tool" >"$work/man/$program-$tool.1"
    done
  done
  for tool in gateway-sign gateway-health signer-token signer-health standalone-health; do
    [[ "$known" == *" $tool "* ]] || expect_equal "the tools that have a page" "$known" "$tool among others"
  done
  expect_equal "the number of pages with exit codes" "$(grep -l '^.SH "EXIT STATUS"$' "$work"/man/*.1 | wc -l)" "$(find "$work/man" -type f | wc -l)"
  expect_equal "what mandoc has to say" "$(flaws_in_pages)" ""
}

flaws_in_pages() {
  # 2: it warns of something. Beyond that it could not read what it was given.
  mandoc -Tlint -Wwarning "$work"/man/*.1 >"$work/mandoc.txt" || (($? <= 2)) || echo "mandoc failed"
  grep -vE "$accepted_flaws" "$work/mandoc.txt" || true
}
