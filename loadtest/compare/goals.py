"""What the gateway is to reach: ratios to a peer that took turns with it."""
from dataclasses import dataclass

from figures import ANSWERS, BYTES, CPU, CPU_PER_BYTE

KIB, MIB = 1024, 1024 * 1024
CPU_FIGURES = CPU, CPU_PER_BYTE


@dataclass(frozen=True)
class Goal:
    part: str
    size: int
    server: str
    peer: str
    figure: str
    must: float
    goal: float

    def higher_is_better(self):
        return self.figure in (ANSWERS, BYTES)

    def reached(self, ratio):
        return ratio >= self.must if self.higher_is_better() else ratio <= self.must


def against(part, server, peer):
    return lambda size, figure, must, goal: Goal(part, size, server, peer, figure, must, goal)


unchecked = against("folder", "gateway", "unchecked")
sndbuf = against("folder", "gateway", "unchecked-sndbuf")
checked = against("folder", "gateway", "checked")
slices = against("cache", "warm", "slice")
proxy = against("cold", "cold", "proxy")
buffers = against("cold", "cold", "proxy-buffers")

GOALS = (
    unchecked(KIB, CPU, 1.05, 0.80),
    unchecked(16 * KIB, CPU, 1.05, 0.80),
    checked(KIB, CPU, 0.60, 0.45),
    unchecked(64 * KIB, CPU, 0.70, 0.50),
    unchecked(64 * KIB, ANSWERS, 1.0, 1.0),
    unchecked(MIB, BYTES, 1.8, 2.3),
    unchecked(MIB, CPU, 0.45, 0.28),
    unchecked(8 * MIB, BYTES, 2.0, 2.6),
    unchecked(8 * MIB, CPU, 1.30, 0.90),
    sndbuf(8 * MIB, BYTES, 2.0, 2.6),
    sndbuf(8 * MIB, CPU, 1.30, 0.90),
    slices(KIB, CPU, 0.80, 0.6),
    slices(64 * KIB, ANSWERS, 20, 50),
    slices(MIB, BYTES, 1.4, 1.8),
    slices(8 * MIB, BYTES, 1.8, 2.3),
    proxy(MIB, CPU_PER_BYTE, 1.1, 0.75),
    proxy(8 * MIB, CPU_PER_BYTE, 1.1, 0.75),
    buffers(MIB, CPU_PER_BYTE, 1.1, 0.75),
    buffers(8 * MIB, CPU_PER_BYTE, 1.1, 0.75),
)

# Milliseconds that the first byte of a cold seek may be behind a GET straight to the bucket, medians.
FIRST_BYTE_BEHIND = {"must": 2.0, "goal": 1.0}


def counts(goal, cell, peer):
    """Where the load was the limit of either side, only CPU counts."""
    return goal.figure in CPU_FIGURES or not (cell.load_was_the_limit() or peer.load_was_the_limit())


def verdict(goal, figures, connections):
    """The ratio, and whether it is enough; `None` for what was not measured, brackets for what does not count."""
    cell = figures.cell(goal.part, goal.size, connections, goal.server)
    peer = figures.cell(goal.part, goal.size, connections, goal.peer)
    if not cell or not peer:
        return None
    ratio = cell.ratio(peer, goal.figure)
    if not counts(goal, cell, peer):
        return f"({ratio:.2f})"
    return f"{ratio:.2f} {'yes' if goal.reached(ratio) else '**no**'}"
