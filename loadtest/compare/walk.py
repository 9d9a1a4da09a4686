"""One cold cell of the comparison: a walk through an object, range by range, each asked for once.

  walk.py <cell as JSON> < URL

The cell names its part, server, round, size, connections and congestion control, the server's pid, and how many bytes of
the generated file to walk through. Connections take the next range in turn. Prints one row, as JSON: CPU time is from
before the first request until half a second after the last answer, so that what a server puts off is in it.
"""
import itertools
import json
import sys
import threading
import time

import procfs
from range_client import RangeClient, Refused, generated

RANGES_AT_MOST = 1024
AFTERWARDS_SECONDS = 0.5


class Walk:
    def __init__(self, cell, url):
        self.size = cell["size"]
        self.ranges = min(RANGES_AT_MOST, cell["span"] // self.size)
        self.next_range = itertools.count()
        self.clients = [RangeClient(url) for _ in range(min(cell["connections"], self.ranges))]
        self.problems = []

    def run(self):
        """Returns the seconds until the last answer's end."""
        threads = [threading.Thread(target=self.read_next, args=[client]) for client in self.clients]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.problems:
            raise self.problems[0]
        return time.perf_counter() - began

    def read_next(self, client):
        try:
            while not self.problems and (number := next(self.next_range)) < self.ranges:
                client.read(number * self.size, self.size)
        except (Refused, OSError) as problem:
            self.problems.append(problem)

    def check(self):
        """Afterwards, a range in the middle is compared with what was uploaded."""
        first, body = self.ranges // 2 * self.size, bytearray()
        self.clients[0].read(first, self.size, body)
        if body != generated(first, self.size):
            raise Refused("the bytes are not the file's")


def row(cell, url):
    walk = Walk(cell, url)
    procfs.reset_peak(cell["pid"])
    server, load = procfs.Cpu(cell["pid"]), time.process_time()
    seconds = walk.run()
    load = time.process_time() - load
    time.sleep(AFTERWARDS_SECONDS)
    figures = {"cpu_seconds": server.seconds(), "rss_kib": procfs.memory_kib(cell["pid"])}
    walk.check()
    names = ("part", "server", "round", "size", "connections", "congestion")
    delivered = {"answers": walk.ranges, "bytes": walk.ranges * walk.size, "seconds": seconds, "load_cpu_seconds": load}
    return {name: cell[name] for name in names} | delivered | figures


if __name__ == "__main__":
    cell = json.loads(sys.argv[1])
    try:
        print(json.dumps(row(cell, sys.stdin.readline().strip())))
    except (Refused, OSError) as problem:
        sys.exit(f"{cell['server']}, cold, {cell['connections']} connections, {cell['size']} bytes: {problem}")
