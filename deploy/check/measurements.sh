# shellcheck shell=bash
# The measurements run, briefly. No time is judged: the machine may be busy with anything.

compare_briefly() { # parts
  local out="$work/comparison"
  bash loadtest/compare.sh --quick --only "$1" --out "$out"
  python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$out/comparison.svg"
  [[ -s "$out/comparison.md" && -s "$out/summary.md" ]]
}

measure_connections_briefly() {
  bash loadtest/connections.sh --quick
}

# Within the contract's bound, and a slow machine's patience: that is judged.
measure_revocation_briefly() {
  bash loadtest/revocation.sh --quick
}

measure_neighbours_briefly() {
  bash loadtest/neighbours.sh --quick
}

measure_signing_briefly() {
  bash loadtest/signing.sh --quick
  bash loadtest/many-rows.sh --quick --rows 20000
}

measure_uploads_briefly() {
  bash loadtest/uploads.sh --quick
}

# That the keys' source is asked seldom is judged.
measure_forged_keys_briefly() {
  bash loadtest/forged-keys.sh --quick
}
