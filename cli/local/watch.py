"""`agents up --watch`: whoever imports what was saved is started again, in order, once it can be.

Files are looked at four times a second: 2 % of a core for a project of this size, no library, and the same on every file system.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cli.local.imports import PACKAGES, Imports
from cli.local.supervised import Supervised
from cli.local.unending import go_on
from domain.errors import PromptInvalid
from infrastructure.prompts.registry import load_prompts

LOOK = 0.25
"""Seconds between two looks; a change waits for one look without another: editors write in several steps."""
PROMPTS = "prompts"
_TARGET = re.compile(r"(\w+(?:\.\w+)*):(\w+)")
_IMPORT = "import sys, importlib; getattr(importlib.import_module(sys.argv[1]), sys.argv[2])"

Say: TypeAlias = Callable[[str, str], None]
Seen: TypeAlias = Mapping[Path, tuple[int, int]]


@dataclass(frozen=True)
class Watched:
    """An agent: its processes, and the module and attribute that its command names."""

    name: str
    module: str
    attribute: str
    processes: Sequence[Supervised]


def watched(running: Collection[Supervised]) -> list[Watched]:
    """Those of the running services that are agents of this project."""
    found: dict[str, Watched] = {}
    for one in running:
        target = _TARGET.fullmatch(str(one.service.argv[-1]))
        if one.service.agent is not None and target is not None and "infrastructure.host" in one.service.argv:
            before = found.get(one.service.agent)
            processes = [*(before.processes if before else []), one]
            found[one.service.agent] = Watched(one.service.agent, target[1], target[2], processes)
    return list(found.values())


async def keep_current(root: Path, agents: Sequence[Watched], say: Say) -> None:
    """For ever; `say` gets what happens, and its level. A change that could not be followed is tried again."""
    watching = _Watching(root, agents, say)
    await go_on("watching the files", watching.run, lambda text: say(text, "warning"))


class _Watching:
    def __init__(self, root: Path, agents: Sequence[Watched], say: Say) -> None:
        self._root = root
        self._agents = agents
        self._say = say
        self._imports = Imports(root)
        self._reach: dict[str, set[Path]] = {}
        self._stale: set[str] = set()
        self._seen: Seen = {}
        """How everything looked when it was followed last."""

    async def run(self) -> None:
        if not self._seen:
            self._reach = {agent.name: _reach(self._imports, agent) for agent in self._agents}
            self._seen = look(self._root)
            self._say(f"watching {len(self._seen)} files", "info")
        while True:
            await asyncio.sleep(LOOK)
            now = look(self._root)
            if now != self._seen:
                await self._follow(now)

    async def _follow(self, now: Seen) -> None:
        while (settled := await _after_a_look(self._root)) != now:
            now = settled
        changed = {path for path in {*self._seen, *now} if self._seen.get(path) != now.get(path)}
        for agent in self._agents:
            before, self._reach[agent.name] = self._reach[agent.name], _reach(self._imports, agent)
            if changed & (before | self._reach[agent.name]) or any(
                _is_prompt(self._root, agent, path) for path in changed
            ):
                self._stale.add(agent.name)
        meant = [agent for agent in self._agents if agent.name in self._stale]
        self._stale -= await _renew(self._root, meant, changed, self._say)
        self._seen = now


def look(root: Path) -> Seen:
    """Every file that an agent's process is made of, and how it looks."""
    return dict(_stats(root / folder for folder in (*PACKAGES, PROMPTS)))


def _stats(folders: Iterator[Path]) -> Iterator[tuple[Path, tuple[int, int]]]:
    for folder in folders:
        for place, inside, files in os.walk(folder):
            inside[:] = [name for name in inside if name != "__pycache__" and not name.startswith(".")]
            for name in files:
                if name.endswith((".py", ".yaml", ".lock")) and not name.startswith("."):
                    path = Path(place, name)
                    try:
                        state = path.stat()
                    except OSError:
                        continue  # gone since it was listed
                    yield path, (state.st_mtime_ns, state.st_size)


async def _after_a_look(root: Path) -> Seen:
    await asyncio.sleep(LOOK / 2)
    return look(root)


def _reach(imports: Imports, agent: Watched) -> set[Path]:
    return imports.of(["infrastructure.host.__main__", agent.module])


def _is_prompt(root: Path, agent: Watched, path: Path) -> bool:
    """Cases and evaluations are no part of what is served."""
    own = path.is_relative_to(root / PROMPTS / agent.name) and path.name != "cases.yaml"
    return own or path == root / PROMPTS / "prompts.lock"


async def _renew(root: Path, agents: Sequence[Watched], changed: Collection[Path], say: Say) -> set[str]:
    """Start again all that are sound with what was changed, and name them; of the others the old ones go on."""
    names = sorted(str(path.relative_to(root)) for path in changed)
    told = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    problems = await asyncio.gather(*(asyncio.to_thread(_problem, root, agent, changed) for agent in agents))
    sound = []
    for agent, problem in zip(agents, problems, strict=True):
        if problem:
            say(f"{agent.name}: {problem}; the old one keeps running", "warning")
        else:
            say(f"{agent.name}: {told} changed, starting again", "info")
            sound.append(agent)
    await asyncio.gather(*(process.restart() for agent in sound for process in agent.processes))
    return {agent.name for agent in sound}


def _syntax_error(root: Path, path: Path) -> str | None:
    if path.suffix != ".py" or not path.exists():
        return None
    try:
        compile(path.read_bytes(), path, "exec")
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        return f"{path.relative_to(root)}{line}: {getattr(error, 'msg', error)}"
    return None


def _problem(root: Path, agent: Watched, changed: Collection[Path]) -> str | None:
    """Why the agent would not start: a file that is no Python, a prompt that cannot be used, a room that cannot be imported."""
    for path in sorted(changed):
        if problem := _syntax_error(root, path):
            return problem
    if (root / PROMPTS / agent.name).is_dir():
        try:
            load_prompts(root / PROMPTS / agent.name)
        except PromptInvalid as error:
            return error.message
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT, agent.module, agent.attribute],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return None
    said = done.stderr.strip().splitlines()
    return said[-1] if said else f"{agent.module} ends the process with {done.returncode} when it is imported"
