# shellcheck shell=bash
# Tokens and webhooks as their own makers see them.

compare_tokens() {
  cargo build --locked --release --workspace --example judge
  NODE_PACKAGES="$node_packages_folder" node "$check/tokens/compare.mjs" "$(target_folder)/release/examples/judge" "$work"
}
