"""That nothing is acknowledged before a power cut would leave it: the order of the system calls of real uploads.

  order.py <the signer's pid> <URL of its API> <file with a user's header> <storage> <catalog> <folder for traces>

Storage is a folder, or `s3://...` over plain HTTP: then the row of an upload is durable before its multipart begins, and the
multipart is complete, looked at, and the file's row durable before the answer.

A kill cannot show a missing `fsync`, for the kernel lives on; a trace does. That the judge would see one missing is shown
by leaving each kind of call out of the trace in turn.
"""
import os
import sys
from dataclasses import dataclass, field

from client import Client, offered, pieces
from system_calls import Strace

TRACED = "write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,recvfrom,fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat,openat"
WRITES = {"write", "writev", "pwrite64", "pwritev", "pwritev2"}
SYNCS = {"fsync", "fdatasync"}
RENAMES = {"rename", "renameat", "renameat2"}
MAKES = {"mkdir", "mkdirat"}
ANSWERS = {"write", "writev", "sendto", "sendmsg"}


class Missing(Exception):
    pass


@dataclass
class Upload:
    """One that was acknowledged: each answer's request id, and how many bytes it acknowledged."""

    kind: str
    id: str
    acknowledged: list = field(default_factory=list)


class Judge:
    def __init__(self, calls, files, catalog):
        self.calls = [call for call in calls if call.result >= 0]
        self.managed = os.path.join(files, "managed")
        self.log = f"{catalog}-wal"

    def first(self, what, holds, after=-1, before=sys.maxsize):
        """The first such call that began after one line and was over before another."""
        for call in self.calls:
            if call.began > after and call.ended < before and holds(call):
                return call
        raise Missing(what)

    def answer(self, request_id):
        def is_answer(call):
            return call.name in ANSWERS and f"x-request-id: {request_id}\\r\\n" in call.arguments
        return self.first(f"the answer to {request_id}", is_answer)

    def synced(self, path, after, before):
        return self.first(f"a sync of {path}", lambda call: call.name in SYNCS and call.path == path, after, before)

    def committed(self, after, before):
        """Written to the catalog's log, and synced."""
        written = self.first("a write to the catalog's log", lambda call: call.name in WRITES and call.path == self.log, after, before)
        return self.synced(self.log, written.ended, before)

    def written(self, staged, size):
        """The end of the write that brings a staged file to this size."""
        total = 0
        for call in self.calls:
            if call.name in WRITES and call.path == staged:
                total += call.result
                if total >= size:
                    return call.ended
        raise Missing(f"{size} bytes written to {staged}")

    def judge(self, upload, _):
        renamed = self.first(f"a rename to {upload.id}", lambda call: call.name in RENAMES and call.texts[-1].endswith(f"/{upload.id}"))
        staged, final = renamed.texts[0], renamed.texts[-1]
        for request_id, size in upload.acknowledged:
            answer = self.answer(request_id)
            durable = self.synced(staged, self.written(staged, size), answer.began)
            if answer.began < renamed.began:
                self.is_entered(staged, answer)
                self.committed(durable.ended, answer.began)
        durable = self.synced(staged, self.written(staged, upload.acknowledged[-1][1]), renamed.began)
        entered = self.is_entered(final, answer, renamed.ended)
        self.committed(max(durable.ended, entered.ended), answer.began)

    def is_entered(self, path, answer, after=-1):
        """A file's name is durable: its folder was synced after the name was made, and if the folder is new, the one above."""
        folder = os.path.dirname(path)
        if after < 0:
            after = self.first(f"the opening of {path}", lambda call: call.name == "openat" and path in call.texts).ended
        entered = self.synced(folder, after, answer.began)
        for call in self.calls:
            if call.name in MAKES and call.texts[-1] == folder:
                self.synced(os.path.dirname(folder), call.ended, answer.began)
        return entered


