"""Which guardrails a task has, and what each does when it finds something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from domain.chat import Origin
from domain.pii import KINDS
from infrastructure.guardrails.spotlight import Mode

Action: TypeAlias = Literal["block", "redact", "warn"]


@dataclass(frozen=True, slots=True)
class Length:
    action: Action
    characters: int = 200_000


@dataclass(frozen=True, slots=True)
class Injection:
    """`model`: where the rules find nothing, ask the model as well."""

    action: Action
    model: bool = False


@dataclass(frozen=True, slots=True)
class Pii:
    """`redact` hides it from the model; `restore` puts it back into the answer."""

    action: Action
    kinds: tuple[str, ...] = KINDS
    restore: bool = True


@dataclass(frozen=True, slots=True)
class Links:
    """`allow` are hosts that an answer may name; `paths`: look at paths of files too."""

    action: Action
    allow: tuple[str, ...] = ()
    paths: bool = False


@dataclass(frozen=True, slots=True)
class Plain:
    """A guardrail without settings of its own."""

    action: Action


@dataclass(frozen=True, slots=True)
class Guards:
    """One task's guardrails, in the order in which they look; None is off."""

    length: Length | None = None
    prompt_injection: Injection | None = None
    moderation: Plain | None = None
    pii: Pii | None = None
    spotlight: Mode | None = None
    secrets: Plain | None = None
    invented_links: Links | None = None
    prompt_leak: Plain | None = None

    @property
    def hold_stream(self) -> bool:
        """Whether an answer may be changed or stopped once it is whole: then nothing of it may be shown before."""
        on = (self.secrets, self.invented_links, self.prompt_leak, self.moderation)
        return any(guard is not None and guard.action != "warn" for guard in on)


NONE = Guards()


@dataclass(frozen=True, slots=True)
class Guardrails:
    """By `<agent>/<task>`; a task that is not named has the default's."""

    default: Guards = NONE
    tasks: Mapping[str, Guards] = field(default_factory=dict)

    def of(self, origin: Origin | None) -> Guards:
        return (
            self.default if origin is None else self.tasks.get(f"{origin.agent}/{origin.task}", self.default)
        )

    @property
    def any(self) -> bool:
        return any(guards != NONE for guards in (self.default, *self.tasks.values()))
