# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# The gateway while the disk under it fails: that of a folder, and that of the cache before a bucket.

disks() { # file|s3, storage URL
  kind="disks-$1" storage="$2" folder="$work/disks-$1"
  step "$kind: the services start" start_services_of_users
  step "$kind: whatever fails of the disk, no body is short or wrong" fail_disk "$1"
  step "$kind: the services' metrics are read" keep_metrics
  step "$kind: SIGTERM ends both services with exit code 0" stop_services
  step "$kind: no log, metric or refusal holds a secret, a token or a signature" logs_hold_no_secret
}

fail_disk() { # file|s3
  local what=folder copies=1 urls="$work/disks.urls"
  [[ "$1" == file ]] || what=cache copies=6
  while ((copies-- > 0)); do
    as user_alice 200 -F "file=@$clip;type=video/mp4" "$signer/files/upload"
    file_id=$(answer it.data.file.id)
    sign_url
    printf '%s\n' "$url"
  done >"$urls"
  PYTHONPATH="$check/uploads" python3 "$check/disks/faults.py" "$what" "$gateway_pid" "$clip" "$work" <"$urls"
  rm "$urls"
}