class JudgeOfBucket(Judge):
    """What goes to storage and comes from it is read where it passes through sockets."""

    def judge(self, upload, after):
        answer = self.answer(upload.acknowledged[-1][0])
        begun = self.sent("POST", f"{upload.id}?uploads", after, answer.began)
        self.committed(after, begun.began)
        completed = self.taken(self.sent("POST", f"{upload.id}?uploadId=", begun.ended, answer.began), answer.began)
        confirmed = self.taken(self.sent("HEAD", f"{upload.id} ", completed.ended, answer.began), answer.began)
        self.committed(confirmed.ended, answer.began)

    def sent(self, method, target, after, before):
        def is_request(call):
            return call.name in ANSWERS and f'"{method} ' in call.arguments and target in call.arguments.split("\\r\\n")[0]
        return self.first(f"a {method} of {target}", is_request, after, before)

    def taken(self, request, before):
        """The answer to what was sent."""
        def is_answer(call):
            return call.name == "recvfrom" and call.path == request.path and '"HTTP/1.1 200 ' in call.arguments
        return self.first(f"the answer to {request.arguments[:60]}", is_answer, request.ended, before)


def upload_each_way(client, offered):
    """One upload each way that the API offers."""
    content = os.urandom(14_000_000)
    for kind in ("form", "raw"):
        if kind in offered:
            request_id = f"order-{kind}"
            call = getattr(client, kind)
            answer = call("clip.bin", len(content), pieces(content), {"X-Request-Id": request_id})
            yield Upload(kind, answer.file()["id"], [(request_id, len(content))])
    if "tus" in offered:
        yield upload_in_parts(client, content)


def upload_in_parts(client, content):
    path, acknowledged, offset = client.create("clip.bin", len(content)), [], 0
    for number, end in enumerate((1_000_000, 1_000_001, 8_333_333, len(content))):
        request_id = f"order-tus-{number}"
        part = content[offset:end]
        answer = client.patch(path, offset, len(part), pieces(part), {"X-Request-Id": request_id})
        if (answer.status, answer.headers["Upload-Offset"]) != (204, str(end)):
            sys.exit(f"PATCH to {end} was answered {answer.status} {answer.body[:300]}")
        acknowledged.append((request_id, end))
        offset = end
    return Upload("tus", answer.headers["Upload-File-Id"], acknowledged)


def left_out(upload):
    """The kinds of calls that a judge asks for, one after the other without."""
    managed = os.path.join(storage, "managed")
    yield "commits", lambda call: call.name in SYNCS and call.path == f"{catalog}-wal"
    if in_bucket:
        yield "answers to Complete", lambda call: "CompleteMultipartUploadResult" in call.arguments
        yield "looks at the object", lambda call: '"HEAD /' in call.arguments
    else:
        yield "syncs of the staged file", lambda call: call.name in SYNCS and os.path.join(managed, ".staging/") in call.path
        yield "syncs of the folder", lambda call: call.name in SYNCS and call.path == os.path.join(managed, upload.id[-2:])
        yield "renames", lambda call: call.name in RENAMES


def judge_all(calls, uploads):
    after = -1
    for upload in uploads:
        make(calls).judge(upload, after)
        for what, is_one in left_out(upload):
            kept = [call for call in calls if not is_one(call)]
            if len(kept) == len(calls):
                sys.exit(f"{upload.kind}: the trace holds no {what}")
            try:
                make(kept).judge(upload, after)
            except Missing:
                continue
            sys.exit(f"{upload.kind}: the judge does not miss {what}")
        after = make(calls).answer(upload.acknowledged[-1][0]).ended


def make(calls):
    return (JudgeOfBucket if in_bucket else Judge)(calls, storage, catalog)


pid, base, header, storage, catalog, folder = sys.argv[1:]
in_bucket = storage.startswith("s3://")
client = Client(base, header)
with Strace(pid, folder, "-e", f"trace={TRACED}") as strace:
    uploads = list(upload_each_way(client, offered(client)))
try:
    judge_all(strace.calls, uploads)
except Missing as missing:
    sys.exit(f"not before the answer, or not in its place: {missing}")
for upload in uploads:
    if client.delete(f"/files/{upload.id}").status != 200:
        sys.exit(f"{upload.kind}: it cannot be deleted")
print(f"{', '.join(upload.kind for upload in uploads)}: durable before it is acknowledged, by {len(strace.calls)} system calls")
