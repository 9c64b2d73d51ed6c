"""Starts all services side by side, keeps them running, tells their state, and ends them in order."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local import control
from cli.local.guard import Guard
from cli.local.instance import Instance
from cli.local.service import STOP_WAVES, Adopted, Service
from cli.local.supervised import State, Supervised
from cli.local.unending import go_on

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Supervisor:
    """One running copy of the platform.

    `on_line` gets every line of output, `on_change` what happens to a service, `on_ready` comes once, when all is ready.
    """

    def __init__(
        self,
        instance: Instance,
        services: list[Service],
        adopted: list[Adopted],
        *,
        on_line: Callable[[Service, str], None],
        on_change: Callable[[Supervised, str], None],
        on_ready: Callable[[float], None],
        lock: int,
        freeze_detection: bool = True,
        gives_up: bool = True,
    ) -> None:
        """`gives_up`: an agent that refuses its configuration at its start ends all: nobody would mend that by waiting."""
        self._instance = instance
        self._adopted = adopted
        self._on_change = on_change
        self._on_ready = on_ready
        self._started = time.monotonic()
        self._guard = Guard(lock)
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self.running = {
            service.name: Supervised(
                service,
                on_line=on_line,
                on_change=on_change,
                on_group=self._guard.tell,
                freeze_detection=freeze_detection,
                gives_up=gives_up,
            )
            for service in services
        }

    async def run(self) -> None:
        """Until a signal, `agents down` or an agent's refusal says stop; returns when nothing of it is left."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop)
        server = await control.serve(self._instance, self._answer)
        tasks = [asyncio.create_task(self._keep(one)) for one in self.running.values()]
        announce = asyncio.create_task(self._announce())
        try:
            await self._stop.wait()
            await self._end_in_waves()
        finally:
            for one in self.running.values():
                one.kill()
            for task in (announce, *tasks):
                task.cancel()
            await asyncio.gather(announce, *tasks, return_exceptions=True)
            self._guard.close()
            server.close()
            self._instance.socket.unlink(missing_ok=True)

    def require_no_refusal(self) -> None:
        """CommandError with what the agents said that ended all by refusing their configuration."""
        refused = [one for one in self.running.values() if one.refused]
        if refused:
            told = [f"{one.last_words or one.service.name}\n  log: {one.service.log}" for one in refused]
            raise CommandError(
                "what cannot start as it is configured was not tried again:\n" + "\n".join(told),
                hint="all was stopped, the data stays; `agents doctor` looks at files and settings",
                code=ExitCode.INVALID,
            )

    def stop(self) -> None:
        """First call: end in order. Second call (Ctrl-C again): end at once."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    @property
    def all_ready(self) -> bool:
        return not self.stopping and all(one.state is State.READY for one in self.running.values())

    @property
    def all_were_ready(self) -> bool:
        """Every agent has subscribed to what it reads: its consumer groups are there, and stay."""
        return not self.stopping and all(one.was_ready for one in self.running.values())

    def status(self) -> dict[str, Any]:
        memory = _memory_by_group()
        return {
            "pid": os.getpid(),
            "root": str(self._instance.root),
            "offset": self._instance.offset,
            "ready": self.all_ready,
            "stopping": self.stopping,
            "up_s": round(time.monotonic() - self._started, 1),
            "services": [
                {
                    "name": one.service.name,
                    "role": one.service.role,
                    "agent": one.service.agent,
                    "state": one.state,
                    "since_s": round(time.monotonic() - one.since, 1),
                    "pid": one.pid,
                    "restarts": one.restarts,
                    "last_exit": one.last_exit,
                    "last_words": one.last_words,
                    "complaints": one.complaints,
                    "memory_mb": round(memory.get(one.pid or 0, 0) / 1e6),
                    "ports": dict(one.service.ports),
                    "address": one.service.address,
                    "log": str(one.service.log),
                }
                for one in self.running.values()
            ],
            "adopted": [{"name": part.name, "address": part.address} for part in self._adopted],
        }

    def _answer(self, request: str) -> dict[str, Any]:
        if request == "stop":
            self.stop()
            return {"stopping": True}
        if request == "status":
            return self.status()
        return {"error": f"unknown request {request!r}"}

    async def _keep(self, one: Supervised) -> None:
        for name in one.service.needs:
            await self.running[name].ready.wait()
        await go_on("supervising it", one.run, lambda text: self._on_change(one, text))
        if one.refused and not self.stopping:
            self.stop()

    async def _announce(self) -> None:
        while not self.all_ready:
            await asyncio.gather(*(one.ready.wait() for one in self.running.values()))
        self._on_ready(time.monotonic() - self._started)

    async def _end_in_waves(self) -> None:
        for role in STOP_WAVES:
            wave = [one for one in self.running.values() if one.service.role is role]
            ending = asyncio.ensure_future(asyncio.gather(*(one.stop() for one in wave)))
            hurrying = asyncio.ensure_future(self._hurry.wait())
            both: list[asyncio.Future[Any]] = [ending, hurrying]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            hurrying.cancel()
            if self._hurry.is_set():
                ending.cancel()
                return


def _memory_by_group() -> dict[int, int]:
    """Resident bytes of every process group: a model runner counts towards its server."""
    memory: dict[int, int] = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        try:
            group = int((process / "stat").read_text().rpartition(")")[2].split()[2])
            pages = int((process / "statm").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            continue
        memory[group] = memory.get(group, 0) + pages * _PAGE
    return memory
