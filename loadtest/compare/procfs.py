"""What the kernel counted of a process: CPU time, bytes read, memory."""
import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """The process and its children, and theirs: nginx's master with its worker and cache processes."""
    found = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += tree(int(child))
    except (FileNotFoundError, ProcessLookupError):
        return []
    return found


def task_seconds(pid):
    """Thread id: seconds on a CPU, to the nanosecond. None of a process that has ended, as nginx's cache loader does."""
    try:
        return {
            task.name: int((task / "schedstat").read_text().split()[0]) / 1e9
            for task in Path(f"/proc/{pid}/task").iterdir()
        }
    except (FileNotFoundError, ProcessLookupError):
        return {}


def tick_seconds(pid):
    """User and system time, in ticks of 10 ms; threads that ended are in it. None of a process that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return (int(fields[11]) + int(fields[12])) / TICKS


class Cpu:
    """CPU time of a process tree since this was made: from `schedstat`, and from `stat` if a thread ended meanwhile."""

    def __init__(self, pid):
        self.pids = tree(pid)
        self.tasks = {process: task_seconds(process) for process in self.pids}
        self.ticks = {process: tick_seconds(process) for process in self.pids}

    def seconds(self):
        return sum(self.of_process(process) for process in self.pids)

    def of_process(self, process):
        before, now = self.tasks[process], task_seconds(process)
        if before.keys() <= now.keys():
            return sum(seconds - before.get(task, 0) for task, seconds in now.items())
        return max(0, tick_seconds(process) - self.ticks[process])


def machine_seconds():
    """Time that all cores together were busy, or were taken from us by the host."""
    first = Path("/proc/stat").read_text().partition("\n")[0]
    user, nice, system, _idle, _waiting, hard, soft, stolen = (int(field) for field in first.split()[1:9])
    return (user + nice + system + hard + soft + stolen) / TICKS


def bytes_read(pid):
    """By `read`, of files and sockets alike."""
    return int(Path(f"/proc/{pid}/io").read_text().split()[1])


def reset_peak(pid):
    for process in tree(pid):
        Path(f"/proc/{process}/clear_refs").write_text("5")


def memory_kib(pid, field="VmHWM"):
    """Of the largest process of the tree: pages that a master and its worker share count once."""
    return max(memory_of(process, field) for process in tree(pid))


def memory_of(process, field):
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise ValueError(f"no {field} of process {process}")
