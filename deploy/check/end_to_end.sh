# shellcheck shell=bash
# Both services as separate processes, seen from outside: curl, ffmpeg, Chromium, an issuer of URLs that is not ours,
# and the storage's own listing. Run once on each kind of storage.

readonly body="answer.body" headers="answer.headers"

end_to_end() { # s3|file, storage URL
  kind="$1" storage="$2" folder="$work/$1"
  step "$kind: the services start" start_services_of_users
  step "$kind: a clip is uploaded and listed" upload_clip
  step "$kind: a plain body is checked against its digest, and tells what ffprobe tells of it" put_clips
  step "$kind: its owner gets a signed URL" sign_url
  step "$kind: a download is the file, byte for byte" download_all
  step "$kind: HEAD, and the first two bytes" download_first_bytes
  step "$kind: random ranges are the file's own" random_ranges
  step "$kind: ffprobe and ffmpeg read the URL" play_in_ffmpeg
  step "$kind: Chromium plays the URL on a page of another origin" play_in_chromium
  players
  step "$kind: URLs of another issuer are accepted, v1 and v2" accept_other_issuer
  step "$kind: a flipped signature is refused" refuse_flipped_signature
  step "$kind: a stranger finds no such file" refuse_strangers
  step "$kind: a deleted file is gone, its URL and its object" delete_clip
  step "$kind: an upload cut in the middle leaves nothing" cut_upload
  step "$kind: nothing is acknowledged before a power cut would leave it" judge_order
  step "$kind: tus-js-client finishes 100 MB over a line that is cut every 3 to 7 MB" resume_in_node
  step "$kind: tuspy does so too" resume_in_python
  step "$kind: fsck removes what belongs to nothing, and nothing else" fsck_storage
  [[ "$storage" == file://* ]] || step "$kind: a clip is put past the signer, and stays as it was accepted" put_past_the_signer
  step "$kind: messages that Svix's library signs ban and delete a user, once each" hear_of_users
  step "$kind: the services' metrics are read" keep_metrics
  step "$kind: SIGTERM ends both services with exit code 0" stop_services
  step "$kind: no log, metric or refusal holds a secret, a token or a signature" logs_hold_no_secret
}

# The picture's lower edge brightens from black to white, so that a pixel tells the time. Noise makes it some megabytes.
make_clip() {
  clip="$work/clip.mp4"
  ffmpeg -hide_banner -loglevel error -f lavfi -i "testsrc2=size=640x300:rate=25,noise=alls=12:allf=t" \
    -f lavfi -i "color=white:size=640x60:rate=25,fade=t=in:d=40" -f lavfi -i "sine=frequency=440" \
    -filter_complex "[0][1]vstack" -t 40 -c:v libx264 -preset veryfast -b:v 1600k -pix_fmt yuv420p -g 50 -c:a aac \
    -movflags +faststart "$clip"
  clip_bytes=$(stat -c %s "$clip")
  clip_sha256=$(sha256sum "$clip" | cut -d ' ' -f 1)
  big_upload="$work/big.bin"
  head -c 40M /dev/urandom >"$big_upload"
}

start_services_of_users() { # scheme of the gateway's URLs, if it is not http
  make_token_key
  sign_in user_alice
  sign_in user_bob
  start_services "$storage" "$folder" "$@"
  untouched=$(objects)
}

# --- words for the steps ---

expect_equal() { # what, actual, expected
  [[ "$2" == "$3" ]] && return
  printf 'expected %s to be %s, got %s\n' "$1" "$3" "$2" | redacted >&2
  return 1
}

expect_code() { # code, command...
  local wanted="$1" code=0
  shift
  "$@" || code=$?
  expect_equal "the exit code of ${1##*/}" "$code" "$wanted"
}

# Status, curl's arguments: the answer's body and headers stay in files.
expect_status() {
  local wanted="$1" status
  shift
  status=$(curl -sS --max-time 120 -o "$work/$body" -D "$work/$headers" -w '%{http_code}' "$@")
  ((status < 400)) || cat "$work/$headers" "$work/$body" >>"$work/logs/$kind-refusals.log"
  [[ "$status" == "$wanted" ]] && return
  printf 'expected status %s, got %s: %s\n' "$wanted" "$status" "$(head -c 600 "$work/$body")" | redacted >&2
  return 1
}

as() { # user, status, curl's arguments: a call of the signer's API
  local user="$1" status="$2"
  shift 2
  expect_status "$status" -H "@$work/$user.header" "$@"
}

header() { # name: its value in the last answer
  tr -d '\r' <"$work/$headers" | sed -n "s/^$1: //Ip"
}

answer() { # an expression on `it`, the last answer's JSON
  json "$1" <"$work/$body"
}

# Prints every object in storage with its size.
objects() {
  case "$storage" in
    s3://*) "$python" "$check/bucket.py" objects "$storage" ;;
    *) find "$folder/files" -type f -printf '%P %s\n' | sort ;;
  esac
}

# Prints what an upload has begun and not finished, beside objects.
pending() {
  [[ "$storage" == file://* ]] || "$python" "$check/bucket.py" pending "$storage"
  find "$folder/tmp" -type f
}

# Words for what is awaited: storage is as it was before the first upload.
wait_until_untouched() {
  wait_until 60 "$1" is_untouched && return
  printf 'before:\n%s\nnow:\n%s\npending:\n%s\n' "$untouched" "$(objects)" "$(pending)" >&2
  return 1
}

is_untouched() {
  [[ "$(objects)" == "$untouched" && -z "$(pending)" ]]
}

catalog_rows() {
  python3 -c 'import sqlite3, sys; print(*sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute(
    "select id, state from files order by id"), sep="\n")' "$folder/catalog.db"
}

# --- the steps ---

upload_clip() {
  as user_alice 200 -F "note=made for the check" -F "job_id=job_1" -F "file=@$clip;type=video/mp4" "$signer/files/upload"
  expect_equal "the answer" "$(answer it.success)" true
  expect_equal "the answer's size" "$(answer it.data.file.size)" "$clip_bytes"
  expect_equal "the answer's sha256" "$(answer it.data.file.sha256)" "$clip_sha256"
  expect_equal "the answer's owner" "$(answer it.data.file.user_id)" user_alice
  expect_equal "the answer's job" "$(answer it.data.file.job_id)" job_1
  expect_equal "the answer's type" "$(answer it.data.file.content_type)" video/mp4
  expect_equal "the answer's note" "$(answer it.data.file.metadata.note)" "made for the check"
  file_id=$(answer it.data.file.id)
  as user_alice 200 "$signer/v1/files"
  expect_equal "the only file listed" "$(answer 'it.data.files.map((file) => file.id).join()')" "$file_id"
  as user_bob 200 "$signer/files"
  expect_equal "the files of another user" "$(answer it.data.files.length)" 0
}

# A wrong digest keeps nothing; the clip in front of its index and behind it; each goes away again.
put_clips() {
  local camera="$work/camera.mp4" digest id
  digest=$(openssl dgst -sha256 -binary "$clip" | base64)
  as user_alice 400 -T "$big_upload" -H "Content-Digest: sha-256=:$digest:" "$signer/files/raw/wrong.bin"
  expect_equal "the refusal's code" "$(answer it.code)" digest_mismatch
  as user_alice 200 -T "$clip" -H "Content-Digest: sha-256=:$digest:" "$signer/files/raw/clip%20%E2%84%961.mp4?title=A+day"
  expect_equal "the answer's name" "$(answer it.data.file.filename)" "clip №1.mp4"
  expect_equal "the answer's title" "$(answer it.data.file.metadata.title)" "A day"
  expect_equal "the answer's sha256" "$(answer it.data.file.sha256)" "$clip_sha256"
  expect_equal "the answer's warnings" "$(answer it.data.warnings)" undefined
  tells_what_ffprobe_tells "$clip"
  id=$(answer it.data.file.id)
  as user_alice 200 -X DELETE "$signer/files/$id"

  ffmpeg -v error -y -i "$clip" -c copy "$camera"
  as user_alice 200 -T "$camera" "$signer/files/raw/camera.mp4"
  expect_equal "whether the index comes first" "$(answer it.data.file.metadata.media_moov_first)" false
  expect_equal "whether there is a warning of it" "$(answer '/faststart/.test(it.data.warnings)')" true
  tells_what_ffprobe_tells "$camera"
  id=$(answer it.data.file.id)
  as user_alice 200 -X DELETE "$signer/files/$id"
}

tells_what_ffprobe_tells() { # the file of the last answer
  local told
  told=$(answer '((m) => [m.media_width, m.media_height, Number(m.media_duration_seconds).toFixed(1)].join())(it.data.file.metadata)')
  expect_equal "width, height and seconds" "$told" "$(ffprobe -v error -select_streams v -show_entries stream=width,height:format=duration \
    -of default=nk=1:nw=1 "$1" | awk 'NR < 3 { printf "%s,", $1 } NR == 3 { printf "%.1f", $1 }')"
}

sign_url() {
  as user_alice 200 --json '{"expiresIn": 3600}' "$signer/files/$file_id/signed-url"
  url=$(answer it.data.url)
  remember_signature "$url"
  expect_equal "the URL's beginning" "${url%%\?*}" "$gateway/files/secure/$file_id"
  expect_equal "expires_at as toISOString() writes it" \
    "$(answer '/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(it.data.expires_at)')" true
}

download_all() {
  expect_status 200 "$url"
  cmp "$work/$body" "$clip"
  expect_equal Content-Type "$(header content-type)" video/mp4
  expect_equal Content-Length "$(header content-length)" "$clip_bytes"
}

download_first_bytes() {
  expect_status 200 --head "$url"
  expect_equal Content-Length "$(header content-length)" "$clip_bytes"
  expect_equal Accept-Ranges "$(header accept-ranges)" bytes
  expect_status 206 --range 0-1 "$url"
  expect_equal Content-Range "$(header content-range)" "bytes 0-1/$clip_bytes"
  cmp "$work/$body" <(head -c 2 "$clip")
}

random_ranges() {
  python3 "$check/ranges.py" "$clip" 200 <<<"$url"
}

play_in_ffmpeg() {
  expect_equal "the streams" "$(ffprobe -v error -show_entries stream=codec_name -of csv=p=0 "$url" | tr '\n' ' ')" "h264 aac "
  expect_equal "the frame at 15 s" "$(frame_at_15_seconds "$url")" "$(frame_at_15_seconds "$clip")"
}

frame_at_15_seconds() { # URL or file, options for reading it
  ffmpeg -v error -ss 15 "${@:2}" -i "$1" -map 0:v -frames:v 1 -f framemd5 -
}

play_in_chromium() {
  PLAYWRIGHT="$playwright" TMPDIR="$work" node "$check/play_signed_url.mjs" <<<"$url"
}

accept_other_issuer() {
  local version signed
  for version in v1 v2; do
    signed=$(node "$check/signed_url.mjs" "$version" "$gateway" "$file_id" user_alice)
    remember_signature "$signed"
    expect_status 200 "$signed"
    cmp "$work/$body" "$clip"
  done
  expect_equal "the disposition that v2 asks for" "$(header content-disposition | cut -d ';' -f 1)" inline
}

refuse_flipped_signature() {
  expect_status 403 "${url%?}$(other_digit "${url: -1}")"
  expect_equal "the answer's keys" "$(answer 'Object.keys(it).sort().join()')" code,error,message,request_id
  expect_equal error "$(answer it.error)" "Invalid signature"
  expect_equal code "$(answer it.code)" bad_signature
  expect_equal request_id "$(answer it.request_id)" "$(header x-request-id)"
  expect_equal Cache-Control "$(header cache-control)" no-store
  expect_equal Access-Control-Allow-Origin "$(header access-control-allow-origin)" "*"
}

refuse_strangers() {
  local theirs
  as user_bob 404 "$signer/files/$file_id"
  as user_bob 404 -X POST "$signer/files/$file_id/signed-url"
  as user_bob 404 -X DELETE "$signer/files/$file_id"
  theirs=$(node "$check/signed_url.mjs" v1 "$gateway" "$file_id" user_bob)
  expect_status 404 "$theirs"
  expect_equal error "$(answer it.error)" "File not found"
  expect_status 401 "$signer/files/$file_id"
  expect_equal error "$(answer it.error)" Unauthorized
  expect_equal message "$(answer it.message)" "No token provided"
}

delete_clip() {
  local answered milliseconds
  as user_alice 200 -X DELETE "$signer/files/$file_id"
  answered=$(date +%s%3N)
  wait_until 30 "the deleted file's URL is 404" url_is_gone
  milliseconds=$((asked - answered))
  echo "the URL was refused $milliseconds ms after the deletion was answered"
  ((milliseconds <= 2000))
  wait_until_untouched "the deleted file's object is gone"
}

url_is_gone() {
  asked=$(date +%s%3N)
  [[ "$(curl -s -o /dev/null -w '%{http_code}' --range 0-1 "$url")" == 404 ]]
}

cut_upload() {
  local before curl_pid
  before=$(catalog_rows)
  curl -sS --limit-rate 5M -H "@$work/user_alice.header" -F "file=@$big_upload" "$signer/files/upload" >"$work/logs/cut.log" 2>&1 &
  curl_pid=$!
  wait_until 60 "curl has sent 30 % of an upload" has_read "$curl_pid" $((12 * 1024 * 1024))
  kill -STOP "$curl_pid"
  echo "on its way when it was cut: $(pending | wc -l) pending, $(objects | wc -l) objects"
  kill -KILL "$curl_pid"
  wait "$curl_pid" 2>/dev/null || true
  wait_until_untouched "nothing is left of an upload that was cut"
  expect_equal "the catalog's rows" "$(catalog_rows)" "$before"
}

has_read() { # pid, bytes
  local bytes
  bytes=$(sed -n 's/^rchar: //p' "/proc/$1/io" 2>/dev/null || true)
  ((${bytes:-0} >= $2))
}

# Beside the logs, which are read together.
keep_metrics() {
  metrics="$work/logs/$kind-metrics.log"
  curl -sSf "http://$SIGNER_INTERNAL_LISTEN/metrics" "http://$GATEWAY_ADMIN_LISTEN/metrics" >"$metrics"
}

# They were written at the most talkative level (`start_services`).
logs_hold_no_secret() {
  local found
  cat "$work/logs/$kind-"*.log >"$work/all.log"
  found=$(grep -c -F -f "$work/secrets" -e 'signature=' "$work/all.log" || true)
  expect_equal "lines with a secret or a signature" "$found" 0
  found=$(grep -c -E 'eyJ[A-Za-z0-9_-]{8,}\.' "$work/all.log" || true)
  expect_equal "lines with a token" "$found" 0
  echo "$(wc -l <"$work/all.log") lines were read"
}
