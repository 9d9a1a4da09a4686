"""The short form, for the README: one number of connections, a line for each size."""
import words
from figures import ANSWERS, BYTES, CPU, CPU_PER_BYTE
from tables import network, seek_table, warning

CONNECTIONS = 32
NOTE = """One thread on one core each, {connections} connections, medians over rounds in which the servers took turns.
CPU and bytes/s are the gateway's as a ratio to that peer's: of CPU less is better. *: the load's core was over 90 % busy.
"""
# Part: its title, our server, peers.
PARTS = {
    "folder": ("hot range of a folder", "gateway", ("unchecked", "checked")),
    "cache": ("hot range of a bucket", "warm", ("slice",)),
    "cold": ("cold range of a bucket", "cold", ("proxy",)),
}


def summary(figures):
    connections = chosen_connections(figures)
    parts = [warning(figures) + network(figures) + NOTE.format(connections=connections)]
    parts += [part_table(figures, part, connections) for part in PARTS if figures.has(part)]
    if figures.has("seek"):
        parts.append(f"First byte of a random 64 KiB range:\n\n{seek_table(figures)}")
    return "\n".join(parts)


def chosen_connections(figures):
    counts = {key[2] for key in figures.cells}
    return CONNECTIONS if CONNECTIONS in counts else max(counts, default=0)


def part_table(figures, part, connections):
    title, ours, peers = PARTS[part]
    head = [title]
    for server in (ours, *peers):
        head += [words.SERVERS[server]] if server == ours else [words.SERVERS[server], "CPU", "bytes/s"]
    rows = []
    for size in figures.values(part, 1):
        cells = [figures.cell(part, size, connections, server) for server in (ours, *peers)]
        if all(cells):
            rows.append([words.size(size), *figures_of(part, cells)])
    return words.table(head, rows)


def figures_of(part, cells):
    ours, *peers = cells
    yield pair(ours)
    for peer in peers:
        yield pair(peer)
        yield f"{ours.ratio(peer, CPU_PER_BYTE if part == 'cold' else CPU):.2f} ×"
        mark = "" if not (ours.load_was_the_limit() or peer.load_was_the_limit()) else "*"
        yield f"{ours.ratio(peer, BYTES):.2f} ×{mark}"


def pair(cell):
    return f"{words.rate(cell.median(ANSWERS))}/s, {words.microseconds(cell.median(CPU))} µs"
