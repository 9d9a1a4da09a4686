"""What a client is told, and what is left, when the folder of files fails the signer.

  faults.py <what> <the signer's pid> <URL of its API> <file with a user's header> <folder of files> <catalog> <folder for traces>

  calls       every sync, rename and making of a folder fails in turn, with EIO and with ENOSPC; then each of the catalog's
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
WRITES_BACK = "fsync,fdatasync"
WRITES = "write,writev,pwrite64,pwritev,pwritev2"
# What is answered for each reason.
REFUSALS = {"EIO": {(503, "storage_unavailable")}, "ENOSPC": {(507, "storage_full")}}
CATALOG, TAKEN = (503, "catalog_unavailable"), (200, "")

what, pid, base, header, files, catalog, folder = sys.argv[1:]
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


def injecting(calls, error, which, paths):
    """Which of such calls for these files: `:when=3` for the third of each thread, nothing for every one."""
    return Strace(pid, folder, "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}{which}", paths=paths)


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

def told_by(answer):
    return TAKEN if answer.status in (200, 204) else (answer.status, answer.code())


def streamed(kind, content, during):
    """What is told, and the file if there is one, of an upload in one request that something happens to."""
    with during:
        answer = getattr(client, kind)("fault.bin", len(content), pieces(content))
    return told_by(answer), answer.file() if answer.status == 200 else None


def resumed(content, during):
    """The same of a resumable one, which then goes on where the signer says it is. Two thirds are sent before it is over."""
    path = None
    try:
        with during:
            path, middle = client.create("fault.bin", len(content)), 2 * len(content) // 3
            send(path, 0, content[:middle])
            send(path, middle, content[middle:])
        told = TAKEN
    except Refused as refused:
        told = (refused.answer.status, refused.answer.code())
    return told, carry_on(path, content) if path else None


def send(path, offset, part):
    answer = client.patch(path, offset, len(part), pieces(part))
    if answer.status != 204:
        raise Refused(answer)
    return answer


def carry_on(path, content):
    """From where the signer says it is; whoever wrote before may be believed to go on for a while."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = client.head(path)
        if answer.status != 200:
            raise Refused(answer)
        offset = int(answer.headers["Upload-Offset"])
        if offset == len(content):
            return client.get(f"/files/{answer.headers['Upload-File-Id']}").json()["data"]["file"]
        try:
            send(path, offset, content[offset:])
        except Refused as refused:
            if refused.answer.status != 423 or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


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
    seen = Counter()
    for kind in sorted(kinds):
        for calls, errors in CALLS.items():
            for error in errors:
                seen[calls.split(",")[0]] += fail_storage(kind, calls, error, os.urandom(1_500_000))
        seen["commit"] += fail_catalog(kind, os.urandom(300_000))
    expect_service(os.urandom(1_500_000))
    print(f"refused, and nothing left: {', '.join(f'{count} × {what}' for what, count in seen.items())}")
    if missing := {"fsync", "fdatasync", "rename", "mkdir", "commit"} - set(+seen):
        sys.exit(f"never made to fail: {missing}")


def fail_writes():
    for kind in sorted(kinds):
        for error in ("EIO", "ENOSPC"):
            if not fail_storage(kind, WRITES, error, os.urandom(6_000_000), most=1):
                sys.exit(f"{kind}: no write was made to fail")
    expect_service(os.urandom(6_000_000))
    print(f"{', '.join(sorted(kinds))}: refused, and nothing left, when a write fails")


def fail_storage(kind, calls, error, content, most=50):
    """From the middle of an upload on, the first call for it fails, then the second in another upload, and so on; how many."""
    for number in range(1, most + 1):
        if not expect_refusal(kind, lambda: fail_in_middle(kind, calls, error, number, content), REFUSALS[error], content):
            return number - 1
    return most


