"""The comparison as one picture: what a range costs and how fast it comes, as ratios to nginx, and seek times."""
from dataclasses import dataclass

import tables
import words
from figures import BYTES, CPU, CPU_PER_BYTE, Cell
from summary import chosen_connections
from svg import FAINT, GRID, INK, PAPER, Drawing

OURS, PEER, TUNED, CHECKED = "#2563eb", "#9ca3af", "#64748b", "#f59e0b"
OUR_SERVERS = tables.OURS.values()
WIDTH, MARGIN, GAP = 920, 28, 36
PANEL_WIDTH, PANEL_HEIGHT = (WIDTH - 2 * MARGIN - GAP) / 2, 250
HEAD, FOOT, LEGEND = 72, 34, 44
NOTE = "Below each size: the gateway's own figure. * The load's core was over 90 % busy. Made by loadtest/compare.sh."


@dataclass(frozen=True)
class Bars:
    """Ratios to the first peer, for each size; bars that would be higher than the panel end at its top."""

    part: str
    title: str
    figure: str
    servers: tuple  # name, what it is called, color; ours first, then the peer that is 1
    top: float


FOLDER = (
    ("gateway", "gateway, checked", OURS),
    ("unchecked", "nginx, no check", PEER),
    ("checked", "njs check", CHECKED),
    ("unchecked-sndbuf", "sndbuf=200k", TUNED),
)
CACHE = (
    ("warm", "gateway, warm cache", OURS),
    ("slice", "nginx, warm slice cache", PEER),
    ("slice-nopush", "tcp_nopush off", TUNED),
)
COLD = (
    ("cold", "gateway, cold", OURS),
    ("proxy", "nginx proxy, no cache", PEER),
    ("proxy-buffers", "1 MiB of buffers", TUNED),
)
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
    connections, title = chosen_connections(figures), "T2M files beside nginx: one thread on one core"
    drawing.words(MARGIN, 34, title, 20, weight="600")
    subtitle = f"{connections} connections. Bars are ratios to nginx in the same run, medians over rounds."
    drawing.words(MARGIN, 55, subtitle, 13, FAINT)
    for number, panel in enumerate(panels):
        draw_bars(drawing, panel, figures, connections, *place(number))
    if figures.has("seek"):
        draw_seeks(drawing, figures, *place(count - 1))
    drawing.words(MARGIN, height - 18, NOTE, 11, FAINT)
    return drawing.text(title)


def place(number):
    return MARGIN + number % 2 * (PANEL_WIDTH + GAP), HEAD + number // 2 * (PANEL_HEIGHT + GAP)


def draw_head(drawing, x, y, title, hint, legend):
    drawing.words(x, y + 16, title, 14, weight="600")
    drawing.words(x + PANEL_WIDTH, y + 16, hint, 11, FAINT, "end")
    for name, color in legend:
        drawing.rectangle(x, y + 26, 10, 10, color, 2)
        drawing.words(x + 14, y + 35, name, 11, FAINT)
        x += 24 + 6.1 * len(name)


def draw_bars(drawing, panel, figures, connections, x, y):
    hint = "higher is better" if panel.figure == BYTES else "lower is better"
    draw_head(drawing, x, y, panel.title, hint, [(name, color) for _, name, color in panel.servers])
    floor, scale = y + PANEL_HEIGHT - 34, (PANEL_HEIGHT - LEGEND - 34 - 16) / panel.top
    for tick in range(int(panel.top) + 1):
        drawing.line(x + 18, floor - tick * scale, x + PANEL_WIDTH, floor - tick * scale, GRID)
        drawing.words(x + 12, floor - tick * scale + 4, str(tick), 11, FAINT, "end")
    drawing.line(x + 18, floor - scale, x + PANEL_WIDTH, floor - scale, FAINT, 1, "4 3")
    sizes = figures.values(panel.part, 1)
    step = (PANEL_WIDTH - 18) / len(sizes)
    for number, size in enumerate(sizes):
        middle = x + 18 + (number + 0.5) * step
        drawing.words(middle, floor + 16, words.size(size), 12, INK, "middle")
        cells = [(figures.cell(panel.part, size, connections, name), color) for name, _, color in panel.servers]
        if cells[0][0] and cells[1][0]:
            group = Group(drawing, panel, cells[1][0], floor, scale)
            group.draw([pair for pair in cells if pair[0]], middle, step)


@dataclass(frozen=True)
class Group:
    """The bars of one size, and below them what ours is in numbers."""

    drawing: Drawing
    panel: Bars
    peer: Cell
    floor: float
    scale: float

    def draw(self, cells, middle, step):
        width = min(28, (step - 10) / len(cells))
        for number, (cell, color) in enumerate(cells):
            self.bar(cell, color, middle + (number - len(cells) / 2) * width, width)
        self.drawing.words(middle, self.floor + 30, absolute(cells[0][0], self.panel.figure), 10, FAINT, "middle")

    def bar(self, cell, color, left, width):
        ratio = 1.0 if cell is self.peer else cell.ratio(self.peer, self.panel.figure)
        height = max(1, min(ratio, self.panel.top) * self.scale)
        self.drawing.rectangle(left + 1, self.floor - height, width - 2, height, color, 2)
        if ratio > self.panel.top:
            cut = self.floor - height + 14
            self.drawing.line(left, cut + 3, left + width, cut - 3, PAPER, 3)
        if cell is not self.peer:
            at = left + width / 2, self.floor - height - 4
            self.drawing.words(*at, self.called(cell, ratio), 9.5, INK, "middle", over=True)

    def called(self, cell, ratio):
        limited = self.panel.figure == BYTES and (cell.load_was_the_limit() or self.peer.load_was_the_limit())
        return (f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}") + ("*" if limited else "")


def absolute(cell, figure):
    if figure == BYTES:
        return f"{words.byte_rate(cell.median(BYTES))}/s"
    return f"{words.microseconds(cell.median(CPU))} µs"


def draw_seeks(drawing, figures, x, y):
    """A line for each server: a bar to the median, a mark at the 90th percentile."""
    legend = [("median", OURS), ("90th percentile", INK)]
    draw_head(drawing, x, y, "First byte of a random 64 KiB range", "lower is better", legend)
    names = list(figures.seeks)
    left, right = x + 168, x + PANEL_WIDTH - 84
    top, step = y + LEGEND + 8, (PANEL_HEIGHT - LEGEND - 30) / len(names)
    scale = (right - left) / max(figures.seek(name)[1] for name in names)
    for number, name in enumerate(names):
        middle, slow = figures.seek(name)
        line = top + number * step
        drawing.words(left - 8, line + step / 2 + 4, tables.seek_name(name), 11, INK, "end")
        color = OURS if name in OUR_SERVERS else PEER
        drawing.rectangle(left, line + 5, max(1, middle * scale), step - 10, color, 2)
        drawing.rectangle(left + slow * scale - 1, line + 4, 2, step - 8, INK)
        drawing.words(x + PANEL_WIDTH, line + step / 2 + 4, f"{middle:.2f}, {slow:.2f} ms", 11, INK, "end")
