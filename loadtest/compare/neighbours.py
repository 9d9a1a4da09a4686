"""Latency of hot ranges, alone and while another client reads cold files, from one gateway.

  neighbours.py <cell as JSON> < the hot file's URL, then the cold ones', a line each

The cell is one of load.py, with the pause between requests, the bytes of all cold files, and the ratio of the p99s that
is allowed, if it is to be judged. Prints the p99 of each measurement, and how many of the cold bytes came from disk.
"""
import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from load import checked_head, output_of, start_wrk, verified
from range_client import RangeClient, Refused

ALONE = 3
OVER_LIMIT = 2
READER = Path(__file__).with_name("cold_reader.py")


def p99_milliseconds(cell, url, head_bytes):
    wrk = start_wrk(cell, url)
    try:
        return verified(output_of(wrk), cell, head_bytes)["p99_us"] / 1000
    finally:
        wrk.kill()


def read_from_disk(pid):
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("read_bytes:"):
            return int(line.split()[1])
    raise ValueError(f"no read_bytes of process {pid}")


def start_reader(cell, urls):
    command = ["taskset", "-c", str(cell["load_core"]), sys.executable, str(READER)]
    reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    reader.stdin.write("\n".join(urls))
    reader.stdin.close()
    return reader


def beside_reader(reader, once):
    """As often as the reader lets us; the last time, in which it came to its end, counts only if there is no other."""
    found = []
    while True:
        value = once()
        if found and reader.poll() is not None:
            return found
        found.append(value)
        if reader.poll() is not None:
            return found


def compare(cell, hot, cold):
    """The p99s alone, those beside the reader, and the part of its bytes that came from disk."""
    head_bytes = checked_head(cell, hot)
    RangeClient(hot).read(0, cell["span"])

    def once():
        return p99_milliseconds(cell, hot, head_bytes)

    before = [once() for _ in range(ALONE)]
    disk = read_from_disk(cell["pid"])
    reader = start_reader(cell, cold)
    try:
        beside = beside_reader(reader, once)
        if reader.wait() != 0:
            raise Refused("the reader of cold files did not come to its end")
        got = int(reader.stdout.read())
    finally:
        reader.kill()
    disk = read_from_disk(cell["pid"]) - disk
    if got < cell["cold_bytes"]:
        raise Refused(f"the reader got {got} bytes of {cell['cold_bytes']}")
    alone = before + [once() for _ in range(ALONE)]
    return alone, beside, disk / got


def report(alone, beside, from_disk, limit):
    """Returns the exit code."""
    ratio = median(beside) / median(alone)
    over = limit != "" and ratio > limit
    verdict = "" if limit == "" else f", {'OVER' if over else 'within'} the limit of {limit}"
    print(f"p99 alone, ms                   {' '.join(f'{each:.2f}' for each in alone)}")
    print(f"p99 beside a cold reader, ms    {' '.join(f'{each:.2f}' for each in beside)}")
    print(f"of the cold bytes, from disk    {from_disk:.0%}")
    print(f"ratio of the medians            {ratio:.2f}{verdict}")
    return OVER_LIMIT if over else 0


if __name__ == "__main__":
    cell = json.loads(sys.argv[1])
    hot, *cold = sys.stdin.read().split()
    try:
        sys.exit(report(*compare(cell, hot, cold), cell["at_most"]))
    except (Refused, OSError) as problem:
        sys.exit(str(problem))
