#!/usr/bin/env bash
# Makes the secrets that compose.yaml names, in deploy/compose/secrets, for whoever runs it. What is there is kept.
#
#   bash deploy/compose/secrets.sh clerk.pem     the public key of your Clerk instance
set -euo pipefail
shopt -s inherit_errexit

[[ $# -eq 1 && -r "$1" ]] || { echo "usage: bash deploy/compose/secrets.sh CLERK_PUBLIC_KEY.pem" >&2 && exit 64; }
clerk_key=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")"
umask 077
mkdir -p secrets

keep() { # name: standard input, unless it is there; that is read to its end either way, for whoever writes it
  if [[ -s "secrets/$1" ]]; then cat >/dev/null; else cat >"secrets/$1"; fi
}

random() {
  openssl rand -hex 32
}

for name in signing-secret postgres-admin postgres-signer postgres-gateway redis s3-signer s3-gateway; do
  random | keep "$name"
done
for name in signer gateway; do
  printf 'postgres://files_%s:%s@postgres/files\n' "$name" "$(<"secrets/postgres-$name")" | keep "database-url-$name"
done
printf 'redis://:%s@redis:6379/0\n' "$(<secrets/redis)" | keep redis-url
printf 'requirepass %s\n' "$(<secrets/redis)" | keep redis.conf
keep clerk-jwt-key <"$clerk_key"
# The gateways' key can read, the signer's can write besides.
keep s3.json <<JSON
{"identities": [
  {"name": "signer", "credentials": [{"accessKey": "signer", "secretKey": "$(<secrets/s3-signer)"}],
    "actions": ["Read:media", "Write:media", "List:media", "Tagging:media"]},
  {"name": "gateway", "credentials": [{"accessKey": "gateway", "secretKey": "$(<secrets/s3-gateway)"}],
    "actions": ["Read:media", "List:media"]}
]}
JSON

# The services' containers run as this user, to whom alone their secrets belong; never as root. Those of others run as
# whom their images say, and find theirs behind the same folder, which keeps everybody else out.
owner="$(id -u):$(id -g)"
if [[ $EUID -eq 0 ]]; then
  owner=65532:65532
  chown -R "$owner" secrets
fi
chmod 644 secrets/postgres-* secrets/redis.conf secrets/s3.json
printf 'FILES_USER=%s\n' "$owner" >.env
echo "they are in $PWD/secrets"
