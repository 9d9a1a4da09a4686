"""Uploads, server by server: compare.py <file to send> <file with a user's header> <folder> <core for the client> <rounds> <parallel>

Reads `<name> <pid> <URL>` lines: `free`, a signer with every core; `pinned`, one with one core; `node`, the peer, with the same
core. Everything takes turns. Prints tables, and how the medians stand to what is to be reached; exits 1 if one is missed.
"""
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import send

sys.path.insert(0, str(Path(__file__).parents[1] / "compare"))
import procfs  # noqa: E402
import words  # noqa: E402

TIMES_DD, TIMES_NODE, CPU_OF_NODE, GROWTH_MIB = 0.5, 1.5, 0.5, 32
EACH_OF_PARALLEL = 32 << 20

source, header, folder, core = sys.argv[1:5]
core, rounds, parallel = map(int, sys.argv[4:])
servers = {name: (int(pid), url) for name, pid, url in (line.split() for line in sys.stdin)}
size = os.path.getsize(source)
everywhere = os.sched_getaffinity(0)
kinds = send.routes(servers["free"][1], header)


def copy():
    """Seconds that `dd` takes for the same file, from page cache to the same disk."""
    target = Path(folder) / "copy.bin"
    began = time.perf_counter()
    subprocess.run(["dd", f"if={source}", f"of={target}", "bs=1M", "conv=fsync", "status=none"], check=True)
    took = time.perf_counter() - began
    target.unlink()
    return took


def upload(name, kind):
    """Seconds that an upload takes, and those of a CPU that it costs the server."""
    pid, url = servers[name]
    one, cpu = send.Upload(url, header, source), procfs.Cpu(pid)
    took, stored = one.send(kind)
    # What it does after the answer is its cost as well.
    time.sleep(0.05)
    used = cpu.seconds()
    one.delete(stored)
    return took, used


def grow(kind):
    """MiB by which a signer's memory grows with many uploads at once."""
    pid, url = servers["free"]
    idle = procfs.memory_kib(pid, "VmRSS")
    procfs.reset_peak(pid)
    begin, failed = threading.Barrier(parallel), []

    def one():
        upload = send.Upload(url, header, source)
        begin.wait()
        try:
            upload.delete(upload.send(kind, min(size, EACH_OF_PARALLEL))[1])
        except ConnectionError as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(parallel)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        sys.exit(f"{len(failed)} of {parallel} uploads failed: {failed[0]}")
    return (procfs.memory_kib(pid) - idle) / 1024


growth = {kind: grow(kind) for kind in kinds}
found = {}
for _ in range(rounds):
    found.setdefault(("dd", ""), []).append((copy(), 0))
    for kind in kinds:
        found.setdefault(("free", kind), []).append(upload("free", kind))
    os.sched_setaffinity(0, {core})
    for name, kind in [("pinned", kind) for kind in kinds] + [("node", "tus")]:
        found.setdefault((name, kind), []).append(upload(name, kind))
    os.sched_setaffinity(0, everywhere)

rate = {key: size / statistics.median(took for took, _ in rows) for key, rows in found.items()}
cost = {key: statistics.median(cpu for _, cpu in rows) / size * (1 << 20) for key, rows in found.items()}


def compared(name, kind, peer):
    return f"{rate[name, kind] / rate[peer]:.2f} ×", f"{cost[name, kind] / cost[peer]:.2f} ×" if cost[peer] else ""


rows = [["`dd conv=fsync`", "", f"{words.byte_rate(rate['dd', ''])}/s", "", "", ""]]
for kind in kinds:
    rows.append([f"signer, {kind}, every core", "dd", f"{words.byte_rate(rate['free', kind])}/s",
                 f"{cost['free', kind] * 1e6:,.0f}", *compared("free", kind, ("dd", ""))])
rows.append(["`@tus/server`, file store, one core", "", f"{words.byte_rate(rate['node', 'tus'])}/s",
             f"{cost['node', 'tus'] * 1e6:,.0f}", "", ""])
for kind in kinds:
    rows.append([f"signer, {kind}, one core", "`@tus/server`", f"{words.byte_rate(rate['pinned', kind])}/s",
                 f"{cost['pinned', kind] * 1e6:,.0f}", *compared("pinned", kind, ("node", "tus"))])
print(words.table(["one upload", "beside", "bytes/s", "CPU µs a MiB", "its bytes/s to the other's", "its CPU"], rows))
missed = []


def judge(what, got, goal, is_most=False):
    reached = got <= goal if is_most else got >= goal
    print(f"{what}: {got:.2f}, {'at most' if is_most else 'at least'} {goal}", "reached" if reached else "MISSED")
    missed.extend([] if reached else [what])


for kind in kinds:
    judge(f"{kind}, its bytes/s to dd's", rate["free", kind] / rate["dd", ""], TIMES_DD)
    judge(f"{kind}, growth of the signer with {parallel} uploads at once, MiB", growth[kind], GROWTH_MIB, is_most=True)
if "tus" in kinds:
    judge("tus, its bytes/s to @tus/server's", rate["pinned", "tus"] / rate["node", "tus"], TIMES_NODE)
    judge("tus, its CPU to @tus/server's", cost["pinned", "tus"] / cost["node", "tus"], CPU_OF_NODE, is_most=True)
sys.exit(bool(missed))
