"""The proxy's configuration, by HAProxy itself, with stand-ins behind it: python3 proxy.py HAPROXY CONFIG CERTIFICATES"""
import http.client
import http.server
import os
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import free_ports

PATIENCE = 30
# What the configuration promises, with room for a slow machine.
NOTICED = 20
FILES = [f"0190{number:04x}" for number in range(40)]


class StandIn(http.server.ThreadingHTTPServer):
    """Says its name and what was asked of it; at /rotation what it was told to say."""

    daemon_threads = True

    def __init__(self, name, port, readiness=(200, "in the rotation")):
        self.name, self.readiness = name, readiness
        super().__init__(("127.0.0.1", port), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        """HAProxy resets the connections of its checks."""

    def end(self):
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status, text = (200, self.server.name)
        if self.path == "/rotation":
            status, text = self.server.readiness
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Asked-For", self.headers.get("X-Forwarded-For", ""))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


class Proxy:
    def __init__(self, program, config, places, log):
        # Kept: one request is over before the next begins, and no gateway ever has more than its share.
        self.connections = {name: http.client.HTTPConnection(places[name], timeout=PATIENCE) for name in ("FILES_LISTEN", "API_LISTEN")}
        self.log = log
        self.process = subprocess.Popen([program, "-db", "-f", config], env=os.environ | places, stdout=log, stderr=log)

    def said(self):
        with open(self.log.name, encoding="utf-8") as opened:
            return opened.read()

    def ask(self, path, listener="FILES_LISTEN", **headers):
        connection = self.connections[listener]
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        except OSError:
            connection.close()
            raise

    def who_has(self, file, before="", behind=""):
        status, name, _ = self.ask(f"{before}/files/secure/{file}{behind}")
        return name if status == 200 else f"status {status}"

    def owners(self):
        return [self.who_has(file) for file in FILES]


def until(what, is_so):
    deadline = time.monotonic() + NOTICED
    while not is_so():
        if time.monotonic() > deadline:
            sys.exit(f"not within {NOTICED} s: {what}")
        time.sleep(0.1)


def expect(what, holds):
    if not holds:
        sys.exit(f"it is not so that {what}")


def all_served(owners):
    expect("each request is served by one of them", set(owners) <= {"gateway-1", "gateway-2"})
    return set(owners)


def answers(proxy):
    if proxy.process.poll() is not None:
        sys.exit(proxy.said())
    try:
        return proxy.ask("/")[0] == 200
    except OSError:
        return False


def judge(proxy, gateways):
    until("the proxy answers", lambda: answers(proxy))
    first = proxy.owners()
    expect("both gateways have files", set(first) == {"gateway-1", "gateway-2"})
    for before, behind in (("", "?user_id=a&expires=1&signature=dead"), ("/api/v1", ""), ("/api", "/a%20film.mp4?v=2")):
        expect(f"{before}/files/secure/ID{behind} has the file's gateway",
               [proxy.who_has(file, before, behind) for file in FILES] == first)

    gateways[0].readiness = (503, "draining")
    until("who drains is out", lambda: set(proxy.owners()) == {"gateway-2"})
    gateways[0].readiness = (200, "in the rotation")
    until("each file is back where it was", lambda: proxy.owners() == first)

    port = gateways[0].server_port
    gateways[0].end()
    until("a gateway that is gone is missed by nobody", lambda: all_served(proxy.owners()) == {"gateway-2"})
    gateways[0] = StandIn("gateway-1", port)
    until("a gateway is back", lambda: proxy.owners() == first)

    _, _, headers = proxy.ask("/api/files", "API_LISTEN", **{"X-Forwarded-For": "192.0.2.7", "Forwarded": "for=192.0.2.7"})
    expect("a client cannot say where it is", headers["Asked-For"] == "127.0.0.1")
    proxy.ask("/api/files/tus/capability", "API_LISTEN")


def check(program, config, places):
    done = subprocess.run([program, "-c", "-f", config], env=os.environ | places, capture_output=True, text=True, check=False)
    if done.returncode or "WARNING" in done.stderr:
        sys.exit(done.stderr)


def main(program, config, certificates):
    ports = free_ports.free(8)
    at = [f"127.0.0.1:{port}" for port in ports]
    # The stand-ins say at /rotation of the same port how they are.
    places = {"FILES_LISTEN": at[0], "API_LISTEN": at[1], "GATEWAY_1": at[2], "GATEWAY_1_ADMIN": str(ports[2]),
              "GATEWAY_2": at[3], "GATEWAY_2_ADMIN": str(ports[3]), "SIGNER_1": at[4], "SIGNER_1_INTERNAL": str(ports[4])}
    more = {"GATEWAY_3": at[5], "GATEWAY_3_ADMIN": "1", "GATEWAY_4": at[6], "GATEWAY_4_ADMIN": "1", "SIGNER_2": at[7],
            "SIGNER_2_INTERNAL": "1", "METRICS_LISTEN": at[7]}
    check(program, config, places)
    check(program, config, places | more | {"CERTIFICATES": certificates})

    gateways = [StandIn("gateway-1", ports[2]), StandIn("gateway-2", ports[3])]
    StandIn("signer-1", ports[4])
    with tempfile.NamedTemporaryFile("w") as log:
        proxy = Proxy(program, config, places, log)
        try:
            judge(proxy, gateways)
            until("requests are logged", lambda: "/api/files/tus/* 200" in proxy.said())
        finally:
            proxy.process.kill()
            proxy.process.wait()
        lines = proxy.said()
    expect("requests are logged", f"/files/secure/{FILES[0]} 200" in lines)
    expect("no log line holds a query or an upload's URL", not any(secret in lines for secret in ("signature", "dead", "capability")))
    print(f"{len(FILES)} files, each on its gateway; {len(lines.splitlines())} lines of log")


main(*sys.argv[1:])
