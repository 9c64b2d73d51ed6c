"""Which components a start runs on: `redis`, or others of which there is a dapr.<name>.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.nearest import nearest

VARIABLE, USUAL = "AGENTS_COMPONENTS", "redis"
_NOTE = "components"


def chosen(environment: Mapping[str, str]) -> str:
    return environment.get(VARIABLE) or USUAL


def note(run: Path, environment: Mapping[str, str]) -> None:
    """What is started, for the commands that come after it."""
    (run / _NOTE).write_text(chosen(environment))


def noted(run: Path) -> dict[str, str]:
    """The variable as the last start had it."""
    with suppress(OSError):
        return {VARIABLE: (run / _NOTE).read_text()}
    return {}


def manifest(root: Path, usual: str, components: str) -> Path:
    """The file with the apps on these components; CommandError when there is none, naming those there are."""
    if components == USUAL:
        return root / usual
    stem, _, suffix = usual.rpartition(".")
    there = {path.name[len(stem) + 1 : -len(suffix) - 1] for path in root.glob(f"{stem}.?*.{suffix}")} | {
        USUAL
    }
    if components in there:
        return root / f"{stem}.{components}.{suffix}"
    if (root / "components" / components).is_dir():
        told = f"components/{components} is for a cluster: nothing on this machine starts it"
        raise CommandError(
            told, hint=f"here: {', '.join(sorted(there))}; see docs/azure.md", code=ExitCode.INVALID
        )
    raise CommandError(
        f"{VARIABLE} is {components!r}: there are no such components",
        hint=nearest(components, sorted(there)),
        code=ExitCode.NOT_FOUND,
    )
