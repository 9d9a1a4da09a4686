"""What clients of the gateway see when the disk under it fails: its folder of files, or its cache before a bucket.

  faults.py folder|cache <the gateway's pid> <file> <folder for traces> < URLs of copies of it, a line each

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
# Longer than a file stays open for the next request.
KEPT_OPEN = {"folder": 1.2, "cache": 8}
# What is made to fail.
OPENING = "open,openat,openat2"
LOOKING = "fstat,newfstatat,statx"
READING = "pread64,preadv,preadv2"
WRITING = "pwrite64,pwritev,pwritev2,fallocate,rename,renameat,renameat2,mkdir,mkdirat"
SENDING = "sendfile"
REFUSALS = {502, 503}

kind, pid, path, traces = sys.argv[1:]
content = Path(path).read_bytes()
urls = iter(sys.stdin.read().split())
chance = random.Random(SEED)


def outcome(url, first, end):
    """One range on a connection of its own: exact, cut, or a refusal's status."""
    url = urlsplit(url)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=PATIENCE)
    try:
        connection.request("GET", f"{url.path}?{url.query}", headers={"Range": f"bytes={first}-{end - 1}"})
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


def recovers(url):
    deadline = time.monotonic() + PATIENCE
    while {outcome(url, *wanted) for wanted in ranges()} != {"exact"}:
        if time.monotonic() > deadline:
            sys.exit("the gateway does not recover")
        time.sleep(0.2)


def fails(url, calls, error, allowed, which=""):
    """Until a call has failed: a cache whose disk has failed leaves it alone for some seconds."""
    injected, seen, deadline = 0, Counter(), time.monotonic() + PATIENCE
    while not injected and time.monotonic() < deadline:
        with Strace(pid, traces, "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}{which}") as strace:
            seen += Counter(outcome(url, *wanted) for wanted in ranges())
        injected = sum(call.injected for call in strace.calls)
    unexpected = set(seen) - {"exact"} - allowed
    if unexpected or not injected:
        sys.exit(f"{calls} {error}, {injected} times: {dict(seen)}, of which {unexpected} may not be")
    recovers(url)
    print(f"{calls} {error}, {injected} times: {', '.join(f'{count} {what}' for what, count in seen.items())}")


def fails_once_closed(url, *what):
    """The file was read before, and has to be opened again."""
    time.sleep(KEPT_OPEN[kind])
    fails(url, *what)


known = next(urls)
recovers(known)
if kind == "folder":
    for error in "EIO", "EMFILE", "ESTALE":
        fails_once_closed(known, OPENING, error, REFUSALS)
    for error in "EIO", "ESTALE":
        fails(known, LOOKING, error, REFUSALS)
        fails(known, READING, error, {"cut"} | REFUSALS)
        fails(known, SENDING, error, {"cut"})
else:
    for error in "EIO", "EMFILE":
        fails_once_closed(known, OPENING, error, set())
        fails(next(urls), OPENING, error, set())
    fails(known, READING, "EIO", set())
    for error in "EIO", "ENOSPC", "EROFS":
        fails(next(urls), WRITING, error, set())
    # A chunk that cannot be read after all is fetched again: only those whose bytes were on their way are cut.
    for error in "EIO", "ESTALE":
        fails(known, SENDING, error, {"cut"}, ":when=1")
