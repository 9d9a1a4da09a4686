"""A client that asks for ranges over one connection and knows when an answer's first byte came."""
import socket
import subprocess
import time
from urllib.parse import urlsplit

BUFFER = 256 * 1024
HEAD_AT_MOST = 16 * 1024


def generated(first, length):
    """A part of the file that `generated` in measure.sh makes, from a multiple of 16 on: AES-128-CTR of nothing."""
    command = ["openssl", "enc", "-aes-128-ctr", "-nosalt", "-K", f"{1:032x}", "-iv", f"{first // 16:032x}"]
    return subprocess.run(command, input=bytes(length), stdout=subprocess.PIPE, check=True).stdout


class Refused(Exception):
    """The answer is not the range that was asked for."""


class RangeClient:
    def __init__(self, url, timeout=60):
        parts = urlsplit(url)
        self.host = parts.netloc
        self.target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self.connection = socket.create_connection((parts.hostname, parts.port), timeout=timeout)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = memoryview(bytearray(BUFFER))

    def read(self, first, length, into=None):
        """Reads a range to its end; returns the seconds until its first byte, and the bytes of the head.

        `into`, a bytearray, gets the body appended.
        """
        last = first + length - 1
        request = f"GET {self.target} HTTP/1.1\r\nHost: {self.host}\r\nRange: bytes={first}-{last}\r\n\r\n"
        began = time.perf_counter()
        self.connection.sendall(request.encode())
        head, body, body_began = self.head_and_first_bytes()
        self.expect(head, f"bytes {first}-{last}/", length)
        got = len(body)
        if into is not None:
            into += body
        while got < length:
            count = self.receive(self.buffer[: min(BUFFER, length - got)])
            if into is not None:
                into += self.buffer[:count]
            got += count
        if got > length:
            raise Refused(f"{got - length} bytes more than the range")
        return body_began - began, len(head) + 4

    def head_and_first_bytes(self):
        received = b""
        while True:
            count = self.receive(self.buffer)
            received += self.buffer[:count]
            head, end, body = received.partition(b"\r\n\r\n")
            if end and body:
                return head, body, time.perf_counter()
            if not end and len(received) > HEAD_AT_MOST:
                raise Refused("an endless head")

    def receive(self, view):
        count = self.connection.recv_into(view)
        if count == 0:
            raise Refused("the connection was closed")
        return count

    def expect(self, head, content_range, length):
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if status.split()[1] != "206":
            raise Refused(f"answered {status}")
        if not headers.get("content-range", "").startswith(content_range):
            raise Refused(f"asked for {content_range}, got {headers.get('content-range')}")
        if headers.get("content-length") != str(length):
            raise Refused(f"asked for {length} bytes, promised {headers.get('content-length')}")
