"""Two gateways on one socket are restarted in turn under load: no connection is refused, no body is short.

    python3 rolling.py GATEWAY PORT ADMIN_PORT ADMIN_PORT FOLDER FILE ROUNDS <<<URL

URL is the signed URL of FILE; the gateways' other settings are in the environment.

What a client meets is one of: the exact bytes; a kept connection that was closed before a request on it was answered, which
HTTP lets a server do, and every client asks again; or one of the faults, of which there must be none.
"""
import collections
import http.client
import random
import sys
import threading
import time
import urllib.parse

import gateways

CLIENTS = 6
LARGEST = 2 << 20
PATIENCE = 60


class Client(threading.Thread):
    """Asks for one random range after another, on new connections or on kept ones."""

    def __init__(self, number, url, content, is_over):
        super().__init__()
        self.random = random.Random(number)
        self.keeps = number % 2 == 1
        self.url, self.content, self.is_over = url, content, is_over
        self.seen = collections.Counter()
        self.longest = 0.0
        self.connection = None

    def run(self):
        try:
            self.ask_on()
        except Exception as error:  # whatever it is, it is nothing that a client may meet
            self.seen[f"{type(error).__name__}: {error}"] += 1

    def ask_on(self):
        while not self.is_over.is_set():
            began = time.monotonic()
            outcome = self.ask()
            if outcome == "closed while kept":
                self.seen[outcome] += 1
                outcome = self.ask()
            self.seen[outcome] += 1
            self.longest = max(self.longest, time.monotonic() - began)
            if outcome != "exact" or not self.keeps:
                self.close()

    def ask(self):
        is_kept = self.connection is not None
        if not is_kept:
            self.connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=PATIENCE)
            try:
                self.connection.connect()
            except OSError as error:
                return f"refused: {error}"
        first = self.random.randrange(len(self.content))
        expected = self.content[first : first + self.random.randrange(1, LARGEST)]
        try:
            wanted = {"Range": f"bytes={first}-{first + len(expected) - 1}"}
            self.connection.request("GET", f"{self.url.path}?{self.url.query}", headers=wanted)
            answer = self.connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return "closed while kept" if is_kept else f"closed without an answer: {type(error).__name__}"
        return self.judge(answer, expected)

    def judge(self, answer, expected):
        try:
            body = answer.read()
        except http.client.IncompleteRead:
            return "cut"
        except OSError as error:
            return f"cut: {type(error).__name__}"
        if answer.status != 206:
            return f"status {answer.status}"
        if int(answer.headers["Content-Length"]) != len(expected) or len(body) < len(expected):
            return "short"
        if answer.will_close:
            self.close()
        return "exact" if body == expected else "wrong bytes"

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def main(program, port, admin_1, admin_2, folder, file, rounds):
    url = urllib.parse.urlsplit(sys.stdin.readline().strip())
    with open(file, "rb") as opened:
        content = opened.read()
    listener, is_over, running = gateways.listen(int(port)), threading.Event(), []
    try:
        running = [gateways.Gateway(program, listener, admin, folder) for admin in (admin_1, admin_2)]
        clients = [Client(number, url, content, is_over) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(int(rounds)):
            for gateway in running:
                before = sum(client.seen["exact"] for client in clients)
                gateway.restart()
                wait_for_answers(clients, before + 50)
        is_over.set()
        report(clients, int(rounds) * len(running))
    finally:
        is_over.set()
        for gateway in running:
            gateway.kill()


def wait_for_answers(clients, wanted):
    deadline = time.monotonic() + PATIENCE
    while sum(client.seen["exact"] for client in clients) < wanted:
        if time.monotonic() > deadline:
            raise SystemExit("clients are not served")
        time.sleep(0.01)


def report(clients, restarts):
    for client in clients:
        client.join(PATIENCE)
        if client.is_alive():
            sys.exit(f"a client has waited for {PATIENCE} s")
    seen = sum((client.seen for client in clients), collections.Counter())
    exact, asked_again = seen.pop("exact"), seen.pop("closed while kept", 0)
    longest = max(client.longest for client in clients)
    print(f"{restarts} restarts: {exact} ranges exact, {asked_again} asked for again on a kept connection that was closed, "
          f"faults: {dict(seen) or 'none'}; the longest answer took {longest:.2f} s")
    if seen:
        sys.exit(1)


main(*sys.argv[1:])
