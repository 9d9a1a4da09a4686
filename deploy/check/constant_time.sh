# shellcheck shell=bash
# A wrong signature costs the same number of instructions wherever its first wrong digit stands.

# Path and query of a URL: instructions of the example that verifies it.
instructions() {
  env -i valgrind --tool=callgrind --callgrind-out-file=/dev/null "$verify" \
    "$1" 'an example secret of forty-two characters!' 1800000000 2>&1 | sed -n 's/.*Collected : //p'
}

constant_time() {
  local verify vector unsigned signature first last
  cargo build --locked --release --workspace --example verify
  verify=$(target_folder)/release/examples/verify
  vector=$(json 'it.v1[0].target' <proto/tests/vectors.json)
  unsigned="${vector%signature=*}signature=" signature="${vector##*signature=}"
  first=$(instructions "$unsigned$(other_digit "${signature:0:1}")${signature:1}")
  last=$(instructions "$unsigned${signature%?}$(other_digit "${signature: -1}")")
  echo "wrong in its first digit: $first instructions, in its last: $last"
  [[ -n "$first" && "$first" == "$last" ]]
}
