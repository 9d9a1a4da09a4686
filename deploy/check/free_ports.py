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


def free(count):
    ports = set()
    while len(ports) < count:
        port = random.randrange(12000, 22000)
        if is_free(port) and is_free(port + 10000):
            ports.add(port)
    return list(ports)


if __name__ == "__main__":
    print(*free(int(sys.argv[1])))
