"""Compares random ranges of a URL, byte by byte, with the same ranges of a local file.

  ranges.py <file> <count> < URL
"""
import http.client
import random
import sys
from pathlib import Path
from urllib.parse import urlsplit

SEED = 20240229

content = Path(sys.argv[1]).read_bytes()
size = len(content)
url = urlsplit(sys.stdin.readline().strip())
target = f"{url.path}?{url.query}"
chance = random.Random(SEED)


def closed():
    start = chance.randrange(size)
    return start, min(size, start + chance.choice([1, 2, 100, 65_536, 1 << 20, 3 << 20]) + chance.randrange(1000))


def one_range():
    """The header's text, and the first byte and the end that it asks for."""
    kind = chance.choice(["closed", "closed", "closed", "open", "suffix", "past the end", "first", "last", "whole"])
    start, end = closed()
    return {
        "closed": (f"{start}-{end - 1}", start, end),
        "open": (f"{start}-", start, size),
        "suffix": (f"-{end - start}", size - (end - start), size),
        "past the end": (f"{start}-{size + 10**9}", start, size),
        "first": ("0-1", 0, 2),
        "last": (f"{size - 1}-{size - 1}", size - 1, size),
        "whole": (f"0-{size - 1}", 0, size),
    }[kind]


connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
for number in range(int(sys.argv[2])):
    asked, start, end = one_range()
    connection.request("GET", target, headers={"Range": f"bytes={asked}"})
    answer = connection.getresponse()
    body = answer.read()
    expected = (206, f"bytes {start}-{end - 1}/{size}", str(end - start))
    got = (answer.status, answer.getheader("Content-Range"), answer.getheader("Content-Length"))
    if got != expected:
        sys.exit(f"range {number}, bytes={asked} of {size}: expected {expected}, got {got}")
    if body != content[start:end]:
        sys.exit(f"range {number}, bytes={asked} of {size}: {len(body)} bytes came, and they are not the file's")
print(f"{sys.argv[2]} ranges of {size} bytes are the file's own")
