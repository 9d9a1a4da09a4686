"""Rounds of uploads in which the signer is killed (SIGKILL) at a random moment and another process goes on.

  kill_rounds.py [--rounds 10] [--seed N] <signer> <URL of its API> <its /readyz> <file with a user's header> <URL of the gateway> <log>

The signer takes its settings from the environment, which also holds FILE_SIGNING_SECRET. After each kill: everything that
was acknowledged is listed, and whole when the gateway reads it; an upload that can be resumed is where it was
acknowledged to be, or further; nothing is listed that was not sent whole, and nothing that was deleted; `signer fsck` finds
nothing. Resumable uploads go on through as many kills as it takes; every file is read once more at the end.
"""
import argparse
import hashlib
import hmac
import http.client
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass

from client import Client, Refused, offered, pieces

PATIENCE = 120
# A round's uploads last about as long, so that the kill meets each of their moments.
LONGEST = 1.6
LARGEST = 14 << 20
# The other end has gone, in whichever words.
GONE = (OSError, http.client.HTTPException)


@dataclass
class Sent:
    """One upload, over as many rounds as it takes."""

    kind: str
    name: str
    content: bytes
    path: str = ""
    acknowledged: int = 0
    file: str = ""
    # A deletion was asked for; it was done.
    doomed: bool = False
    deleted: bool = False

    def __post_init__(self):
        self.size, self.sha256 = len(self.content), hashlib.sha256(self.content).hexdigest()


