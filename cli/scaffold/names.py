"""Names of what is new, and which cannot be given."""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from cli.errors import CommandError
from cli.exit_codes import ExitCode

LONGEST = 40
"""Characters: an app-id is part of Kubernetes names, which end at 63, and of topics."""
_KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_ROUTES = {"execute", "executions", "dead-letters", "correlations", "entities", "tasks", "prompts", "events"}
"""What stands below `/api/<agent>/` already."""
_USED = {"agent", "context", "outcome", "closed", "reference", "sentence", "text", "title", "field", "identifier", "model", "platform",
         "smallest", "config-dict", "event-data"}  # fmt: skip
"""Names that the files of a room import: a task of that name would hide them."""


@dataclass(frozen=True)
class AgentName:
    """`release-notes`: the app-id; `package` its room, `domain` its part of event types."""

    app_id: str

    @property
    def package(self) -> str:
        return self.app_id.replace("-", "_")

    @property
    def domain(self) -> str:
        return self.app_id.replace("-", "")


@dataclass(frozen=True)
class TaskName:
    """`write-notes`, a task or the prompt of that name."""

    name: str
    agent: AgentName

    @property
    def function(self) -> str:
        return self.name.replace("-", "_")

    @property
    def constant(self) -> str:
        return self.function.upper()

    @property
    def takes(self) -> str:
        return "".join(word.capitalize() for word in self.name.split("-"))

    @property
    def returns(self) -> str:
        return f"{self.takes}Answer"

    @property
    def event(self) -> str:
        return f"{self.takes}Completed"

    @property
    def event_type(self) -> str:
        return f"agents.{self.agent.domain}.{self.name}.completed"

    @property
    def words(self) -> str:
        return self.name.replace("-", " ")


def agent_name(
    given: str, taken: Iterable[str], packages: Iterable[str], domains: Iterable[str]
) -> AgentName:
    """`taken` are the app-ids there are, `packages` the rooms, `domains` the modules of events."""
    name = AgentName(_kebab(given, "an agent"))
    there = sorted(taken)
    if given in there or name.package in packages:
        raise _refused(f"the agent {given} is there already", f"there are: {', '.join(there)}")
    if name.domain in domains:
        raise _refused(
            f"events of the domain {name.domain!r} are there already: domain/events/{name.domain}.py",
            f"without its hyphens the name must be new, too; taken: {', '.join(sorted(domains))}",
        )
    if re.search(r"-\d+$", given):
        raise _refused(
            f"{given!r} ends with a number, as replicas do: notification-2 is the second of notification",
            "choose a name without a number at its end",
        )
    if name.package in sys.stdlib_module_names:
        raise _refused(
            f"{name.package!r} is a module of Python's standard library", f"for instance {given}-desk"
        )
    return name


def task_name(given: str, agent: AgentName, taken: Iterable[str], what: str = "a task") -> TaskName:
    """`taken` are the agent's names of that kind."""
    name = TaskName(_kebab(given, what), agent)
    if given in taken:
        raise _refused(f"{agent.app_id} has {what} {given} already", f"it has: {', '.join(sorted(taken))}")
    if given in _ROUTES or given in _USED or hasattr(builtins, name.function):
        raise _refused(
            f"{given!r} means something else already, in Python, in the API or in the room's files",
            f"say what is done to what: {given}-request, check-{given}",
        )
    return name


def _kebab(given: str, what: str) -> str:
    if not _KEBAB.fullmatch(given):
        alike = re.sub(r"-+", "-", re.sub(r"[^a-z0-9]+", "-", _spaced(given).lower())).strip("-")
        hint = f"for instance {alike}" if _KEBAB.fullmatch(alike) else "for instance release-notes"
        raise _refused(
            f"{given!r} is no name for {what}: small letters, digits and single hyphens, a letter first", hint
        )
    if len(given) > LONGEST:
        raise _refused(f"{given!r} has {len(given)} characters", f"at most {LONGEST} fit everywhere")
    if keyword.iskeyword(given) or keyword.issoftkeyword(given):
        raise _refused(f"{given!r} is a word of Python itself", f"for instance {given}-desk")
    return given


def _spaced(given: str) -> str:
    """`WriteNotes` as `Write-Notes`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", given)


def _refused(problem: str, hint: str) -> CommandError:
    return CommandError(problem, hint=hint, code=ExitCode.USAGE)
