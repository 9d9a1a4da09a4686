"""Two gateways on one listening socket that this process holds, as a service manager would.

Each is told by LISTEN_FDS which descriptor is its own, and tells by NOTIFY_SOCKET when it is ready.
"""
import os
import signal
import socket
import subprocess
import time

HANDED_OVER = 3  # as SD_LISTEN_FDS_START
PATIENCE = 60


class Gateway:
    """One of those that take connections from the socket; started anew with the same settings."""

    def __init__(self, program, listener, admin_port, folder):
        self.program = program
        self.listener = listener
        notify = os.path.join(folder, f"notify-{admin_port}")
        self.ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ear.bind(notify)
        self.ear.settimeout(1)
        self.log = open(os.path.join(folder, f"restarts-gateway-{admin_port}.log"), "ab")
        self.settings = {
            "LISTEN_FDS": "1",
            "LISTEN_FDNAMES": "files",
            "NOTIFY_SOCKET": notify,
            "GATEWAY_ADMIN_LISTEN": f"127.0.0.1:{admin_port}",
        }
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.program],
            env=os.environ | self.settings,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            pass_fds=(HANDED_OVER,),
            preexec_fn=lambda: os.dup2(self.listener.fileno(), HANDED_OVER),
        )
        self.await_ready()

    def await_ready(self):
        deadline = time.monotonic() + PATIENCE
        while not self.hears(b"READY=1"):
            if self.process.poll() is not None:
                raise SystemExit(f"a gateway ended with {self.process.returncode} before it was ready")
            if time.monotonic() > deadline:
                raise SystemExit(f"a gateway was not ready within {PATIENCE} s")

    def hears(self, line):
        try:
            return line in self.ear.recv(4096).splitlines()
        except TimeoutError:
            return False

    def restart(self):
        self.stop()
        self.start()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(PATIENCE) != 0:
            raise SystemExit(f"a gateway ended with {self.process.returncode} after SIGTERM")

    def kill(self):
        self.process.kill()
        self.process.wait()


def listen(port):
    """A socket as systemd would open it, under another number than the one it is handed over by."""
    held = os.open("/dev/null", os.O_RDONLY)
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    os.close(held)
    assert listener.fileno() > HANDED_OVER
    return listener
