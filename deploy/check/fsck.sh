# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# `signer fsck` on what the services keep: with their own settings, and while they run.

# It finds nothing; then what was put there and belongs to nothing, but not while it is young; and removes that only.
fsck_storage() {
  local orphan=managed/a6/0192f3a4b5c67d8e9fa0b1c2d3e4f5a6 theirs=videos/theirs.bin before
  fsck 0
  before=$(objects)
  put_object "$orphan"
  put_object "$theirs"
  fsck 0
  fsck 1 --older-than 0s
  fsck_found "^orphan object ${orphan##*/}: "
  fsck 1 --older-than 0s --repair
  fsck_found ', removed$'
  fsck 0 --older-than 0s
  expect_equal "what it left of others" "$(objects | grep -c "$theirs ")" 1
  remove_object "$theirs"
  expect_equal "what it left of ours" "$(objects)" "$before"
}

fsck() { # exit code, arguments
  local wanted="$1" code=0
  shift
  "$release/signer" fsck "$@" >"$work/fsck.out" 2>>"$work/logs/$kind-fsck.log" || code=$?
  ((code == wanted)) || redacted <"$work/fsck.out" >&2
  expect_equal "the exit code of fsck $*" "$code" "$wanted"
}

fsck_found() { # pattern of its only finding
  expect_equal "the findings, and those like $1" "$(grep -vc ' files: ' "$work/fsck.out") $(grep -c "$1" "$work/fsck.out")" "1 1"
}

# Key: a few bytes, as another program would leave them there.
put_object() {
  case "$storage" in
    s3://*) "$python" "$check/bucket.py" put "$storage/$1" <<<"bytes" ;;
    *) mkdir -p "$(dirname "$folder/files/$1")" && echo bytes >"$folder/files/$1" ;;
  esac
}

remove_object() {
  case "$storage" in
    s3://*) "$python" "$check/bucket.py" remove "$storage/$1" ;;
    *) rm "$folder/files/$1" ;;
  esac
}

# A bucket takes the rule as it is, and keeps it.
keep_lifecycle_rule() {
  "$python" "$check/bucket.py" lifecycle "$bucket" <deploy/s3/lifecycle.json >"$work/lifecycle.json"
  expect_equal "days until an unfinished upload is aborted" \
    "$(json 'it[0].AbortIncompleteMultipartUpload.DaysAfterInitiation' <"$work/lifecycle.json")" 7
}
