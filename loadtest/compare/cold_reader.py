"""Reads whole files from the gateway, one after the other, and throws their bytes away: cold_reader.py < URLs

The kernel drops what has come without copying it (MSG_TRUNC), so that the reader takes little from who shares its core.
Prints the number of bytes.
"""
import socket
import sys
from urllib.parse import urlsplit

AT_ONCE = 1 << 20


def read_all(url):
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        request = f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        head = connection.recv(4096, socket.MSG_PEEK)
        if not head.startswith(b"HTTP/1.1 200"):
            sys.exit(f"a cold file was answered with {head.splitlines()[0]!r}")
        buffer, total = bytearray(AT_ONCE), 0
        while count := connection.recv_into(buffer, AT_ONCE, socket.MSG_TRUNC):
            total += count
        return total


print(sum(read_all(line.strip()) for line in sys.stdin))
