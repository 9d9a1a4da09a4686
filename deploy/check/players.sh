# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# Players and downloaders that are not ours, each with a signed URL of a real gateway. Part of `end_to_end`: the services
# run, `url` is the clip's, and every step leaves them as they were.

# command:package
readonly player_commands=(aria2c:aria2 mpv:mpv setpriv:util-linux vlc:vlc-bin wget:wget)
readonly nobody=65534
readonly seeks=20

install_players() {
  install_debian_packages "${player_commands[@]}"
  compgen -G "/usr/lib/*/vlc/plugins/control/liboldrc_plugin.so" >/dev/null ||
    install_debian_packages "VLC's remote control:vlc-plugin-base"
}

# The clip ten times over: more than any player reads in advance.
make_film() {
  film="$work/film.mp4"
  ffmpeg -v error -y -stream_loop 9 -i "$clip" -c copy -movflags +faststart "$film"
  film_sha256=$(sha256sum "$film" | cut -d ' ' -f 1)
  film_bytes=$(stat -c %s "$film")
}

players() {
  local then=""
  # What Chromium does at the end of a link takes it half a minute, and storage has no part in it.
  [[ "$kind" != file ]] || then=outlive
  step "$kind: a film is uploaded for the players" upload_film
  step "$kind: doctor finds nothing that a player could not live with" consult_doctor
  step "$kind: Chromium seeks $seeks times${then:+, and goes on over the end of a link}" seek_in_chromium "$then"
  step "$kind: ffmpeg decodes every frame, and those at places sought" decode_in_ffmpeg
  step "$kind: mpv plays and seeks $seeks times" seek_in_mpv
  step "$kind: VLC plays and seeks" seek_in_vlc
  step "$kind: curl -C - goes on where it was killed" resume_in_curl
  step "$kind: wget -c goes on where it was killed" resume_in_wget
  step "$kind: aria2c goes on with eight connections where it was killed" resume_in_aria2
  step "$kind: the film is deleted" delete_film
}

upload_film() {
  as user_alice 200 -T "$film" "$signer/files/raw/film.mp4"
  film_id=$(answer it.data.file.id)
  as user_alice 200 --json '{"expiresIn": 3600}' "$signer/files/$film_id/signed-url"
  film_url=$(answer it.data.url)
  remember_signature "$film_url"
}

delete_film() {
  as user_alice 200 -X DELETE "$signer/files/$film_id"
  rm -rf "$folder/players"
}

consult_doctor() {
  local report
  report=$("$release/gateway" doctor --json - <<<"$film_url")
  expect_equal "the score" "$(json it.score <<<"$report")" 100
  expect_equal "the rows that were not played" "$(json it.unplayed <<<"$report")" 0
  "$release/gateway" doctor - <<<"$film_url" | tail -n 1
}

seek_in_chromium() { # outlive, or nothing
  PLAYWRIGHT="$playwright" TMPDIR="$work" node "$check/players/seek_and_outlive.mjs" \
    "$signer/files/$film_id/signed-url" "$work/user_alice.header" "$work/secrets" "$seeks" "$1"
}

decode_in_ffmpeg() {
  local place
  expect_equal "the frames" "$(frames "$url" | md5sum)" "$(frames "$clip" | md5sum)"
  for place in 390 3.3 200 199 0 396.5; do
    expect_equal "the frame at $place s" "$(frame_at "$place" "$film_url")" "$(frame_at "$place" "$film")"
  done
}

frames() { # URL or file
  ffmpeg -v error -i "$1" -f framemd5 -
}

frame_at() { # seconds, URL or file
  ffmpeg -v error -ss "$1" -i "$2" -map 0:v -frames:v 1 -f framemd5 -
}

# The places at which it says that it is, over HTTP and in the file itself.
seek_in_mpv() {
  local sought
  sought=$(places_in_mpv "$film_url")
  expect_equal "the places" "$sought" "$(places_in_mpv "$film")"
  expect_equal "how many" "$(wc -l <<<"$sought")" "$seeks"
}