class Signer:
    """One process after the other, on the same ports."""

    def __init__(self, binary, ready, log):
        self.binary, self.ready, self.log = binary, ready, open(log, "ab")
        self.process = None

    def start(self):
        self.process = subprocess.Popen([self.binary], stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the signer is not ready, exit code {self.process.poll()}")
            time.sleep(0.05)

    def is_ready(self):
        try:
            return urllib.request.urlopen(self.ready, timeout=5).status == 200
        except OSError:
            return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(PATIENCE) != 0:
            sys.exit(f"the signer ended with exit code {self.process.returncode} after SIGTERM")

    def fsck(self):
        """Compares catalog and storage."""
        found = subprocess.run([self.binary, "fsck"], capture_output=True, text=True, timeout=PATIENCE)
        if found.returncode != 0:
            sys.exit(f"fsck ended with exit code {found.returncode}:\n{found.stdout}{found.stderr}")


class Rounds:
    def __init__(self, options):
        self.chance = random.Random(options.seed)
        self.signer = Signer(options.signer, options.ready, options.log)
        self.client = Client(options.api, options.header)
        self.gateway = options.gateway
        self.sent, self.read = [], set()
        self.has_fsck = subprocess.run([options.signer, "fsck", "--help"], capture_output=True).returncode == 0

    def run(self, rounds):
        self.signer.start()
        kinds = sorted(offered(self.client))
        for number in range(rounds):
            self.disturb(kinds, number)
            self.signer.kill()
            self.signer.start()
            self.judge()
        self.finish()
        self.judge()
        self.signer.stop()
        count = {kind: sum(sent.kind == kind and bool(sent.file) for sent in self.sent) for kind in kinds}
        stored = ", ".join(f"{stored} by {kind}" for kind, stored in count.items())
        print(f"{rounds} kills, {len(self.sent)} uploads, stored in the end: {stored}; nothing lost, fsck {'clean' if self.has_fsck else 'not there'}")

    def disturb(self, kinds, number):
        """Uploads side by side, until a moment at random."""
        new = [self.new(kind, f"{number}-{kind}-{index}.bin") for kind in kinds for index in range(2)]
        self.sent += new
        resumed = [sent for sent in self.sent if sent.path and not sent.file and sent not in new]
        gone = [sent for sent in self.sent if sent.file and not sent.deleted and self.chance.random() < 0.1]
        tasks = [(self.upload, sent, self.chance.random()) for sent in new + resumed] + [(self.delete, sent, 0) for sent in gone]
        threads = [threading.Thread(target=self.attempt, args=task) for task in tasks]
        for thread in threads:
            thread.start()
        time.sleep(self.chance.uniform(0, LONGEST))
        self.signer.process.send_signal(signal.SIGKILL)
        for thread in threads:
            thread.join()

    def new(self, kind, name):
        size = self.chance.choice([0, 1, self.chance.randrange(200_000), self.chance.randrange(LARGEST), 10 << 20, LARGEST])
        return Sent(kind, name, self.chance.randbytes(size))

    def attempt(self, act, sent, luck):
        try:
            act(sent, luck)
        except GONE:
            pass
        except Refused as refused:
            # A holder that was killed is believed alive for a while, also by a HEAD that could make a file of it all.
            if refused.answer.status != 423:
                print(f"{sent.name} is refused: {refused}", file=sys.stderr)
                os._exit(1)

    def paced(self, content, luck):
        """A body that takes about `luck` of a round."""
        pause = luck * LONGEST / (len(content) // (256 << 10) + 1)
        for piece in pieces(content):
            time.sleep(pause)
            yield piece

    def upload(self, sent, luck):
        if sent.kind == "tus":
            return self.resume(sent, luck)
        call = getattr(self.client, sent.kind)
        sent.file = call(sent.name, len(sent.content), self.paced(sent.content, luck)).file()["id"]

    def resume(self, sent, luck):
        """From where the signer says it is, in one PATCH or several."""
        if not sent.path:
            sent.path = self.client.create(sent.name, len(sent.content))
        offset, step = self.offset(sent), len(sent.content) if luck < 0.5 else 1_500_000
        while not sent.file:
            part = sent.content[offset:offset + step]
            answer = self.client.patch(sent.path, offset, len(part), self.paced(part, luck))
            if answer.status != 204:
                raise Refused(answer)
            self.told(sent, answer)
            offset = sent.acknowledged

    def offset(self, sent):
        answer = self.client.head(sent.path)
        if answer.status != 200:
            raise Refused(answer)
        return self.told(sent, answer)

    def look(self, sent, _):
        self.offset(sent)

    def told(self, sent, answer):
        offset = int(answer.headers["Upload-Offset"])
        if offset < sent.acknowledged:
            print(f"{sent.name} was acknowledged to {sent.acknowledged} and is at {offset}", file=sys.stderr)
            os._exit(1)
        sent.acknowledged, sent.file = offset, answer.headers["Upload-File-Id"] or ""
        return offset

    def delete(self, sent, _):
        sent.doomed = True
        status = self.client.delete(f"/files/{sent.file}").status
        # One that was done before, with its answer lost.
        sent.deleted = status in (200, 404)

    # --- after a kill ---

    def judge(self):
        # First, for asking may make a file of what is whole.
        for sent in self.sent:
            if sent.path and not sent.file:
                self.attempt(self.look, sent, 0)
        listed, by_name = self.listed(), {sent.name: sent for sent in self.sent}
        for file in listed.values():
            sent = by_name[file["filename"]]
            if sent.deleted or file["sha256"] != sent.sha256 or file["size"] != sent.size:
                sys.exit(f"{sent.name} is listed, and is deleted or not what was sent: {file}")
            # Perhaps its answer was lost.
            sent.file = file["id"]
        for sent in self.sent:
            if sent.file and not sent.deleted and sent.file not in listed:
                # Its deletion may have been done without an answer; nothing else may have taken it.
                if not sent.doomed:
                    sys.exit(f"{sent.name} was acknowledged as {sent.file} and is gone")
                sent.deleted = True
        for sent in self.sent:
            if sent.file and not sent.deleted and sent.file not in self.read:
                self.read_whole(sent)
            if sent.file or not sent.path:
                # Nothing of it will be sent again.
                sent.content = b""
        if self.has_fsck:
            self.signer.fsck()

    def listed(self):
        files, cursor = {}, ""
        while True:
            page = self.client.get(f"/files?limit=100{cursor}").json()["data"]
            files |= {file["id"]: file for file in page["files"]}
            if not page["next_cursor"]:
                return files
            cursor = f"&cursor={page['next_cursor']}"

    def read_whole(self, sent):
        expires = int(time.time()) + 600
        user = "user_alice"
        text = f"{sent.file}:{user}:{expires}"
        signature = hmac.new(os.environ["FILE_SIGNING_SECRET"].encode(), text.encode(), hashlib.sha256).hexdigest()
        url = f"{self.gateway}/files/secure/{sent.file}?user_id={user}&expires={expires}&signature={signature}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                body = answer.read()
        except urllib.error.HTTPError as refused:
            sys.exit(f"{sent.name} was acknowledged, and reading it is answered {refused.code}")
        if hashlib.sha256(body).hexdigest() != sent.sha256:
            sys.exit(f"{sent.name}: {len(body)} bytes are read, and they are not what was sent")
        self.read.add(sent.file)

    def finish(self):
        """What can be resumed is, undisturbed; then everything is read again."""
        self.read.clear()
        deadline = time.monotonic() + PATIENCE
        while left := [sent for sent in self.sent if sent.path and not sent.file]:
            if time.monotonic() > deadline:
                sys.exit(f"{left[0].name} cannot be finished")
            for sent in left:
                self.attempt(self.resume, sent, 0)
            time.sleep(0.2)


options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("--rounds", type=int, default=10)
options.add_argument("--seed", type=int, default=None)
for name in ("signer", "api", "ready", "header", "gateway", "log"):
    options.add_argument(name)
options = options.parse_args()
options.seed = random.randrange(1 << 30) if options.seed is None else options.seed
print(f"seed {options.seed}", flush=True)
rounds = Rounds(options)
try:
    rounds.run(options.rounds)
finally:
    if rounds.signer.process:
        rounds.signer.kill()
