# shellcheck shell=bash disable=SC2154 # variables are of the scripts that source this file
# What happens to a topology in use. Each event waits first until all is well, and lasts until it is so again.

# Name, command: what ends meanwhile belongs to the event.
happen() {
  local began
  wait_until 120 "all is well before: $1" is_calm
  tell "event/$1"
  began=$SECONDS
  "${@:2}"
  wait_until 120 "all is well after: $1" is_calm
  echo "$1: $((SECONDS - began)) s"
}

start_watch() {
  sign_in user_alice
  start watch node deploy/rehearse/watch.mjs "$watch_port" "http://$api_address/api" "$work/user_alice.header" "$work/ledger.jsonl"
  watch_pid=$started
  wait_until "$ready_seconds" "players are there" is_calm
}

is_calm() {
  kill -0 "$watch_pid" 2>/dev/null || exit 1
  curl -sf -o /dev/null "http://127.0.0.1:$watch_port/calm"
}

tell() { # what watch.mjs is told
  curl -sSf -o /dev/null --max-time 120 -X POST "http://127.0.0.1:$watch_port/${1// /%20}"
}

nothing() {
  sleep "$1"
}

# A new process on the same addresses and the same cache. Nobody has told the proxy.
kill_and_start() { # name
  kill -KILL "${pid_of[$1]}"
  wait "${pid_of[$1]}" 2>/dev/null || true
  tell mark/gone
  sleep 3
  start_service "$1"
  wait_until "$ready_seconds" "the proxy has $1 in its rotation again" in_rotation "$1"
}

# As a deployment does it: the next one only when the one before is in the rotation again.
restart_in_turn() { # names
  local name
  for name in "$@"; do
    stop "${pid_of[$name]}"
    start_service "$name"
    wait_until "$ready_seconds" "the proxy has $name in its rotation again" in_rotation "$name"
    # As long as a deployment waits to see that a new one stays up.
    sleep 2
  done
}

# Workers with the new configuration take over from the old ones, which finish what they have begun.
reload_proxy() {
  kill -USR2 "${pid_of[proxy]}"
  sleep 5
  wait_until "$ready_seconds" "the proxy has all services in its rotation" all_in_rotation
}

redis_goes_away() {
  stop "$redis_pid"
  sleep 5
  run_redis
}

# Whoever is connected is cut off, as by an upgrade of the server.
restart_postgres() {
  tell warm
  kill -INT "$postgres_pid"
  wait "$postgres_pid" || true
  tell mark/away
  sleep "$1"
  run_postgres
  tell mark/back
}

# As a machine that hangs, or a network that swallows packets: connections are taken, and nothing is answered.
freeze_seaweedfs() {
  tell warm
  kill -STOP "$seaweedfs_pid"
  sleep 10
  kill -CONT "$seaweedfs_pid"
}

kill_seaweedfs() {
  tell warm
  kill -KILL "$seaweedfs_pid"
  wait "$seaweedfs_pid" 2>/dev/null || true
  sleep 10
  run_seaweedfs
}
