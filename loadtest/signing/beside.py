"""Good calls beside bad ones: beside.py <URL> <metrics URL> <core> <seconds> <rounds> <good header> <file of forged tokens>

Two kinds of bad ones take turns at the same pace: without a token, and with forged ones. One client asks with the good
token, one call after the other. Prints its latencies, and how often the key source was asked meanwhile.
"""
import http.client
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

UNPROVEN = Path(__file__).with_name("unproven.lua")
CONNECTIONS, PAUSE = 16, 3
INTERVAL = 10

url, metrics, core, seconds, rounds, header, forged = sys.argv[1:]
AUTHORIZATION = dict([Path(header).read_text().strip().split(": ", 1)])


def fetches():
    text = urllib.request.urlopen(metrics).read().decode()
    return sum(float(value) for value in re.findall(r"^signer_key_fetches_total\{.*\} (\S+)$", text, re.MULTILINE))


def good_calls(until):
    connection, taken = http.client.HTTPConnection(urlsplit(url).netloc), []
    while time.perf_counter() < until:
        began = time.perf_counter()
        connection.request("GET", "/api/files?limit=1", headers=AUTHORIZATION)
        answer = connection.getresponse()
        answer.read()
        taken.append((time.perf_counter() - began) * 1e3)
        if answer.status != 200:
            sys.exit(f"a good call was answered {answer.status}")
    return taken


def beside(bad):
    command = ["taskset", "-c", core, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(UNPROVEN), url]
    load = subprocess.Popen([*command, "--", bad, str(PAUSE)], stdout=subprocess.PIPE, text=True)
    taken = good_calls(time.perf_counter() + float(seconds))
    rate = re.search(r"Requests/sec:\s+(\S+)", load.communicate()[0])
    return taken, float(rate[1])


began, before = time.perf_counter(), fetches()
found = {"without a token": [], "with forged ones": []}
for _ in range(int(rounds)):
    for kind, bad in (("without a token", "-"), ("with forged ones", forged)):
        found[kind].append(beside(bad))
asked, elapsed = fetches() - before, time.perf_counter() - began
p99 = {}
for kind, rows in found.items():
    taken = sorted(value for values, _ in rows for value in values)
    p99[kind] = taken[len(taken) * 99 // 100]
    rate = statistics.median(rate for _, rate in rows)
    print(f"beside {rate:,.0f} calls/s {kind}: good ones p50 {statistics.median(taken):.2f} ms, p99 {p99[kind]:.2f} ms")
print(f"p99 of good calls, forged to none: {p99['with forged ones'] / p99['without a token']:.2f}")
print(f"the key source, which was down, was asked {asked:.0f} times in {elapsed:.0f} s")
sys.exit(asked > elapsed / INTERVAL + 1)
