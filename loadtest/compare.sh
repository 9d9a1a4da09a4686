#!/usr/bin/env bash
# The gateway beside nginx, in one run on one machine: what a range costs, and how fast it comes.
#
#   bash loadtest/compare.sh    about 50 minutes, at most 120; needs 8 GB of disk in the temporary folder
#
#   --only folder[,...]   some of the parts: folder, cache, cold, seek
#   --sizes 1024[,...]    of ranges; 1024,16384,65536,1048576,8388608 unless given
#   --connections 1[,...] 1,32,256 unless given
#   --rounds N            how often each cell is measured, servers in turn; 5 unless given
#   --seconds N           for how long each time; 2 unless given
#   --attempts N          measures hot ranges up to so often while other work has over 5 % of the machine, and takes the
#                         calmest; 1 unless given
#   --hot-mib N           size of the file that ranges are asked of; 1024 unless given
#   --gateway PATH        measures that binary; builds nothing if the signer is built
#   --beside PATH         in the folder, another build of the gateway in turn with it
#   --congestion NAME     of TCP, for all of them: reno, cubic or bbr, in a network of its own (as root); the machine's
#                         unless given
#   --out FOLDER          for rows.jsonl, comparison.md, summary.md, comparison.svg; target/comparison unless given
#   --quick               a short round of a few cells of everything: shows that it works, no figures to rely on
#
# All servers have one worker thread, on one core; the load has another. `wrk` makes its requests in advance; where its
# core was over 90 % busy the tables say so, and only CPU counts. CPU is the server's own, from /proc (`schedstat`); what
# waits in a server's socket is sent at its client's expense, so hot ranges also have the CPU of both.
#
#   folder   hot ranges of a file in a folder: the gateway, which checks a signature; nginx that checks nothing, and with
#            `sndbuf=200k` at 8 MiB; nginx that checks the same signature in njs
#   cache    hot ranges of an object in SeaweedFS: the gateway's cache; nginx's slice cache, with tcp_nopush and without
#   cold     a walk through that object, nothing asked for twice: the gateway with an empty cache; nginx as a proxy, with
#            its own buffers and with larger ones. SeaweedFS shares the load's core, so rates are not to be compared
#   seek     first byte of random 64 KiB ranges, from all of them and from SeaweedFS itself
#
# Exits 1 when an answer is not the range that was asked for; no figure is judged by the exit code.
set -euo pipefail
shopt -s inherit_errexit
[[ "${1:-}" != --help ]] || { sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" && exit; }
[[ -n "${T2M_BOUNDED:-}" ]] || T2M_BOUNDED=yes exec timeout --kill-after=30 7200 bash "$0" "$@"

# shellcheck source=loadtest/measure.sh
source "$(dirname "${BASH_SOURCE[0]}")/measure.sh"
readonly compare="$root/loadtest/compare"
# shellcheck source=loadtest/compare/peers.sh
source "$compare/peers.sh"
# shellcheck source=loadtest/compare/parts.sh
source "$compare/parts.sh"

option=(
  [only]="folder,cache,cold,seek" [sizes]="1024,16384,65536,1048576,8388608" [connections]="1,32,256"
  [rounds]=5 [seconds]=2 [attempts]=1 [hot-mib]=1024 [gateway]="" [beside]="" [out]="" [congestion]=""
)
quick_option=([sizes]="1024,1048576" [connections]=32 [rounds]=1 [seconds]=0.5 [hot-mib]=64)

# Part: it is to be measured.
wanted() {
  [[ ",${option[only]}," == *",$1,"* ]]
}

# Name, command...: runs it in place of us, in a network where only loopback is, with that congestion control.
alone_with() {
  # shellcheck disable=SC2016 # of the shell within
  T2M_ALONE=yes exec unshare --net bash -euc '
    ip link set lo up
    for target in 127.0.0.0/8 127.0.0.1; do
      ip route change local "$target" dev lo table local proto kernel scope host src 127.0.0.1 congctl "$0"
    done
    exec "$@"' "$@"
}

read_options "$@"
[[ -z "${option[congestion]}" || -n "${T2M_ALONE:-}" ]] || alone_with "${option[congestion]}" bash "$0" "$@"
for part in ${option[only]//,/ }; do
  [[ "$part" == @(folder|cache|cold|seek) ]] || { echo "no such part: $part; see --help" >&2 && exit 64; }
done
begin_with_gateway
hot_bytes=$((option[hot-mib] * 1024 * 1024))
rows="$work/rows.jsonl"
congestion="${option[congestion]:-$(</proc/sys/net/ipv4/tcp_congestion_control)}"
if wanted folder || wanted seek; then
  store_in_folder
fi
! wanted folder || compare_folder
if wanted cache || wanted cold || wanted seek; then
  store_in_bucket
fi
! wanted cache || compare_cache
! wanted cold || compare_cold
! wanted seek || compare_seek
out="${option[out]:-$(target_folder)/comparison}"
mkdir -p "$out"
cp "$rows" "$out/"
python3 "$compare/report.py" write "$rows" "$out"
end_servers "${!server_pid[@]}"
conclude 0
