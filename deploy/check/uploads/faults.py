"""What a client is told, and what is left, when the folder of files fails the signer.

  faults.py <what> <the signer's pid> <URL of its API> <file with a user's header> <folder of files> <folder for traces>

  calls       every sync, rename and making of a folder fails in turn, with EIO and with ENOSPC
  writes      writes of files fail in the middle of uploads
  full        the folder has room for 4 MiB
  read-only   nothing can be written there
"""
import hashlib
import os
import sys
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

from client import Client, Refused, offered, pieces
from system_calls import Strace

PATIENCE = 30
CALLS = {
    "fsync": ("EIO", "ENOSPC"),
    "fdatasync": ("EIO", "ENOSPC"),
    "rename,renameat,renameat2": ("EIO", "ENOSPC"),
    "mkdir,mkdirat": ("EIO", "ENOSPC"),
}
WRITES = "write,writev,pwrite64,pwritev,pwritev2"
# What is answered for each reason; the catalog does not tell one from another.
REFUSALS = {"EIO": {(503, "storage_unavailable")}, "ENOSPC": {(507, "storage_full")}}
CATALOG = (503, "catalog_unavailable")

what, pid, base, header, files, folder = sys.argv[1:]
client = Client(base, header)
kinds = offered(client)
# As the process sees it: it may have mounts of its own.
managed = Path(f"/proc/{pid}/root") / files.lstrip("/") / "managed"


def left():
    """Every object and every trace of an upload in the folder."""
    return sorted(str(path.relative_to(managed)) for path in managed.rglob("*") if path.is_file())


def listed():
    return sorted(file["id"] for file in client.get("/files?limit=100").json()["data"]["files"])


def wait_until(what, holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"not within {PATIENCE} s: {what}; the folder holds {left()}")
        time.sleep(0.05)


def injecting(calls, error, *more):
    return Strace(pid, folder, "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}{''.join(more)}")


def staged():
    return {path for path in (managed / ".staging").iterdir() if path.is_file()}


class Half:
    """A body that stops in its middle until something was done."""

    def __init__(self, content, then):
        self.content, self.then = content, then

    def __iter__(self):
        middle = len(self.content) // 2
        yield from pieces(self.content[:middle])
        self.then()
        yield from pieces(self.content[middle:])


# --- uploads that are to fail ---

def streamed(kind, content, during):
    """Status and code, and the file if there is one, of an upload in one request that something happens to."""
    with during:
        answer = getattr(client, kind)("fault.bin", len(content), pieces(content))
    return (answer.status, answer.code()), answer.file() if answer.status == 200 else None


def resumed(content, during):
    """The same of a resumable one, which then goes on where the signer says it is. Two thirds are sent before it is over."""
    path = None
    try:
        with during:
            path, middle = client.create("fault.bin", len(content)), 2 * len(content) // 3
            send(path, 0, content[:middle])
            send(path, middle, content[middle:])
        told = (200, "")
    except Refused as refused:
        told = (refused.answer.status, refused.answer.code())
    return told, carry_on(path, content) if path else None


def send(path, offset, part):
    answer = client.patch(path, offset, len(part), pieces(part))
    if answer.status != 204:
        raise Refused(answer)
    return answer


def carry_on(path, content):
    answer = client.head(path)
    if answer.status != 200:
        raise Refused(answer)
    offset = int(answer.headers["Upload-Offset"])
    if offset < len(content):
        answer = send(path, offset, content[offset:])
    return client.get(f"/files/{answer.headers['Upload-File-Id']}").json()["data"]["file"]


def attempt(kind, content, during):
    return resumed(content, during) if kind == "tus" else streamed(kind, content, during)


def expect_whole(file, content):
    object_path = managed / file["id"][-2:] / file["id"]
    if object_path.read_bytes() != content or file["sha256"] != hashlib.sha256(content).hexdigest():
        sys.exit(f"{file['id']} is not what was sent")


def remove(file):
    if client.delete(f"/files/{file['id']}").status != 200:
        sys.exit(f"{file['id']} cannot be deleted")


def expect_untouched(before, before_listed):
    if listed() != before_listed:
        sys.exit(f"files are listed that were refused: {set(listed()) - set(before_listed)}")
    wait_until("nothing is left of a refused upload", lambda: left() == before)


def expect_service(content):
    """Whatever failed, the next one is taken."""
    for kind in kinds:
        told, file = attempt(kind, content, nullcontext())
        if not file:
            sys.exit(f"after all the next {kind} is refused: {told}")
        expect_whole(file, content)
        remove(file)


# --- the faults ---

