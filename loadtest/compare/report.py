"""Turns the rows of a comparison into what people read.

  report.py cell <rows> <part> <size> <connections>    prints one cell, while the rest is being measured
  report.py write <rows> <folder>                      prints all; writes comparison.md, summary.md, comparison.svg
"""
import sys
from pathlib import Path

import chart
import tables
import words
from figures import ANSWERS, BYTES, CPU, MEMORY, Figures
from summary import summary


def print_cell(figures, part, size, connections):
    for server in figures.servers(part, size, connections):
        cell = figures.cell(part, size, connections, server)
        print(
            f"{part:7}{words.size(size):>7} {connections:>4} connections  {words.SERVERS[server]:34}"
            f"{words.rate(cell.median(ANSWERS)):>8}/s {words.microseconds(cell.median(CPU)):>8} µs"
            f" {words.byte_rate(cell.median(BYTES)):>8}/s  RSS {words.mebibytes(cell.median(MEMORY)):>5} MiB"
            f"  busy: server {cell.busy('cpu_seconds'):4.0%}, load {cell.busy('load_cpu_seconds'):4.0%}",
            flush=True,
        )


def write(figures, folder):
    everything = tables.everything(figures)
    (folder / "comparison.md").write_text(everything)
    (folder / "summary.md").write_text(summary(figures))
    (folder / "comparison.svg").write_text(chart.draw(figures))
    print(everything)


if __name__ == "__main__":
    action, rows, *rest = sys.argv[1:]
    if action == "cell":
        print_cell(Figures.read(rows), rest[0], int(rest[1]), int(rest[2]))
    elif action == "write":
        write(Figures.read(rows), Path(rest[0]))
    else:
        sys.exit(__doc__)
