"""System calls of a process as strace tells them: which, of what file, and when each began and ended beside the others."""
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

LINE = re.compile(r"^(\d+) +(.*)$")
RESUMED = re.compile(r"^<\.\.\. \w+ resumed>(.*)$")
CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+)(.*)$", re.DOTALL)
DESCRIPTOR = re.compile(r"^\d+<([^>]*)>")
TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
# Another thread's call comes between, or strace leaves while it lasts.
UNFINISHED = (" <unfinished ...>", " <detached ...>")
ATTACH_PATIENCE = 30


@dataclass
class Call:
    name: str
    arguments: str
    result: int
    # Numbers of lines: one call was over before another began if its `ended` is less than the other's `began`.
    began: int
    ended: int
    injected: bool

    @property
    def path(self):
        """Of the file behind the descriptor that it is given."""
        found = DESCRIPTOR.match(self.arguments)
        return found[1] if found else ""

    @property
    def texts(self):
        return [found[1] for found in TEXT.finditer(self.arguments)]


def read(trace):
    """The calls in the order in which they ended, then those that had not when strace left."""
    calls, begun = [], {}
    lines = Path(trace).read_text(errors="replace").splitlines()
    for number, line in enumerate(lines):
        found = LINE.match(line)
        if not found:
            continue
        thread, text = found.groups()
        began = number
        resumed = RESUMED.match(text)
        if resumed and thread in begun:
            began, text = begun[thread][0], begun.pop(thread)[1] + resumed[1]
        if text.endswith(UNFINISHED):
            begun[thread] = (began, text[: text.rindex(" <")])
            continue
        found = CALL.match(text)
        if found:
            name, arguments, result, after = found.groups()
            calls.append(Call(name, arguments, int(result), began, number, "(INJECTED)" in after))
    for began, text in begun.values():
        name, _, arguments = text.partition("(")
        calls.append(Call(name, arguments, 0, began, len(lines), False))
    return calls


class Strace:
    """strace on a process that runs, from `with` to its end; the calls are in `calls` afterwards. `paths`: of calls for these
    files and folders alone."""

    def __init__(self, pid, folder, *options, paths=()):
        self.output = Path(folder) / f"trace.{time.monotonic_ns()}"
        self.told = self.output.with_suffix(".told")
        self.command = ["strace", "-f", "-y", "-s", "2048", "-o", self.output, "-p", str(pid), *options]
        for path in paths:
            self.command += ["-P", path]
        self.calls = []

    def __enter__(self):
        with open(self.told, "w") as told:
            self.process = subprocess.Popen(self.command, stderr=told, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + ATTACH_PATIENCE
        while "attached" not in self.told.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"strace cannot attach: {self.told.read_text()}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        # It lets the process go on, and writes what it still holds.
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.calls = read(self.output)
        self.output.unlink()
        self.told.unlink()
