"""The comparison as one picture: what a range costs and how fast it comes, as ratios to nginx, and seek times."""
from dataclasses import dataclass

import words
from figures import BYTES, CPU, CPU_PER_BYTE
from summary import chosen_connections
from svg import FAINT, GRID, INK, Drawing

OURS, PEER, OTHER = "#2563eb", "#9ca3af", "#f59e0b"
WIDTH, MARGIN, GAP = 920, 28, 36
PANEL_WIDTH, PANEL_HEIGHT = (WIDTH - 2 * MARGIN - GAP) / 2, 250
HEAD, FOOT, LEGEND = 72, 34, 44


@dataclass(frozen=True)
class Bars:
    """Ratios to the first peer, for each size; bars that would be higher than the panel end at its top."""

    part: str
    title: str
    figure: str
    servers: tuple  # name, what it is called, color; ours first, then the peer that is 1
    top: float


FOLDER = (
    ("gateway", "gateway, signature checked", OURS),
    ("unchecked", "nginx, no check", PEER),
    ("checked", "nginx, njs check", OTHER),
)
CACHE = (("warm", "gateway, warm cache", OURS), ("slice", "nginx, slice cache", PEER))
COLD = (("cold", "gateway, cold", OURS), ("proxy", "nginx proxy, no cache", PEER))
PANELS = (
    Bars("folder", "Hot folder: CPU per request", CPU, FOLDER, 2.5),
    Bars("folder", "Hot folder: bytes per second", BYTES, FOLDER, 3),
    Bars("cache", "Bucket, warm cache: CPU per request", CPU, CACHE, 2.5),
    Bars("cache", "Bucket, warm cache: bytes per second", BYTES, CACHE, 3),
    Bars("cold", "Bucket, cold: CPU per byte", CPU_PER_BYTE, COLD, 2.5),
)


def draw(figures):
    panels = [panel for panel in PANELS if figures.has(panel.part)]
    count = len(panels) + figures.has("seek")
    height = HEAD + (count + 1) // 2 * (PANEL_HEIGHT + GAP) + FOOT
    drawing = Drawing(WIDTH, int(height))
    connections = chosen_connections(figures)
    title = "T2M files beside nginx: one thread on one core"
    drawing.words(MARGIN, 34, title, 20, weight="600")
    drawing.words(MARGIN, 55, f"{connections} connections. Bars are ratios to nginx in the same run, medians over rounds.", 13, FAINT)
    for number, panel in enumerate(panels):
        draw_bars(drawing, panel, figures, connections, *place(number))
    if figures.has("seek"):
        draw_seeks(drawing, figures, *place(count - 1))
    drawing.words(MARGIN, height - 18, "Made by loadtest/compare.sh, which prints every figure.", 11, FAINT)
    return drawing.text(title)


def place(number):
    return MARGIN + number % 2 * (PANEL_WIDTH + GAP), HEAD + number // 2 * (PANEL_HEIGHT + GAP)


def draw_head(drawing, x, y, title, hint, legend):
    drawing.words(x, y + 16, title, 14, weight="600")
    drawing.words(x + PANEL_WIDTH, y + 16, hint, 11, FAINT, "end")
    for name, color in legend:
        drawing.rectangle(x, y + 26, 10, 10, color, 2)
        drawing.words(x + 15, y + 35, name, 11, FAINT)
        x += 30 + 6.1 * len(name)


def draw_bars(drawing, panel, figures, connections, x, y):
    hint = "higher is better" if panel.figure == BYTES else "lower is better"
    draw_head(drawing, x, y, panel.title, hint, [(name, color) for _, name, color in panel.servers])
    floor, scale = y + PANEL_HEIGHT - 34, (PANEL_HEIGHT - LEGEND - 34 - 16) / panel.top
    for tick in range(int(panel.top) + 1):
        drawing.line(x + 18, floor - tick * scale, x + PANEL_WIDTH, floor - tick * scale, GRID)
        drawing.words(x + 12, floor - tick * scale + 4, str(tick), 11, FAINT, "end")
    sizes = figures.values(panel.part, 1)
    step = (PANEL_WIDTH - 18) / len(sizes)
    for number, size in enumerate(sizes):
        middle = x + 18 + (number + 0.5) * step
        drawing.words(middle, floor + 16, words.size(size), 12, INK, "middle")
        cells = [(figures.cell(panel.part, size, connections, name), color) for name, _, color in panel.servers]
        if all(cell for cell, _ in cells):
            draw_group(drawing, panel, cells, middle, step, floor, scale)
    drawing.line(x + 18, floor - scale, x + PANEL_WIDTH, floor - scale, FAINT, 1, "4 3")


def draw_group(drawing, panel, cells, middle, step, floor, scale):
    """Bars of one size, and below them what ours is in numbers."""
    width = min(30, (step - 12) / len(cells))
    peer = cells[1][0]
    for number, (cell, color) in enumerate(cells):
        ratio = 1.0 if cell is peer else cell.ratio(peer, panel.figure)
        left = middle + (number - len(cells) / 2) * width
        height = min(ratio, panel.top) * scale
        drawing.rectangle(left + 1, floor - height, width - 2, height, color, 2)
        if cell is not peer:
            drawing.words(left + width / 2, floor - height - 4, ratio_words(ratio), 10, INK, "middle")
    drawing.words(middle, floor + 30, absolute(cells[0][0], panel.figure), 10, FAINT, "middle")


def ratio_words(ratio):
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def absolute(cell, figure):
    if figure == BYTES:
        return f"{words.byte_rate(cell.median(BYTES))}/s"
    return f"{words.microseconds(cell.median(CPU))} µs"


def draw_seeks(drawing, figures, x, y):
    """A line for each server: a bar to the median, a mark at the 90th percentile."""
    draw_head(drawing, x, y, "Seek: first byte of a random 64 KiB range", "lower is better", [("median", OURS), ("90th percentile", INK)])
    names = list(figures.seeks)
    most = max(figures.seek(name)[1] for name in names)
    names_width, top = 168, y + LEGEND + 8
    step, scale = (PANEL_HEIGHT - LEGEND - 30) / len(names), (PANEL_WIDTH - names_width - 56) / most
    for number, name in enumerate(names):
        middle, slow = figures.seek(name)
        line, left = top + number * step, x + names_width
        called = "gateway, hot folder" if name == "gateway" else words.SERVERS[name]
        drawing.words(left - 8, line + step / 2 + 4, called, 11, INK, "end")
        color = OURS if name in ("gateway", "warm", "cold") else PEER
        drawing.rectangle(left, line + 5, max(1, middle * scale), step - 10, color, 2)
        drawing.rectangle(left + slow * scale - 1, line + 3, 2, step - 6, INK)
        drawing.words(left + slow * scale + 6, line + step / 2 + 4, f"{middle:.2f} ms", 11, INK)
