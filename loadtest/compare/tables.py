"""The tables of a comparison, as Markdown."""
import words
from figures import ANSWERS, BOTH_SIDES, BYTES, CPU, CPU_PER_BYTE, MEMORY
from goals import FIRST_BYTE_BEHIND, GOALS, verdict

OURS = {"folder": "gateway", "cache": "warm", "cold": "cold"}
QUIET = 0.05
TITLES = {
    "folder": "Hot ranges of a folder",
    "cache": "Hot ranges of a bucket, from the cache",
    "cold": "Cold ranges of a bucket, walked through once",
}


def everything(figures):
    """Every cell of every part: for those who want to know."""
    parts = [f"## {title}\n\n{part_table(figures, part)}" for part, title in TITLES.items() if figures.has(part)]
    if figures.has("seek"):
        parts.append(f"## Seeking: first byte of a random 64 KiB range\n\n{seek_table(figures)}")
    return f"{warning(figures)}{network(figures)}{goals_section(figures)}\n" + "\n".join(parts)


def warning(figures):
    if figures.others() < QUIET:
        return ""
    return f"**Other work had {figures.others():.0%} of the two cores: these figures are not to be relied on.**\n\n"


def network(figures):
    return f"TCP's congestion control: {figures.congestion}.\n\n" if figures.congestion else ""


def part_table(figures, part):
    head = ["range", "connections", "server", "requests/s", "CPU µs each", "bytes/s", "RSS MiB", "load busy"]
    head += ["our CPU to its", "our bytes/s to its"]
    if part != "cold":
        head.append("our and the load's CPU to its")
    rows = []
    for size in figures.values(part, 1):
        for connections in figures.values(part, 2):
            for server in figures.servers(part, size, connections):
                rows.append(cell_row(figures, part, size, connections, server))
    return words.table(head, rows)


def cell_row(figures, part, size, connections, server):
    cell = figures.cell(part, size, connections, server)
    ours = figures.cell(part, size, connections, OURS[part])
    is_peer = ours and server != OURS[part]
    both_sides = f"{ours.ratio(cell, BOTH_SIDES):.2f}" if is_peer else ""
    return [
        words.size(size),
        connections,
        words.SERVERS[server],
        words.rate(cell.median(ANSWERS)),
        words.microseconds(cell.median(CPU)),
        words.byte_rate(cell.median(BYTES)),
        words.mebibytes(cell.median(MEMORY)),
        f"{cell.busy('load_cpu_seconds'):.0%}",
        f"{ours.ratio(cell, CPU_PER_BYTE if part == 'cold' else CPU):.2f}" if is_peer else "",
        f"{ours.ratio(cell, BYTES):.2f}" if is_peer else "",
        *([both_sides] if part != "cold" else []),
    ]


def seek_table(figures):
    straight = figures.seek("s3")
    rows = []
    for server in figures.seeks:
        middle, slow = figures.seek(server)
        behind = f"{middle - straight[0]:+.2f}" if straight and server in ("cold", "proxy") else ""
        rows.append([seek_name(server), f"{middle:.2f}", f"{slow:.2f}", behind])
    return words.table(["server", "median ms", "p90 ms", "behind S3 itself, ms"], rows)


def seek_name(server):
    return "gateway, hot folder" if server == "gateway" else words.SERVERS[server]


def goals_section(figures):
    counts = sorted({key[2] for key in figures.cells})
    rows = [row for goal in GOALS if any((row := goal_row(goal, figures, counts))[5:])]
    if (seek := first_byte_row(figures, counts)) is not None:
        rows.append(seek)
    if not rows:
        return ""
    head = ["range", "against", "our", "must", "goal", *(f"at {count}" for count in counts)]
    note = "Ratios by number of connections, medians over rounds."
    note += " In brackets: the load's core was over 90 % busy, where only CPU counts.\n"
    return f"## What is to be reached\n\n{words.table(head, rows)}\n{note}"


def goal_row(goal, figures, counts):
    sign = "≥" if goal.higher_is_better() else "≤"
    verdicts = [verdict(goal, figures, count) or "" for count in counts]
    limits = [f"{sign} {limit:.2f}" for limit in (goal.must, goal.goal)]
    return [words.size(goal.size), words.SERVERS[goal.peer], goal.figure, *limits, *verdicts]


def first_byte_row(figures, counts):
    if not (figures.seek("cold") and figures.seek("s3")):
        return None
    behind = figures.seek("cold")[0] - figures.seek("s3")[0]
    enough = "yes" if behind <= FIRST_BYTE_BEHIND["must"] else "**no**"
    limits = [f"≤ +{FIRST_BYTE_BEHIND[each]:.0f} ms" for each in ("must", "goal")]
    columns = [f"{behind:+.2f} ms {enough}"] + [""] * (len(counts) - 1)
    return ["64 KiB", words.SERVERS["s3"], "first byte", *limits, *columns]
