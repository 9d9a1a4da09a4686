"""Plays and seeks in VLC through its remote control, and expects it to be where it was sent.

  seek_in_vlc.py <vlc, and what it runs under> < URL
"""
import re
import subprocess
import sys
import threading
import time

PLACES = [200, 390, 3, 201, 100, 350]
PATIENCE = 60
# For all of it: one that says nothing is waited for without a bound otherwise.
TOTAL = 300
QUIET = ["--ignore-config", "--no-media-library", "--vout=dummy", "--aout=dummy", "--no-spu", "--no-video-title-show",
         "--intf=oldrc", "--rc-fake-tty", "--no-color"]

url = sys.stdin.readline().strip()
pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
vlc = subprocess.Popen([*sys.argv[1:], *QUIET], stdin=pipe, stdout=pipe, stderr=nothing, text=True)
bound = threading.Timer(TOTAL, vlc.kill)
bound.daemon = True
bound.start()


def say(command):
    vlc.stdin.write(command + "\n")
    vlc.stdin.flush()


def number(command):
    """The next number that is printed alone on a line."""
    say(command)
    for line in vlc.stdout:
        if found := re.fullmatch(r"[> ]*(\d+)\s*", line):
            return int(found[1])
    sys.exit(f"VLC ended at {command}")


def wait_until(what, holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"not within {PATIENCE} s: {what}")
        time.sleep(0.1)


try:
    say(f"add {url}")
    wait_until("the film has a length", lambda: number("get_length") > 300)
    for place in PLACES:
        say(f"seek {place}")
        wait_until(f"it plays on at {place} s", lambda: place < number("get_time") < place + PATIENCE)
    print(f"{len(PLACES)} seeks in {number('get_length')} s of film, each played on where it was sent")
finally:
    # How it ends when it is asked to is not of interest: now and then it does not.
    vlc.kill()
    vlc.wait()
