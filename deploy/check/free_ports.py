"""Prints free ports, one line of them. Each is free together with the port 10000 above it, which SeaweedFS also takes.

All lie below the range from which the kernel gives ports to outgoing connections.
"""
import random
import socket
import sys


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


ports = set()
while len(ports) < int(sys.argv[1]):
    port = random.randrange(12000, 22000)
    if is_free(port) and is_free(port + 10000):
        ports.add(port)
print(*ports)
