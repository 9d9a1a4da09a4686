"""Interim."""
import json
import statistics
import sys

_, what, rows, part, size, connections = sys.argv
found = [json.loads(line) for line in open(rows)]
found = [r for r in found if r["part"] == part and r["size"] == int(size) and r["connections"] == int(connections)]
by = {}
for r in found:
    by.setdefault(r["server"], []).append(r)
m = statistics.median
for server, rs in by.items():
    print(f"{part} {size:>8} {connections:>4} {server:18}"
          f" {m(r['answers']/r['seconds'] for r in rs):10.0f}/s"
          f" {m(r['cpu_seconds']/r['answers'] for r in rs)*1e6:9.1f} us"
          f" {m(r['bytes']/r['seconds'] for r in rs)/1e6:8.0f} MB/s"
          f" rss {m(r['rss_kib'] for r in rs)/1024:6.1f} MiB"
          f" server {m(r['cpu_seconds']/r['seconds'] for r in rs)*100:3.0f}% load {m(r['load_cpu_seconds']/r['seconds'] for r in rs)*100:3.0f}%", flush=True)