def fail_calls():
    content, seen = os.urandom(1_500_000), Counter()
    for kind in sorted(kinds):
        for calls, errors in CALLS.items():
            for error in errors:
                seen[f"{calls.split(',')[0]} {error}"] += fail_in_turn(kind, calls, error, content)
    expect_service(content)
    print(f"refused, and nothing left, at each of: {', '.join(f'{count} {what}' for what, count in seen.items() if count)}")
    for calls in ("fsync", "rename", "mkdir"):
        if not seen[f"{calls} EIO"]:
            sys.exit(f"no {calls} was made to fail")


def fail_in_turn(kind, calls, error, content):
    """The first call fails, then the second and so on, each in an upload of its own; how many there were."""
    for number in range(1, 100):
        before, before_listed = left(), listed()
        during = injecting(calls, error, f":when={number}")
        told, file = attempt(kind, content, during)
        failed = [call for call in during.calls if call.injected]
        if file:
            expect_whole(file, content)
            remove(file)
        if not failed:
            if told[0] != 200:
                sys.exit(f"{kind}: refused without a fault: {told}")
            return number - 1
        expect_refusal(kind, error, told, failed[0])
        expect_untouched(before, before_listed)
    sys.exit(f"{kind}: too many calls of {calls}")


def expect_refusal(kind, error, told, call):
    where = call.path or " ".join(call.texts)
    if str(managed.parent).removeprefix(f"/proc/{pid}/root") in where:
        fitting = told in REFUSALS[error]
    else:
        # SQLite does without a sync of the folder that its log is in, and without one of a checkpoint.
        fitting = told in ({CATALOG} if where.endswith("-wal") else {CATALOG, (200, "")})
    if not fitting:
        sys.exit(f"{kind}: {error} of {call.name} {where} was answered {told}")


def fail_writes():
    content = os.urandom(6_000_000)
    for kind in sorted(kinds):
        for error in ("EIO", "ENOSPC"):
            before, before_listed = left(), listed()
            told, file = fail_writes_of(kind, error, content)
            if told not in REFUSALS[error]:
                sys.exit(f"{kind}: {error} of a write was answered {told}")
            if file:
                expect_whole(file, content)
                remove(file)
            expect_untouched(before, before_listed)
    expect_service(content)
    print(f"{', '.join(sorted(kinds))}: refused, and nothing left, when a write fails")


def fail_writes_of(kind, error, content):
    known, path = staged(), None
    if kind == "tus":
        path = client.create("fault.bin", len(content))
    faults = []

    def begin():
        wait_until("an upload is staged", lambda: staged() - known)
        (its_own,) = staged() - known
        seen = "/" + str(its_own).removeprefix(f"/proc/{pid}/root/")
        faults.append(injecting(WRITES, error))
        faults[0].command[-4:-4] = ["-P", seen]
        faults[0].__enter__()

    body = Half(content, begin)
    try:
        if kind == "tus":
            answer = client.patch(path, 0, len(content), body)
        else:
            answer = getattr(client, kind)("fault.bin", len(content), body)
    finally:
        for fault in faults:
            fault.__exit__()
    if not any(call.injected for call in faults[0].calls):
        sys.exit(f"{kind}: no write was made to fail")
    return (answer.status, answer.code()), carry_on(path, content) if kind == "tus" else None


def fill():
    before, before_listed = left(), listed()
    content = os.urandom(6_000_000)
    for kind in sorted(kinds):
        if kind == "tus":
            path = client.create("fault.bin", len(content))
            answer = client.patch(path, 0, len(content), pieces(content))
            offset = client.head(path)
            if offset.status != 200 or int(offset.headers["Upload-Offset"]) > 4 << 20:
                sys.exit(f"a full folder holds {offset.headers['Upload-Offset']} bytes")
            if client.call("DELETE", path, {"Tus-Resumable": "1.0.0"}).status != 204:
                sys.exit("an upload that found no room cannot be ended")
        else:
            answer = getattr(client, kind)("fault.bin", len(content), pieces(content))
        if (answer.status, answer.code()) not in REFUSALS["ENOSPC"]:
            sys.exit(f"{kind}: a full folder was answered {answer.status} {answer.code()}")
        expect_untouched(before, before_listed)
        expect_service(content[:2_000_000])
    print(f"{', '.join(sorted(kinds))}: refused when there is no room, and the room is given back")


def refuse_read_only():
    before, before_listed = left(), listed()
    for kind in sorted(kinds):
        told, file = attempt(kind, os.urandom(100_000), nullcontext())
        if file or told not in REFUSALS["EIO"]:
            sys.exit(f"{kind}: a folder that cannot be written to was answered {told}")
        expect_untouched(before, before_listed)
    print(f"{', '.join(sorted(kinds))}: refused when the folder cannot be written to")


{"calls": fail_calls, "writes": fail_writes, "full": fill, "read-only": refuse_read_only}[what]()
