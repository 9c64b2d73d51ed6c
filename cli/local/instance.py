"""Where one running copy of the platform lives: its project, its folder of data and its ports."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from dotenv import dotenv_values

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local import components

MANIFEST = "dapr.yaml"
MAX_OFFSET = 15_000  # the scheduler's 50006 and all of it must stay a port


@dataclass(frozen=True)
class Instance:
    """A project, and one copy of it: the usual one, or a second one beside it on shifted ports.

    Settings:
        AGENTS_PORT_OFFSET  added to every port, so that two copies (two checkouts, the tests) run side by side
        AGENTS_RUN_DIR      folder of data, logs and sockets; `.run`, or `.run/offset-N` with an offset
        AGENTS_COMPONENTS   what it runs on: `redis`, or the NAME of another dapr.NAME.yaml
    """

    root: Path
    run: Path
    offset: int
    environment: Mapping[str, str]

    @property
    def manifest(self) -> Path:
        """dapr.yaml, or the one of the components that are chosen; CommandError when there are no such."""
        return components.manifest(self.root, MANIFEST, components.chosen(self.environment))

    @property
    def logs(self) -> Path:
        return self.run / "logs"

    @property
    def mail(self) -> Path:
        return self.run / "mail"

    @property
    def lock(self) -> Path:
        return self.run / "lock"

    @property
    def socket(self) -> Path:
        return self.run / "control.sock"

    @property
    def as_started(self) -> Self:
        """On the components that the last start had."""
        return self.with_environment(**components.noted(self.run))

    def command(self, verb: str, *arguments: object) -> str:
        """How to type `agents VERB ARGUMENTS` for this very copy, quoted for the shell."""
        typed = " ".join(["agents", verb, *(shlex.quote(str(one)) for one in arguments)])
        return f"AGENTS_PORT_OFFSET={self.offset} {typed}" if self.offset else typed

    def with_environment(self, **variables: str) -> Self:
        return replace(self, environment={**self.environment, **variables})


def find_instance(start: Path | None = None) -> Instance:
    """The instance meant by the current folder and environment; a `.env` in the project fills what is unset."""
    root = _project_root(start or Path.cwd())
    environment = {
        **{
            key: value
            for key, value in dotenv_values(root / ".env", interpolate=False).items()
            if value is not None
        },
        **os.environ,
    }
    offset = _offset(environment.get("AGENTS_PORT_OFFSET", "0"))
    default_run = f".run/offset-{offset}" if offset else ".run"
    run = root / environment.get("AGENTS_RUN_DIR", default_run)
    return Instance(root=root, run=run, offset=offset, environment=environment)


def _project_root(start: Path) -> Path:
    installed_from = Path(__file__).resolve().parents[2]
    for folder in (start, *start.parents, installed_from):
        if (folder / MANIFEST).is_file():
            return folder
    raise CommandError(
        f"no {MANIFEST} in {start} or above it",
        hint="run the command inside the project's folder",
        code=ExitCode.INVALID,
    )


def _offset(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_OFFSET:
        raise CommandError(
            f"AGENTS_PORT_OFFSET is {text!r}",
            hint=f"give a number from 0 to {MAX_OFFSET}",
            code=ExitCode.INVALID,
        )
    return int(text)
