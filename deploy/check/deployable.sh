# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# What is in deploy/ for other machines, as far as it can be judged without a container engine, a cluster, or systemd as
# the first process.

# Names that a unit or an image may give to our binaries' libraries: what the images' base has.
readonly base_libraries="linux-vdso|ld-linux-x86-64|libc|libm|libgcc_s"
# Of 100: how much of the machine a service could reach if it were taken over.
readonly worst_exposure=20

deployable() {
  deployed="$work/deployed" release=$(target_folder)/release
  step "deployable: what judges it is installed" install_judges
  step "deployable: hadolint minds nothing in the Dockerfile, and its context holds the workspace" judge_dockerfile
  step "deployable: the binaries need what the images have" judge_binaries
  step "deployable: the compose file is valid, with secrets that its script makes" judge_compose
  step "deployable: Kubernetes' schemas and our own rules hold for what Kustomize renders" judge_manifests
  step "deployable: systemd takes the units, and exposes little" judge_units
  step "deployable: no setting is misspelt anywhere" judge_settings
  step "deployable: HAProxy takes its configuration, and does what it says" judge_proxy
}

install_judges() {
  install_haproxy
  install_debian_packages systemd-analyze:systemd
}

# Secrets are made in this copy.
copy_deployed() {
  [[ -d "$deployed" ]] || { mkdir "$deployed" && cp -r deploy "$deployed/"; }
}

judge_dockerfile() {
  local context="$work/context" path
  "$tools/hadolint" deploy/Dockerfile
  expect_equal "its version of Rust" "$(sed -n 's/^FROM rust:\([0-9.]*\)-.*/\1/p' deploy/Dockerfile)" \
    "$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)"
  mkdir "$context"
  while read -r path; do
    # shellcheck disable=SC2086 # a pattern
    cp -r --parents $path "$context/"
  done < <(sed -n 's/^!//p' .dockerignore)
  cargo metadata --locked --no-deps --format-version 1 --manifest-path "$context/Cargo.toml" >/dev/null
}

judge_binaries() {
  local name needed
  for name in gateway signer standalone; do
    needed=$(ldd "$release/$name" | sed 's/^[[:space:]]*//' | grep -vE "^(/lib64/)?($base_libraries)[.-]" || true)
    expect_equal "what $name needs besides" "$needed" ""
    "$release/$name" health --help >/dev/null
  done
}

judge_compose() {
  copy_deployed
  make_token_key
  bash "$deployed/deploy/compose/secrets.sh" "$work/clerk.pub.pem" >/dev/null
  cp -r "$deployed/deploy/compose/secrets" "$work/secrets-made"
  bash "$deployed/deploy/compose/secrets.sh" "$work/clerk.pub.pem" >/dev/null
  diff -r "$deployed/deploy/compose/secrets" "$work/secrets-made"
  (cd "$deployed" && "$tools/docker-compose" --env-file deploy/compose/.env -f deploy/compose.yaml config --format json) >"$work/compose.json"
  "$python" "$check/deployable/compose.py" "$work/compose.json"
}

judge_manifests() {
  local what
  for what in base overlays/production; do
    "$tools/kubectl" kustomize "deploy/kustomize/$what" >"$work/manifests.yaml"
    "$python" "$check/deployable/manifests.py" "$work/manifests.yaml"
  done
}

# As they are, and with the drop-ins of a folder.
judge_units() {
  local units="$work/units" unit
  mkdir "$units"
  cp deploy/systemd/*.socket deploy/systemd/*.service "$units/"
  # What is not installed could not be found.
  sed -i "s|^ExecStart=/usr/local/bin/|ExecStart=$release/|" "$units"/*.service
  mv "$units/files-gateway@.service" "$units/files-gateway@1.service"
  (cd "$units" && systemd-analyze verify --man=no ./*.socket ./*.service)
  for unit in "$units"/*.service; do
    systemd-analyze security --offline=true --no-pager --threshold="$worst_exposure" "$unit" | tail -n 1
  done
  cp -r deploy/systemd/folder/*.service.d "$units/"
  mv "$units/files-gateway@.service.d" "$units/files-gateway@1.service.d"
  (cd "$units" && systemd-analyze verify --man=no ./*.socket ./*.service)
  systemd-sysusers --dry-run "$PWD"/deploy/systemd/folder/files.sysusers.conf
}

judge_settings() {
  local name
  for name in gateway signer standalone; do "$release/$name" --help; done >"$work/help.txt"
  "$python" "$check/deployable/settings.py" "$work/help.txt" "$work/compose.json" "$work/manifests.yaml" \
    deploy/Dockerfile deploy/systemd/*.service deploy/systemd/*.conf deploy/systemd/folder/files.conf deploy/systemd/folder/*/*.conf
}

judge_proxy() {
  local folder="$work/proxy"
  mkdir -p "$folder/certificates"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj "/CN=files.example.com" \
    -keyout "$folder/key" -out "$folder/certificate" 2>>"$work/logs/openssl.log"
  cat "$folder/certificate" "$folder/key" >"$folder/certificates/files.pem"
  python3 "$check/deployable/proxy.py" "$haproxy" deploy/proxy/haproxy.cfg "$folder/certificates"
}
