"""How many URLs a server signs, by `wrk` and sign.lua."""
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "compare"))
import procfs  # noqa: E402

SIGN = Path(__file__).with_name("sign.lua")
BATCH = 100
ONE, MANY = ("/api/files/%s/signed-url", 0), ("/api/files/signed-urls", BATCH)


def measure(server, load, asked, kind):
    """URLs a second, and CPU microseconds for each answer. `load`: core, connections, seconds."""
    (pid, url), (core, connections, seconds), (path, batch) = server, load, kind
    command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(SIGN), url, "--"]
    cpu = procfs.Cpu(pid)
    printed = subprocess.run([*command, asked, path, str(batch)], capture_output=True, text=True, check=True).stdout
    used = cpu.seconds()
    last = next(line for line in printed.splitlines() if line.startswith("measured "))
    answers, microseconds, refused = map(int, last.split()[1:])
    if refused or not answers:
        sys.exit(f"{refused} of {answers} answers were no 200")
    return answers * max(batch, 1) / microseconds * 1e6, used / answers * 1e6


def servers_of(lines):
    """Of `<name> <pid> <URL>` lines: pid and URL by name."""
    return {name: (int(pid), url) for name, pid, url in (line.split() for line in lines)}
