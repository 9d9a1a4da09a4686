"""Signing and listing on one catalog, or the table of several:

  flat.py <file of tokens.mjs> <core for wrk> <seconds> <words for the catalog> <figures, JSON> <files of user_0>
  flat.py --table <figures, JSON>

Reads `<name> <pid> <URL>` lines. Lists are asked for one after the other, for the median of their milliseconds.
"""
import base64
import http.client
import json
import statistics
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import rate
import words

CONNECTIONS = 32
LISTS = 200


def cursor(files):
    """Of the file in the middle of user_0's, as many_rows.py numbers them."""
    middle = files // 2
    return base64.urlsafe_b64encode(f"{middle * 1000}.u0f{middle}".encode()).decode().rstrip("=")


def milliseconds(url, token, query):
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    taken = []
    for _ in range(LISTS):
        began = time.perf_counter()
        connection.request("GET", f"/api/files?{query}", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        taken.append((time.perf_counter() - began) * 1e3)
        if answer.status != 200:
            sys.exit(f"a list was answered {answer.status}")
    return statistics.median(taken)


def measured(name, server, tokens):
    asked, core, seconds, catalog, _, files = sys.argv[1:]
    pages = {
        "a user's first page, ms": ("user_1", "limit=20"),
        "the large user's first page, ms": ("user_0", "limit=20"),
        "a page from the middle, ms": ("user_0", f"limit=20&cursor={cursor(int(files))}"),
        "audio only, ms": ("user_0", "limit=20&content_type=audio/"),
        "one job's, ms": ("user_0", "limit=20&job_id=job_7"),
    }
    urls, _ = rate.measure(server, (core, CONNECTIONS, seconds), asked, rate.ONE)
    lists = {what: f"{milliseconds(server[1], tokens[user], query):.2f}" for what, (user, query) in pages.items()}
    return {"database": name, "catalog": catalog, "URLs/s": f"{urls:,.0f}", **lists}


if sys.argv[1] == "--table":
    rows = json.loads(Path(sys.argv[2]).read_text())
    print(words.table(list(rows[0]), [list(row.values()) for row in rows]))
else:
    tokens = dict(line.split("\t")[:2] for line in Path(sys.argv[1]).read_text().splitlines())
    figures = Path(sys.argv[5])
    rows = json.loads(figures.read_text()) if figures.exists() else []
    rows += [measured(name, server, tokens) for name, server in rate.servers_of(sys.stdin).items()]
    figures.write_text(json.dumps(rows))
