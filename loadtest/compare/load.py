"""One cell of the comparison: hot ranges of one size, over some connections, from one server, by `wrk`.

  load.py <cell as JSON> < URL

The cell names its part, server, round, size, connections and congestion control, and how to measure: the server's pid,
the core for wrk, seconds, how many bytes of the generated file to ask in, and how often to try while other work
disturbs. Prints one row, as JSON: the least disturbed.

Rates are taken between two moments in the middle of wrk's run, from the bytes that wrk has read (`/proc/<pid>/io`) and
the time on a CPU of both sides: neither the start nor answers that were cut at the end are in them.
"""
import json
import math
import subprocess
import sys
import time
from pathlib import Path

import procfs
from range_client import RangeClient, Refused, generated

WARM_UP_SECONDS = 0.5
WARM_UP_OF_CONNECTION = 1 / 256
SPARE_SECONDS = 0.2
CALM = 0.05
WRK_TIMEOUT_SECONDS = 60
RANGES = Path(__file__).with_name("ranges.lua")


def checked_head(cell, url):
    """Compares a range with what was uploaded; returns the size of the answer's head."""
    first = cell["span"] // cell["size"] // 2 * cell["size"]
    body = bytearray()
    _, head_bytes = RangeClient(url).read(first, cell["size"], body)
    if body != generated(first, cell["size"]):
        raise Refused("the bytes are not the file's")
    return head_bytes


def warm_up_seconds(cell):
    """Until send queues are as full as they get: what waits in them was sent and is not yet read."""
    return WARM_UP_SECONDS + cell["connections"] * WARM_UP_OF_CONNECTION


def start_wrk(cell, url):
    duration = math.ceil(warm_up_seconds(cell) + cell["seconds"] + SPARE_SECONDS)
    command = ["taskset", "-c", str(cell["load_core"]), "wrk", "-t1", f"-c{cell['connections']}", f"-d{duration}s"]
    command += [f"--timeout={WRK_TIMEOUT_SECONDS}s", "-s", str(RANGES), url, "--"]
    command += [str(number) for number in (cell["size"], cell["span"], cell.get("pause", 0))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def output_of(wrk):
    output, _ = wrk.communicate(timeout=WRK_TIMEOUT_SECONDS)
    if wrk.returncode != 0:
        raise Refused(f"wrk ended with exit code {wrk.returncode}")
    return output


def measured(cell, wrk):
    time.sleep(warm_up_seconds(cell))
    server, load, machine = procfs.Cpu(cell["pid"]), procfs.Cpu(wrk.pid), procfs.machine_seconds()
    began, read_before = time.perf_counter(), procfs.bytes_read(wrk.pid)
    time.sleep(cell["seconds"])
    read, seconds = procfs.bytes_read(wrk.pid) - read_before, time.perf_counter() - began
    if not read:
        raise Refused(f"nothing came within {cell['seconds']} s")
    ours = {"cpu_seconds": server.seconds(), "load_cpu_seconds": load.seconds()}
    others = procfs.machine_seconds() - machine - sum(ours.values())
    return {"bytes": read, "seconds": seconds, **ours, "other_cpu_seconds": max(0, others)}


def verified(output, cell, head_bytes):
    """wrk's summary, if every answer was the range: none refused, and all bytes those of so many heads and ranges."""
    summary = json.loads(output.strip().rpartition("\n")[2])
    if summary["errors"] or summary["refused"]:
        raise Refused(f"{summary['errors']} errors, {summary['refused']} answers over 399")
    least = summary["requests"] * (head_bytes - 16 + cell["size"])
    most = (summary["requests"] + cell["connections"]) * (head_bytes + 16 + cell["size"])
    if not max(1, least) <= summary["bytes"] <= most:
        raise Refused(f"{summary['bytes']} bytes came for {summary['requests']} ranges of {cell['size']}")
    return summary


def calmest_row(cell, url):
    rows = []
    for _ in range(cell.get("attempts", 1)):
        rows.append(row(cell, url))
        if disturbance(rows[-1]) < CALM:
            break
    return min(rows, key=disturbance)


def disturbance(row):
    """Part of the two cores that neither the server nor the load had."""
    return row["other_cpu_seconds"] / row["seconds"] / 2


def row(cell, url):
    head_bytes = checked_head(cell, url)
    procfs.reset_peak(cell["pid"])
    wrk = start_wrk(cell, url)
    try:
        figures = measured(cell, wrk)
        verified(output_of(wrk), cell, head_bytes)
    finally:
        wrk.kill()
    answers = figures["bytes"] / (cell["size"] + head_bytes)
    names = ("part", "server", "round", "size", "connections", "congestion")
    figures |= {"answers": answers, "rss_kib": procfs.memory_kib(cell["pid"])}
    return {name: cell[name] for name in names} | figures


if __name__ == "__main__":
    cell = json.loads(sys.argv[1])
    try:
        print(json.dumps(calmest_row(cell, sys.stdin.readline().strip())))
    except (Refused, OSError) as problem:
        sys.exit(f"{cell['server']}, {cell['connections']} connections, {cell['size']} bytes: {problem}")
