"""Ends what the supervisor started when the supervisor itself is killed.

A parent-death signal reaches children only; Ollama's model runner is a grandchild, and a stopped process does not
take a SIGTERM. So a second process holds the reading end of a pipe: `+<group>` and `-<group>` lines keep its list,
the end of the pipe means that the supervisor is gone. Run as a script with `python -S -E`: nothing is imported that a
start would wait for.
"""

import os
import signal
import sys
import time

GRACE = 3.0


def watch(descriptor: int) -> set[int]:
    groups: set[int] = set()
    rest = b""
    while data := os.read(descriptor, 4_096):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
    return groups


def end(groups: set[int]) -> None:
    _signal(groups, signal.SIGTERM)
    _signal(groups, signal.SIGCONT)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and any(_alive(group) for group in groups):
        time.sleep(0.05)
    _signal(groups, signal.SIGKILL)


def _signal(groups: set[int], number: int) -> None:
    for group in groups:
        try:
            os.killpg(group, number)
        except OSError:
            continue


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # it ends when the pipe does
    end(watch(int(sys.argv[1])))
