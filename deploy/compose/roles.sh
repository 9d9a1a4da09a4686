#!/usr/bin/env bash
# Run once by the image of Postgres, on its fresh database: the roles of signers and gateways.
set -euo pipefail

psql --quiet --no-psqlrc --username postgres --file /roles.sql \
  -v signer_password="$(</run/secrets/postgres-signer)" -v gateway_password="$(</run/secrets/postgres-gateway)" postgres