places_in_mpv() { # URL or file
  timeout 120 mpv --no-config --pause --vo=null --ao=null --hr-seek=yes --really-quiet --script="$check/players/seek.lua" \
    --script-opts="seek-count=$seeks" --playlist=- <<<"$1" | grep -a '^at '
}

seek_in_vlc() {
  local home="$folder/players/vlc" as=()
  mkdir -p "$home"
  # It refuses to be root.
  if ((EUID == 0)); then
    chown "$nobody" "$home"
    as=(setpriv --reuid "$nobody" --regid "$nobody" --clear-groups --)
  fi
  HOME="$home" python3 "$check/players/seek_in_vlc.py" "${as[@]}" vlc <<<"$film_url"
}

resume_in_curl() {
  local got="$folder/players/curl.mp4" had came
  mkdir -p "$folder/players"
  begin_and_kill "$got" curl -sS --limit-rate 5M -o "$got" "$film_url"
  had=$(stat -c %s "$got")
  came=$(curl -sS -C - -o "$got" -w '%{http_code} %{size_download}' "$film_url")
  expect_equal "what came then" "$came" "206 $((film_bytes - had))"
  came=$(curl -sS -C - -o "$got" -w '%{http_code}' "$film_url" || true)
  expect_equal "what comes once it has all" "$came" 416
  expect_film "$got"
}

resume_in_wget() {
  local got="$folder/players/wget.mp4" log="$work/logs/$kind-wget.txt"
  mkdir -p "$folder/players"
  begin_and_kill "$got" wget -q --limit-rate=5m -O "$got" "$film_url"
  wget -c -nv -S -O "$got" "$film_url" 2>"$log"
  expect_equal "partial answers" "$(grep -c '206 Partial Content' "$log")" 1
  rm "$log"
  expect_film "$got"
}

resume_in_aria2() {
  local got="$folder/players/aria2.mp4" options=(--no-conf --quiet --max-connection-per-server=8 --split=8 --min-split-size=1M
    --auto-save-interval=1 --file-allocation=none --dir="$folder/players" --out=aria2.mp4)
  mkdir -p "$folder/players"
  begin_and_kill "$got" aria2c "${options[@]}" --max-overall-download-limit=5M "$film_url"
  [[ -e "$got.aria2" ]]
  aria2c "${options[@]}" --continue=true "$film_url"
  [[ ! -e "$got.aria2" ]]
  expect_film "$got"
}

# A file, and the command that fills it: killed when a part has come.
begin_and_kill() {
  local fills="$1" pid
  shift
  start "$kind-downloads" "$@"
  pid=$started
  wait_until 60 "a part of the film has come" has_bytes "$fills" $((4 * 1024 * 1024))
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null || true
}

has_bytes() { # file, how many
  (($(stat -c '%b * %B' "$1" 2>/dev/null || echo 0) >= $2))
}

expect_film() { # file
  expect_equal "the SHA-256" "$(sha256sum "$1" | cut -d ' ' -f 1)" "$film_sha256"
  rm "$1"
}

# Debian's nginx as it comes, with the clip in a folder: that doctor tells what a static server leaves to be done.
examine_nginx() {
  local folder="$work/plain-nginx" port report
  once unpack_nginx
  port=$(python3 "$check/free_ports.py" 1)
  mkdir "$folder"
  cat >"$folder/nginx.conf" <<CONF
daemon off;
pid nginx.pid;
error_log stderr warn;
$( ((EUID != 0)) || echo 'user root;')
events {}
http {
  access_log off;
  types { video/mp4 mp4; }
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server { listen 127.0.0.1:$port; root "$work"; }
}
CONF
  start plain-nginx "$nginx" -p "$folder" -c nginx.conf -e stderr
  wait_until_ready "$started" "http://127.0.0.1:$port/clip.mp4"
  report=$("$(target_folder)/release/gateway" doctor "http://127.0.0.1:$port/clip.mp4") && return 1
  grep -A 3 -E '^(FAIL|note)' <<<"$report" || true
  tail -n 1 <<<"$report"
  expect_equal "the rows that break players" "$(grep -c '^FAIL' <<<"$report")" 1
  stop "$started"
}
