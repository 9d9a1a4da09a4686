"""Seek times: how long after asking for a random 64 KiB range its first byte comes, from each server in turn.

  seek.py <seeks> <bytes of the generated file to seek in> < JSON, of names and URLs

Places lie apart by more than a chunk, so that no seek finds what another one or a read-ahead has brought. Every server
is asked for the same places, the servers in another order each time, and all must answer with the same bytes. Prints a
row for each, as JSON.
"""
import json
import random
import sys

from range_client import RangeClient, Refused

RANGE = 64 * 1024
APART = 4 * 1024 * 1024
SEED = 20240229


def places(seeks, span):
    chance = random.Random(SEED)
    starts = chance.sample(range(0, span, APART), seeks)
    return [start + chance.randrange((APART // 2) // RANGE) * RANGE for start in starts]


def seek(clients, seeks, span):
    times = {name: [] for name in clients}
    names = list(clients)
    for place in places(seeks, span):
        names.append(names.pop(0))
        bodies = set()
        for name in names:
            body = bytearray()
            try:
                times[name].append(clients[name].read(place, RANGE, body)[0] * 1000)
            except (Refused, OSError) as problem:
                raise Refused(f"{name}: {problem}") from problem
            bodies.add(bytes(body))
        if len(bodies) != 1:
            raise Refused(f"not all servers have the same bytes at {place}")
    return times


if __name__ == "__main__":
    clients = {name: RangeClient(url) for name, url in json.load(sys.stdin).items()}
    try:
        found = seek(clients, int(sys.argv[1]), int(sys.argv[2]))
    except Refused as problem:
        sys.exit(str(problem))
    for name, milliseconds in found.items():
        print(json.dumps({"part": "seek", "server": name, "first_byte_ms": [round(each, 4) for each in milliseconds]}))
