#!/usr/bin/env bash
# Load tests by k6, against any service, or against one that this starts for itself.
#
#   bash loadtest/k6.sh [suite...]     all of them unless named: over an hour, for soak alone takes one
#
#   smoke      every kind of answer once: health, identity, ranges, conditions, pages, refusals, a deletion
#   playback   300 viewers for a minute: link, probe, ranges at the film's bitrate, seeks, pauses, some leave midway
#   issue      links for users, and for the main API on the internal listener
#   stress     where the knee is; and of a gateway that is started here, what becomes of twice, five and ten times as much
#   abuse      bad links and forged tokens beside good traffic, whose p95 stays where it was
#   soak       100 viewers for an hour: neither memory nor open files grow
#
#   --base URL[,...]      of the gateways or their proxy; where the links point to unless given
#   --api URL[,...]       of the signer, with /api; needs TOKEN. Without it a service is started here, on a folder
#   --internal URL[,...]  the signer's internal listener: the main API's links and the signer's metrics; needs SERVICE_TOKEN
#   --admin URL[,...]     the gateways' admin listeners, for metrics
#   --vus N               viewers or callers; 300 in playback, 16 of each kind in issue, 100 in soak
#   --duration 90s        of playback, issue and abuse (60s), of soak (1h)
#   --release FOLDER      the binaries to start, gateway and signer; built unless given
#   --out FOLDER          for a JSON a suite, k6-<suite>.json; target/k6 unless given
#   --quick               about four minutes, and times are hardly judged: shows that it works
#
# TOKEN is a user's token, or several with commas: films are stored for the first, and removed at the end. Its user needs
# a rate that allows as many links (RATE_LIMIT, SIGNER_TIERS), or INTERNAL must be given. Each suite runs alone, too:
#
#   k6 run -e API=http://localhost:8081/api -e TOKEN=... loadtest/playback.js
#
# and is told more by names like these: BASE, API, TOKEN, INTERNAL, SERVICE_TOKEN, ADMIN, VUS, DURATION, OUT (folder);
# INSECURE=true takes any certificate; FILMS (4), FILM_MIB (24), BITRATE (4000000), SEGMENT_KIB (512), JOIN_SECONDS (5), and
# LOOKS (0.25: ranges whose bytes are looked at) of the viewers; STEPS (7), STEP_SECONDS (10), FIRST_RATE (100), RANGE_KIB
# (64), MAX_VUS (500) of stress; GOOD_RATE (60), BAD_RATE (200) of abuse. What is judged: FIRST_BYTE_MS (50), ISSUE_MS (50),
# MAX_FAILED (0: ranges and links), MEMORY_MIB (16), OPEN_FILES (250), MAY_MOVE (1.25: a ratio), GRAIN_MS (1).
#
# A service that is started here has one thread on one core, as in all measurements; k6 has another. Exits 1 when a suite
# was not as it must be.
set -euo pipefail
shopt -s inherit_errexit
for argument in "$@"; do
  [[ "$argument" != --help ]] || { sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" && exit; }
done
[[ -n "${T2M_BOUNDED:-}" ]] || T2M_BOUNDED=yes exec timeout --kill-after=30 7200 bash "$0" "$@"

# shellcheck source=loadtest/measure.sh
source "$(dirname "${BASH_SOURCE[0]}")/measure.sh"
# shellcheck source=loadtest/k6/service.sh
source "$root/loadtest/k6/service.sh"

suites=(smoke playback issue stress abuse soak)
wanted=()
while (($# > 0)) && [[ "$1" != --* ]]; do
  [[ " ${suites[*]} " == *" $1 "* ]] || { echo "no such suite: $1; see --help" >&2 && exit 64; }
  wanted+=("$1")
  shift
done

option=([base]="" [api]="" [internal]="" [admin]="" [vus]="" [duration]="" [release]="" [out]="" [brief]="")
quick_option=([brief]=yes)
path_options="release out"

# Suite: settings as NAME=value for a short run on a machine that may be busy with anything. What is judged is right or
# wrong there; times only so far as to show that they are measured.
brief() {
  local wide="FIRST_BYTE_MS=5000 ISSUE_MS=5000 MAY_MOVE=20 GRAIN_MS=500 MEMORY_MIB=64"
  case "$1" in
    playback) echo "$wide VUS=60 DURATION=20s JOIN_SECONDS=2" ;;
    issue) echo "$wide VUS=8 DURATION=10s" ;;
    stress) echo "$wide STEPS=4 STEP_SECONDS=3" ;;
    soak) echo "$wide VUS=20 DURATION=120s" ;;
    abuse) echo "$wide DURATION=20s" ;;
    smoke) echo "$wide" ;;
  esac
}

# Suite: its table; one that is not as it must be is in `failed` then.
run_suite() {
  local settings=()
  [[ -z "${option[brief]}" ]] || read -ra settings < <(brief "$1")
  [[ -z "${option[vus]}" ]] || settings+=(VUS="${option[vus]}")
  [[ -z "${option[duration]}" ]] || settings+=(DURATION="${option[duration]}")
  rm -f "$out/k6-$1.json"
  asked "$1" "${settings[@]}" && is_as_it_must_be "$1" || failed+=("$1")
  [[ "$1" != stress || -n "${option[api]}" ]] || offer_too_much
}

# Suite, settings.
asked() {
  env OUT="$out" "${@:2}" taskset -c "$load_core" "$k6" run --quiet --no-usage-report --no-color "$root/loadtest/$1.js" 2>&1 |
    redacted | without_abandoned
}

# Suite: what k6 alone does not judge is in there too.
is_as_it_must_be() {
  [[ "$(json it.holds <"$out/k6-$1.json")" == true ]]
}

# Those who leave midway are meant to, and k6 says so each time.
without_abandoned() {
  grep -v 'Request Failed.*request timeout' || true
}

read_options "$@"
[[ -z "${option[api]}" || -n "${TOKEN:-}" ]] || { echo "TOKEN is needed beside --api; see --help" >&2 && exit 64; }
begin_with_k6
out="${option[out]:-$(target_folder)/k6}"
mkdir -p "$out"
if [[ -n "${option[api]}" ]]; then
  known_service
else
  start_own_service
fi
failed=()
for suite in "${wanted[@]:-${suites[@]}}"; do
  run_suite "$suite"
done
end_own_service
((${#failed[@]} == 0)) || echo "not as it must be: ${failed[*]}" >&2
conclude $((${#failed[@]} > 0))
