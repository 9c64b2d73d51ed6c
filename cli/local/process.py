"""Child processes that never outlive us, without threads: process group, parent-death signal, pidfd."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)  # loaded here: between fork and exec nothing may be loaded any more
_CHUNK = 65_536


class Child:
    """One started program, leader of a process group of its own. Its output goes to `on_output`, bytes as they come;
    `when_we_die` is sent to it then.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str],
        on_output: Callable[[bytes], None],
        when_we_die: signal.Signals = signal.SIGTERM,
    ) -> None:
        loop = asyncio.get_running_loop()
        parent = os.getpid()
        self._popen = subprocess.Popen(
            [str(part) for part in argv],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
            # Safe here: the callable takes no lock and allocates next to nothing between fork and exec.
            preexec_fn=lambda: _die_with(parent, when_we_die),  # noqa: PLW1509
        )
        self.pid = self._popen.pid
        self._on_output = on_output
        self._exit: asyncio.Future[int] = loop.create_future()
        assert self._popen.stdout is not None  # noqa: S101 - PIPE above
        self._output = self._popen.stdout
        os.set_blocking(self._output.fileno(), False)
        loop.add_reader(self._output.fileno(), self._read)
        # A pidfd tells of the end through the loop, on every Python, where asyncio's own watcher may take a thread
        # per child; a parent-death signal is tied to the thread that forks.
        self._pidfd = os.pidfd_open(self.pid)
        loop.add_reader(self._pidfd, self._ended)

    async def wait(self) -> int:
        """The exit code; minus the number of the signal that ended it."""
        return await asyncio.shield(self._exit)

    @property
    def running(self) -> bool:
        return not self._exit.done()

    def terminate(self) -> None:
        """Ask the group to end; a stopped process is woken so that it can."""
        self._signal_group(signal.SIGTERM)
        self._signal_group(signal.SIGCONT)

    def kill(self) -> None:
        """End the whole group, grandchildren too."""
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _read(self) -> None:
        try:
            data = os.read(self._output.fileno(), _CHUNK)
        except BlockingIOError:
            return
        if data:
            self._on_output(data)
        else:
            self._close_output()

    def _ended(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        code = self._popen.wait()
        # What the group leaves behind (a model runner, a reloader's worker) must not hold ports against a restart.
        self.kill()
        try:
            self._drain()
        finally:  # that its end is known matters more than its last words
            if not self._exit.done():
                self._exit.set_result(code)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while not self._output.closed and (data := os.read(self._output.fileno(), _CHUNK)):
                self._on_output(data)
        self._close_output()

    def _close_output(self) -> None:
        if not self._output.closed:
            asyncio.get_running_loop().remove_reader(self._output.fileno())
            self._output.close()


def _die_with(parent: int, number: signal.Signals) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it died between fork and prctl
        os._exit(1)


def describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"
