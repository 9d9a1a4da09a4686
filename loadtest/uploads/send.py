"""One upload over one connection, from page cache by sendfile: as little of the client as there can be."""
import base64
import json
import os
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

EDGE = "edge"
AT_ONCE = 4 << 20


class Upload:
    """A file, sent as one user in the ways that a server takes: `form`, `raw`, `tus`."""

    def __init__(self, url, header_file, source):
        self.address = (urlsplit(url).hostname, urlsplit(url).port)
        self.common = f"Host: {urlsplit(url).netloc}\r\n{Path(header_file).read_text().strip()}\r\n"
        self.file = os.open(source, os.O_RDONLY)
        self.size = os.fstat(self.file).st_size

    def send(self, kind, size=None):
        """Seconds from the connection to the answer, and what is to be deleted to have things as they were."""
        began = time.perf_counter()
        with socket.create_connection(self.address) as connection:
            stored = getattr(self, kind)(connection, size or self.size)
            return time.perf_counter() - began, stored

    def delete(self, path):
        """So that each upload finds as much memory and disk as the one before."""
        with socket.create_connection(self.address) as connection:
            self.head(connection, f"DELETE {path}", "application/json", 0, "Tus-Resumable: 1.0.0\r\n")
            self.answer(connection, {200, 204})

    def form(self, connection, size):
        before = f'--{EDGE}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'.encode()
        after = f"\r\n--{EDGE}--\r\n".encode()
        self.head(connection, "POST /api/files/upload", f"multipart/form-data; boundary={EDGE}", len(before) + size + len(after))
        connection.sendall(before)
        self.body(connection, size)
        connection.sendall(after)
        return self.stored(connection)

    def raw(self, connection, size):
        self.head(connection, "PUT /api/files/raw/a.bin", "application/octet-stream", size)
        self.body(connection, size)
        return self.stored(connection)

    def tus(self, connection, size):
        name = base64.b64encode(b"a.bin").decode()
        more = f"Tus-Resumable: 1.0.0\r\nUpload-Length: {size}\r\nUpload-Metadata: filename {name}\r\n"
        self.head(connection, "POST /api/files/tus", "application/octet-stream", 0, more)
        path = urlsplit(self.answer(connection, {201})[0]["location"]).path
        more = "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        self.head(connection, f"PATCH {path}", "application/offset+octet-stream", size, more)
        self.body(connection, size)
        headers, _ = self.answer(connection, {204})
        return f"/api/files/{headers['upload-file-id']}" if "upload-file-id" in headers else path

    def stored(self, connection):
        _, body = self.answer(connection, {200})
        return f"/api/files/{json.loads(body)['data']['file']['id']}"

    def head(self, connection, line, media_type, length, more=""):
        head = f"{line} HTTP/1.1\r\n{self.common}Content-Type: {media_type}\r\nContent-Length: {length}\r\n{more}\r\n"
        connection.sendall(head.encode())

    def body(self, connection, size):
        sent = 0
        while sent < size:
            sent += os.sendfile(connection.fileno(), self.file, sent, min(AT_ONCE, size - sent))

    def answer(self, connection, statuses):
        """Headers and body."""
        text = connection.makefile("rb")
        first = text.readline().decode()
        if int((first.split() + [0, 0])[1]) not in statuses:
            raise ConnectionError(f"answered {first}")
        lines = iter(lambda: text.readline().decode().strip(), "")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return headers, text.read(int(headers.get("content-length", 0)))


def routes(url, header_file):
    """The ways in which a signer takes uploads, by its own description."""
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port)) as connection:
        connection.sendall(f"GET /api/openapi.json HTTP/1.0\r\nHost: {urlsplit(url).netloc}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    paths = json.loads(answer.partition(b"\r\n\r\n")[2])["paths"]
    ways = {"form": "/files/upload", "raw": "/files/raw/{name}", "tus": "/files/tus"}
    return [kind for kind, route in ways.items() if any(path.endswith(route) for path in paths)]
