"""What clients of the gateway see when the disk under it fails: its folder of files, or its cache before a bucket.

  faults.py folder|cache <the gateway's pid> <file that the URL is of> <folder for traces> < URL

Every kind of call that reads or writes a file fails in turn. No answer may have a wrong byte or end early as if whole; with a
cache no request may fail at all, but for one whose bytes were on their way out. Afterwards all is as before.
"""
import http.client
import random
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from system_calls import Strace

SEED = 20261130
MIB = 1 << 20
TRIES = 12
PATIENCE = 60
# Longer than a file of a folder stays open for the next request.
KEPT_OPEN = 1.2
# What is injected and, for a folder, what may be answered instead of the file.
OPENING = ("openat,openat2", ("EIO", "EMFILE", "ESTALE"), {502, 503})
LOOKING = ("fstat,newfstatat,statx", ("EIO", "ESTALE"), {502, 503})
READING = ("pread64,preadv,preadv2", ("EIO", "ESTALE"), {502, 503})
WRITING = ("pwrite64,pwritev,write,fallocate,rename,renameat,renameat2,mkdir,mkdirat", ("EIO", "ENOSPC", "EROFS"), set())
SENDING = ("sendfile", ("EIO", "ESTALE"), set())

what, pid, path, traces = sys.argv[1:]
content = Path(path).read_bytes()
url = urlsplit(sys.stdin.readline().strip())
target = f"{url.path}?{url.query}"
chance = random.Random(SEED)


def outcome(first, end):
    """One range on a connection of its own: exact, cut, or a refusal's status."""
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=PATIENCE)
    try:
        connection.request("GET", target, headers={"Range": f"bytes={first}-{end - 1}"})
        answer = connection.getresponse()
        body = answer.read()
    except (http.client.IncompleteRead, http.client.RemoteDisconnected, ConnectionResetError):
        return "cut"
    finally:
        connection.close()
    if answer.status != 206:
        return answer.status
    if body != content[first:end]:
        sys.exit(f"bytes {first}-{end} were answered whole and wrong: {len(body)} bytes")
    return "exact"


def ranges():
    """Small, large and whole ones: those that are copied, and those that are sent."""
    for length in [1, 4096, 100_000, MIB, 3 * MIB, len(content)] * (TRIES // 6):
        first = chance.randrange(len(content) - length + 1)
        yield first, first + length


def recovers():
    deadline = time.monotonic() + PATIENCE
    while {outcome(*wanted) for wanted in ranges()} != {"exact"}:
        if time.monotonic() > deadline:
            sys.exit("the gateway does not recover")
        time.sleep(0.2)


def fails(calls, error, allowed, which=""):
    with Strace(pid, traces, "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}{which}") as strace:
        time.sleep(KEPT_OPEN)
        seen = Counter(outcome(*wanted) for wanted in ranges())
    injected = sum(call.injected for call in strace.calls)
    unexpected = set(seen) - {"exact"} - allowed
    if unexpected:
        sys.exit(f"{calls} {error}: {dict(seen)}, of which {unexpected} may not be")
    recovers()
    print(f"{calls} {error}, {injected} times: {', '.join(f'{count} {kind}' for kind, count in seen.items())}")
    return injected


recovers()
for calls, errors, refusals in [OPENING, LOOKING, READING, SENDING] if what == "folder" else [OPENING, READING, WRITING]:
    allowed = {"cut"} | refusals if what == "folder" else set()
    if not sum(fails(calls, error, allowed) for error in errors):
        sys.exit(f"{calls}: the gateway makes no such call")
if what == "cache":
    # One chunk that cannot be read after all is fetched again, on each of the threads that serve.
    for error in SENDING[1]:
        fails(SENDING[0], error, {"cut"}, ":when=1")
