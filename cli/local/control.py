"""How other commands talk to a running supervisor: one JSON line each way over a Unix socket, and its lock file."""

import asyncio
import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.instance import Instance

Answer = Callable[[str], dict[str, Any]]


class AlreadyRunning(Exception):
    def __init__(self, pid: int) -> None:
        super().__init__(pid)
        self.pid = pid


GUARDIAN_PATIENCE = 6.0
UP = "up"


@contextmanager
def exclusive(instance: Instance, command: str = UP) -> Iterator[int]:
    """Be the one at work on this instance, holding its lock (a descriptor): its supervisor, or another command.

    Raises:
        AlreadyRunning: the supervisor is there.
        CommandError: another command is at work, which nobody is to end as a supervisor.

    """
    instance.run.mkdir(parents=True, exist_ok=True)
    with instance.lock.open("a+") as lock:
        deadline = time.monotonic() + GUARDIAN_PATIENCE
        while not _locked(lock.fileno(), fcntl.LOCK_EX):
            pid = _supervisor(instance)
            # Of a supervisor that was killed the guardian still ends what it left.
            if alive(pid) or time.monotonic() > deadline:
                raise AlreadyRunning(pid)
            time.sleep(0.1)
        lock.truncate(0)
        lock.write(f"{os.getpid()} {command}")
        lock.flush()
        yield lock.fileno()


@contextmanager
def stopped(instance: Instance, command: str) -> Iterator[None]:
    """Be that other command, at work while nothing runs and nothing is started; CommandError when something runs."""
    try:
        with exclusive(instance, command):
            yield
    except AlreadyRunning as running:
        raise CommandError(
            f"it is running (pid {running.pid})", hint=f"stop it first: {instance.command('down')}"
        ) from None


def running_pid(instance: Instance) -> int | None:
    """The pid of the supervisor of this instance; None when none runs. Never fooled by a stale file.

    Raises:
        CommandError: another command is at work.

    """
    with suppress(FileNotFoundError), instance.lock.open() as lock:
        if not _locked(lock.fileno(), fcntl.LOCK_SH):
            return _supervisor(instance)
    return None


def settled_pid(instance: Instance) -> int | None:
    """As running_pid, after waiting for the guardian of a supervisor that was killed."""
    deadline = time.monotonic() + GUARDIAN_PATIENCE
    while (pid := running_pid(instance)) is not None and not alive(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    return pid


def ask(instance: Instance, request: str, timeout: float = 5.0) -> dict[str, Any]:
    """One question to the supervisor; CommandError when none runs or it does not answer."""
    pid = running_pid(instance)
    if pid is None or not alive(pid):
        raise CommandError(
            "nothing runs here", hint=f"start it: {instance.command('up')}", code=ExitCode.NOT_RUNNING
        )
    try:
        with _short_path(instance) as path, socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(path)
            connection.sendall(request.encode() + b"\n")
            with connection.makefile("rb") as answer:
                content: dict[str, Any] = from_json(answer.readline())
                return content
    except (OSError, ValueError) as error:
        raise CommandError(
            f"the supervisor (pid {pid}) does not answer: {error}",
            hint=f"it may be starting; else {instance.command('down')} ends it",
            code=ExitCode.NOT_READY,
        ) from None


async def serve(instance: Instance, answer: Answer) -> asyncio.AbstractServer:
    """Answer requests until the server is closed."""

    async def on_connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError):
            request = (await reader.readline()).decode().strip()
            writer.write(to_json(answer(request)) + b"\n")
            await writer.drain()
        writer.close()

    instance.socket.unlink(
        missing_ok=True
    )  # ours by the lock: what is there is left from one that was killed
    listening = socket.socket(socket.AF_UNIX)
    with _short_path(instance) as path:
        listening.bind(path)
    instance.socket.chmod(0o600)
    return await asyncio.start_unix_server(on_connect, sock=listening)


@contextmanager
def _short_path(instance: Instance) -> Iterator[str]:
    """A socket's path may have 107 bytes, a project's folder more: go through a descriptor of the folder."""
    folder = os.open(instance.run, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{instance.socket.name}"
    finally:
        os.close(folder)


def _locked(descriptor: int, kind: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        return True
    return False


def alive(pid: int) -> bool:
    """Not merely a zombie: in a container PID 1 may never collect them."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def _supervisor(instance: Instance) -> int:
    """Its pid, of who holds the lock; 0 before it is written."""
    pid, _, command = instance.lock.read_text().partition(" ")
    if command not in {"", UP}:
        raise CommandError(
            f"`agents {command}` is at work here (pid {pid})", hint="run this again when that one is done"
        )
    return int(pid) if pid.isdecimal() else 0
