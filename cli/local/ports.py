"""Who listens on which port of this machine, read from /proc: no root, no other program needed; and ports where nobody does."""

import contextlib
import errno
import itertools
import random
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"
_FREE = range(26_500, 32_768)
"""Below what Linux gives to outgoing connections (ip_local_port_range): one of those would take a port before its server does."""


@dataclass(frozen=True)
class Holder:
    """The program behind a listening port; pid None when it belongs to another user."""

    port: int
    pid: int | None
    command: str

    def __str__(self) -> str:
        return f"{self.command} (pid {self.pid})" if self.pid else self.command


def holders(ports: Iterable[int]) -> dict[int, Holder]:
    """The listening ones among the ports, and who holds each."""
    inodes = _listening(set(ports))
    pids = _owners(set(inodes.values())) if inodes else {}
    return {port: _holder(port, pids.get(inode)) for port, inode in inodes.items()}


def free_ports(count: int) -> list[int]:
    """Ports of loopback that were free at the same time a moment ago; in this process, none that was given out lately."""
    with contextlib.ExitStack() as stack:
        ports: list[int] = []
        while len(ports) < count:
            port = next(_candidates)
            try:
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                ports.append(port)
        return ports


def _from_anywhere(ports: range) -> Iterator[int]:
    """All of them in turn, again and again, in every process from another one on."""
    start = random.SystemRandom().randrange(len(ports))
    return itertools.cycle([*ports[start:], *ports[:start]])


_candidates = _from_anywhere(_FREE)


def _listening(ports: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                port = int(fields[1].rpartition(":")[2], 16)
                if fields[3] == _LISTEN and port in ports:
                    found[port] = fields[9]
    return found


def _owners(inodes: set[str]) -> dict[str, int]:
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, int] = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    inode = wanted.get(str(descriptor.readlink()))
                    if inode:
                        found.setdefault(inode, int(process.name))
    return found


def _holder(port: int, pid: int | None) -> Holder:
    if pid is None:
        return Holder(port, None, "a program of another user")
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        return Holder(port, pid, " ".join([Path(words[0]).name, *words[1:]]).strip()[:80])
    return Holder(port, pid, "a program")
