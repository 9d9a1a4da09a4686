# shellcheck shell=bash
# What can be said of the code without running the services.

# Most tests wait for a process, a disk or a timeout most of the time.
export RUST_TEST_THREADS="${RUST_TEST_THREADS:-6}"

document() {
  RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
}

check_scripts() {
  shellcheck --external-sources --check-sourced .ci/run deploy/check.sh deploy/rehearse.sh deploy/compose/*.sh loadtest/*.sh
  find deploy loadtest proto -name '*.mjs' -not -path '*/node_modules/*' -exec node --check {} \;
  PYTHONPYCACHEPREFIX="$work/pycache" python3 -m compileall -q deploy loadtest
}

golden_vectors() {
  node proto/tests/vectors.mjs | diff - proto/tests/vectors.json
}

# `--workspace` in each, so that dependencies are not built again with other features.

# The long forms of tests that are short elsewhere.
bear_abuse() {
  TEST_LONG=true cargo test --locked --workspace --test framing --test tls -- thousands noise random_bytes
}

# What is answered is answered over TLS too.
test_gateway_on_tls() {
  TEST_TLS=true cargo test --locked --workspace \
    --test signed_urls --test ranges --test conditionals --test answers --test bodies --test lifecycle
}

test_gateway_on_s3() {
  TEST_STORAGE_URL="$bucket/gateway-tests" cargo test --locked --workspace \
    --test signed_urls --test ranges --test conditionals --test answers --test bodies --test zero_copy
  TEST_STORAGE_URL="$bucket/gateway-tests" cargo test --locked --workspace --test faults -- --ignored
}

test_signer_on_postgres() {
  TEST_DATABASE_URL="$postgres_url" cargo test --locked --workspace --test api
}

test_gateway_on_postgres() {
  TEST_DATABASE_URL="$postgres_url" cargo test --locked --workspace --test signed_urls --test answers --test revocation
}

test_catalog_on_postgres() {
  TEST_DATABASE_URL="$postgres_url" cargo test --locked --workspace --lib -- catalog upkeep
}

# The same arithmetic in Redis, then signers that share one, and one whose Redis goes away and comes back.
test_limits_on_redis() {
  TEST_REDIS_URL="$redis_url" cargo test --locked --workspace --lib rate_limit
  TEST_REDIS_URL="$redis_url" cargo test --locked --workspace --test api rate_limit
}

test_signer_on_s3() {
  TEST_STORAGE_URL="$bucket/signer-tests" cargo test --locked --workspace --lib -- storage upkeep
  TEST_STORAGE_URL="$bucket/signer-tests" cargo test --locked --workspace --test api
}
