"""Many readers of one URL, each in another part of the file, each slow: some KiB at once, then 1 KiB a second.

  BASE_URL=<signed URL> STATE_FILE=<path> slow_readers.py <readers> <bytes in the file> [seconds for each KiB]
  BASE_URL=<signed URL> STATE_FILE=<path> slow_readers.py <readers> <bytes in the file> idle

The state file appears when every reader has its first bytes. They go on reading until SIGTERM. Idle ones have asked for
these bytes only, and then for nothing.
"""
import asyncio
import os
import resource
import signal
import socket
import sys
from urllib.parse import urlsplit

FIRST_BYTES = 8192
RECEIVE_BUFFER = 16384

readers, size = int(sys.argv[1]), int(sys.argv[2])
pace = sys.argv[3] if len(sys.argv) > 3 else "1"
url = urlsplit(os.environ["BASE_URL"])
reading = 0


async def connected():
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, (url.hostname, url.port))
    return await asyncio.open_connection(sock=connection, limit=FIRST_BYTES)


def request(number):
    # In the first half, so that no part is so short that it waits in the buffers on the way, all sent.
    start = number * (size // 2 // readers)
    last = start + FIRST_BYTES - 1 if pace == "idle" else ""
    return f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nRange: bytes={start}-{last}\r\n\r\n"


async def read_slowly(number):
    global reading
    incoming, outgoing = await connected()
    outgoing.write(request(number).encode())
    head = await incoming.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 206"):
        sys.exit(f"reader {number} got {head.splitlines()[0]!r}")
    await incoming.readexactly(FIRST_BYTES)
    reading += 1
    if reading == readers:
        open(os.environ["STATE_FILE"], "x").close()
    while await incoming.read(1024):
        await asyncio.sleep(float(pace))
    sys.exit(f"reader {number} was cut off")


async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, os._exit, 0)
    await asyncio.gather(*(read_slowly(number) for number in range(readers)))


resource.setrlimit(resource.RLIMIT_NOFILE, (max(4096, 2 * readers), resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
asyncio.run(main())
