"""Signing, server by server: compare.py <file of tokens.mjs> <core for wrk> <connections> <seconds> <rounds>

Reads `<name> <pid> <URL>` lines: `sqlite`, `postgres`, and `node`, the handler that is replaced. Servers take turns.
Prints a table, and how the medians stand to what is to be reached.
"""
import statistics
import sys

import rate
import words

NAMES = {"sqlite": "signer, SQLite", "postgres": "signer, Postgres", "node": "Node handler"}
GOALS = [("sqlite", 1, 8_000), ("postgres", 1, 4_000), ("sqlite", rate.BATCH, 40_000)]
TIMES_NODE = 3

asked, core, connections, seconds, rounds = sys.argv[1], *map(int, sys.argv[2:])
servers = rate.servers_of(sys.stdin)
found = {}
for _ in range(rounds):
    for kind in (rate.ONE, rate.MANY):
        for name, server in servers.items():
            if kind == rate.ONE or name != "node":
                row = rate.measure(server, (core, connections, seconds), asked, kind)
                found.setdefault((name, max(kind[1], 1)), []).append(row)

rates = {key: statistics.median(urls for urls, _ in rows) for key, rows in found.items()}
cpu = {key: statistics.median(used for _, used in rows) for key, rows in found.items()}
times_node = {key: urls / rates["node", 1] for key, urls in rates.items()}
rows = [
    [NAMES[name], batch, f"{urls:,.0f}", f"{cpu[name, batch]:,.0f}", f"{times_node[name, batch]:.1f}" if batch == 1 else ""]
    for (name, batch), urls in rates.items()
]
print(words.table(["server", "URLs a request", "URLs/s", "CPU µs a request", "its rate to Node's"], rows))


def judge(what, got, goal):
    print(f"{what}: {got:,.1f} of {goal:,}", "reached" if got >= goal else "MISSED")


for name, batch, goal in GOALS:
    judge(f"{NAMES[name]}, {batch} a request, URLs/s", rates[name, batch], goal)
judge("SQLite, its rate to the Node handler's", times_node["sqlite", 1], TIMES_NODE)
