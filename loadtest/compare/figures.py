"""What the rows of a comparison say: medians over rounds, and ratios between servers that took turns."""
import json
from statistics import median, quantiles

CPU, ANSWERS, BYTES, CPU_PER_BYTE, MEMORY = "CPU", "requests/s", "bytes/s", "CPU per byte", "memory"
BOTH_SIDES = "CPU of server and load"
BUSY = 0.9


def of_row(row, figure):
    return {
        CPU: lambda: row["cpu_seconds"] / row["answers"],
        BOTH_SIDES: lambda: (row["cpu_seconds"] + row["load_cpu_seconds"]) / row["answers"],
        ANSWERS: lambda: row["answers"] / row["seconds"],
        BYTES: lambda: row["bytes"] / row["seconds"],
        CPU_PER_BYTE: lambda: row["cpu_seconds"] / row["bytes"],
        MEMORY: lambda: row["rss_kib"] * 1024,
    }[figure]()


class Cell:
    """One server at one size and number of connections, over all rounds."""

    def __init__(self, rows):
        self.rows = {row["round"]: row for row in rows}

    def median(self, figure):
        return median(of_row(row, figure) for row in self.rows.values())

    def busy(self, side):
        """Part of its core that a side, `cpu_seconds` or `load_cpu_seconds`, had; the load alone sees 1."""
        return median(row[side] / row["seconds"] for row in self.rows.values())

    def load_was_the_limit(self):
        return self.busy("load_cpu_seconds") > BUSY

    def ratio(self, peer, figure):
        """The median over the rounds that both have, each measured one after the other."""
        rounds = self.rows.keys() & peer.rows.keys()
        return median(of_row(self.rows[each], figure) / of_row(peer.rows[each], figure) for each in rounds)


class Figures:
    def __init__(self, rows):
        self.cells = {}
        self.seeks = {}
        self.congestion = next((row["congestion"] for row in rows if "congestion" in row), None)
        grouped = {}
        for row in rows:
            if row["part"] == "seek":
                self.seeks.setdefault(row["server"], []).extend(row["first_byte_ms"])
            else:
                key = row["part"], row["size"], row["connections"], row["server"]
                grouped.setdefault(key, []).append(row)
        self.cells = {key: Cell(rows) for key, rows in grouped.items()}

    @classmethod
    def read(cls, path):
        with open(path) as lines:
            return cls([json.loads(line) for line in lines])

    def cell(self, part, size, connections, server):
        return self.cells.get((part, size, connections, server))

    def has(self, part):
        return any(key[0] == part for key in self.cells) or (part == "seek" and bool(self.seeks))

    def values(self, part, place):
        """The sizes (1), numbers of connections (2) or servers (3) of a part, in the order of measuring."""
        return list(dict.fromkeys(key[place] for key in self.cells if key[0] == part))

    def servers(self, part, size, connections):
        return [key[3] for key in self.cells if key[:3] == (part, size, connections)]

    def others(self):
        """Part of the two cores that neither server nor load had, over all hot cells: other work, or the host's."""
        rows = [row for cell in self.cells.values() for row in cell.rows.values() if "other_cpu_seconds" in row]
        return median(row["other_cpu_seconds"] / row["seconds"] / 2 for row in rows) if rows else 0

    def seek(self, server):
        """Median and 90th percentile, in milliseconds."""
        times = self.seeks.get(server)
        return times and (median(times), quantiles(times, n=10)[8])
