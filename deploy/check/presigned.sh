# shellcheck shell=bash
# An upload past the signer, as a client with nothing but curl makes it; only a bucket has URLs to put to.

put_past_the_signer() {
  local upload_id put_url stored
  as user_alice 200 --json "{\"filename\": \"clip.mp4\", \"size\": $clip_bytes, \"jobId\": \"job_2\"}" "$signer/uploads/presign"
  upload_id=$(answer it.data.id) put_url=$(answer it.data.url)
  remember_signature "$put_url"
  as user_alice 409 -X POST "$signer/uploads/$upload_id/complete"
  head -c "$clip_bytes" /dev/zero >"$work/other.bin"
  expect_status 403 -T "$big_upload" "$put_url"
  expect_status 403 -T - "$put_url" <"$work/other.bin"
  expect_status 200 -T "$clip" "$put_url"
  as user_bob 404 -X POST "$signer/uploads/$upload_id/complete"
  as user_alice 200 -X POST "$signer/uploads/$upload_id/complete"
  expect_equal "the file's id" "$(answer it.data.file.id)" "$upload_id"
  expect_equal "the file's type" "$(answer it.data.file.content_type)" video/mp4
  expect_equal "what the container says" "$(answer it.data.file.metadata.media_width)" 640
  stored=$(<"$work/$body")

  # The URL is still valid, and changes nothing that was accepted.
  expect_status 200 -T "$work/other.bin" "$put_url"
  as user_alice 200 -X POST "$signer/uploads/$upload_id/complete"
  expect_equal "the answer to a second completion" "$(<"$work/$body")" "$stored"
  download_what_was_put "$upload_id"
}

download_what_was_put() { # file id
  local file_url
  as user_alice 200 --json '{}' "$signer/files/$1/signed-url"
  file_url=$(answer it.data.url)
  remember_signature "$file_url"
  expect_status 200 "$file_url"
  cmp "$work/$body" "$clip"
  as user_alice 200 -X DELETE "$signer/files/$1"
}