def fail_catalog(kind, content):
    """The first sync of the catalog's log fails, in each of its connections: at the beginning of an upload, then at its end.
    One that only tidies the log up may fail; that is seldom, not twice."""
    log, failing = [f"{catalog}-wal"], (WRITES_BACK, "EIO")

    def at_the_beginning():
        during = injecting(*failing, ":when=1", log)
        return during, *attempt(kind, content, during)

    def at_the_end():
        return fail_in_middle(kind, *failing, 1, content, paths=log)

    for act in (at_the_beginning, at_the_end):
        # A catalog that fails at the end cannot be asked either whether to remove the object: that is left for later.
        met = [expect_refusal(kind, act, {CATALOG, TAKEN}, content, later=act is at_the_end) for _ in range(2)]
        if CATALOG not in met:
            sys.exit(f"{kind}: taken, although the catalog could not be synced: {met}")
    return 2


def expect_refusal(kind, act, fitting, content, later=False):
    """What an upload was told that met a fault; None if it met none. Whatever it was told, nothing is left of it, or `later`."""
    before, before_listed = left(), listed()
    during, told, file = act()
    failed = [call for call in during.calls if call.injected]
    if file:
        expect_whole(file, content)
        remove(file)
    if told not in (fitting if failed else {TAKEN}):
        sys.exit(f"{kind}: answered {told} after {[(call.name, call.path or call.texts) for call in failed]}")
    expect_untouched(left() if later else before, before_listed)
    return told if failed else None


def fail_in_middle(kind, calls, error, number, content, paths=()):
    """The fault, then as `attempt`. It begins when the upload is on its way, so that the files of it alone are met."""
    known, faults = staged(), []
    path = client.create("fault.bin", len(content)) if kind == "tus" else None
    # Without its end, there is a checkpoint at the end of the PATCH.
    sent = content[:len(content) // 3 * 2] if path and calls == "fdatasync" else content

    def begin():
        wait_until("an upload is staged", lambda: staged() - known)
        (name,) = {path.name for path in staged() - known}
        shard = f"{files}/managed/{name[-2:]}"
        its_own = [f"{files}/managed", f"{files}/managed/.staging", f"{files}/managed/.staging/{name}", shard, f"{shard}/{name}"]
        faults.append(injecting(calls, error, f":when={number}" if calls != WRITES else "", paths or its_own))
        faults[0].__enter__()

    try:
        body = Half(sent, begin)
        if kind == "tus":
            answer = client.patch(path, 0, len(sent), body)
        else:
            answer = getattr(client, kind)("fault.bin", len(content), body)
    finally:
        for fault in faults:
            fault.__exit__()
    if path:
        return faults[0], told_by(answer), carry_on(path, content)
    return faults[0], told_by(answer), answer.file() if answer.status == 200 else None


def fill():
    for kind in sorted(kinds):
        expect_no_room(kind, os.urandom(6_000_000), REFUSALS["ENOSPC"])
        expect_service(os.urandom(2_000_000))
    print(f"{', '.join(sorted(kinds))}: refused when there is no room, and the room is given back")


def refuse_read_only():
    for kind in sorted(kinds):
        expect_no_room(kind, os.urandom(100_000), REFUSALS["EIO"])
    print(f"{', '.join(sorted(kinds))}: refused when the folder cannot be written to")


def expect_no_room(kind, content, refusals):
    """A refusal that lasts. A resumable upload is there until it is ended, with no more than the folder took."""
    before, before_listed = left(), listed()
    path = client.create("fault.bin", len(content)) if kind == "tus" else None
    told, _ = streamed(kind, content, nullcontext()) if not path else (told_by(client.patch(path, 0, len(content), pieces(content))), None)
    if told not in refusals:
        sys.exit(f"{kind}: answered {told}")
    if path:
        offset = client.head(path).headers["Upload-Offset"]
        held = sum(file.stat().st_size for file in staged())
        if not offset or int(offset) > held:
            sys.exit(f"{offset} bytes are said to be durable, and {held} are there")
        if client.call("DELETE", path, {"Tus-Resumable": "1.0.0"}).status != 204:
            sys.exit("an upload that found no room cannot be ended")
    expect_untouched(before, before_listed)


{"calls": fail_calls, "writes": fail_writes, "full": fill, "read-only": refuse_read_only}[what]()
