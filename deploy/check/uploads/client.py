"""Uploads as a client makes them, each way that the signer takes: a form, a plain body, TUS. The standard library alone."""
import base64
import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

EDGE = "edge-of-the-check"
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = 256 << 10


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)

    def file(self):
        """The file of an upload's answer."""
        if self.status != 200:
            raise Refused(self)
        return self.json()["data"]["file"]

    def code(self):
        try:
            return self.json()["code"]
        except (ValueError, KeyError):
            return ""


class Refused(Exception):
    def __init__(self, answer):
        super().__init__(f"{answer.status} {answer.body[:300].decode(errors='replace')}")
        self.answer = answer


class Client:
    """Calls of one user, each on a connection of its own."""

    def __init__(self, base, header_file):
        self.url = urlsplit(base)
        name, value = Path(header_file).read_text().strip().split(": ", 1)
        self.token = {name: value}

    def call(self, method, path, headers=None, pieces=(), length=None, patience=60):
        """Sends a body in the pieces that are given. An answer that comes before its end is taken."""
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=patience)
        try:
            connection.putrequest(method, path)
            headers = {**self.token, **(headers or {})}
            if length is not None:
                headers["Content-Length"] = str(length)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            try:
                for piece in pieces:
                    connection.send(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path):
        return self.call("GET", f"{self.url.path}{path}")

    def delete(self, path):
        return self.call("DELETE", f"{self.url.path}{path}")

    def post(self, path, value):
        body = json.dumps(value).encode()
        return self.call("POST", f"{self.url.path}{path}", {"Content-Type": "application/json"}, [body], len(body))

    def form(self, name, size, pieces, headers=None):
        before = f'--{EDGE}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        after = f"\r\n--{EDGE}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={EDGE}", **(headers or {})}
        body = (piece for part in ([before], pieces, [after]) for piece in part)
        return self.call("POST", f"{self.url.path}/files/upload", headers, body, len(before) + size + len(after))

    def raw(self, name, size, pieces, headers=None):
        return self.call("PUT", f"{self.url.path}/files/raw/{quote(name, safe='')}", headers, pieces, size)

    def create(self, name, size, headers=None):
        """Begins a resumable upload; its path."""
        metadata = f"filename {base64.b64encode(name.encode()).decode()}"
        headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata, **(headers or {})}
        answer = self.call("POST", f"{self.url.path}/files/tus", headers, length=0)
        if answer.status != 201:
            raise Refused(answer)
        return urlsplit(answer.headers["Location"]).path

    def patch(self, path, offset, size, pieces, headers=None):
        headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream", **(headers or {})}
        return self.call("PATCH", path, headers, pieces, size)

    def head(self, path):
        return self.call("HEAD", path, TUS)


def pieces(content, size=PIECE):
    """A body in the pieces that are sent."""
    return (content[start:start + size] for start in range(0, len(content), size))


def offered(client):
    """Which ways to upload there are, by the description of the API."""
    paths = client.get("/openapi.json").json()["paths"]
    routes = {"form": "/files/upload", "raw": "/files/raw/{name}", "tus": "/files/tus"}
    return {kind for kind, route in routes.items() if any(path.endswith(route) for path in paths)}
