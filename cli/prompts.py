"""What the commands of `agents prompts` have in common: the folder, the prompt that is meant, its versions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.instance import find_instance
from cli.nearest import nearest
from cli.progress import waiting
from domain.errors import PromptInvalid
from domain.prompt import Prompt, PromptState
from infrastructure.prompts.git.address import GitSource, read_place
from infrastructure.prompts.git.fetched import folder_of
from infrastructure.prompts.registry import compile_version
from infrastructure.prompts.releases.lock import Lock, read_lock
from infrastructure.prompts.shelf import Shelf, find_shelf

COLOURS: dict[PromptState, str] = {"draft": "yellow", "released": "green", "deprecated": "dim"}


class Named(NamedTuple):
    agent: str
    prompt: str

    def __str__(self) -> str:
        return f"{self.agent}/{self.prompt}"


class _PromptName(click.ParamType[Named]):
    name = "AGENT/PROMPT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Named:
        if isinstance(value, Named):
            return value
        agent, slash, prompt = str(value).partition("/")
        if not (agent and slash and prompt) or "/" in prompt or ".." in (agent, prompt):
            self.fail(f"{value!r} names no prompt: write service-desk/triage", param, ctx)
        return Named(agent, prompt)


prompt_argument: Callable[..., Any] = click.argument("prompt", metavar="AGENT/PROMPT", type=_PromptName())
place_option: Callable[..., Any] = click.option(
    "--prompts",
    "place",
    metavar="FOLDER",
    help="Folder of the prompts, or git+https://…@COMMIT#FOLDER. Default: AGENTS_PROMPTS, else prompts.",
)
json_option: Callable[..., Any] = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


def folder_to_read(place: str | None) -> Path:
    """The folder that holds all agents' prompts; one from git is fetched when it is not in the cache."""
    where = _place(place)
    if isinstance(where, GitSource):
        with explained(), waiting(f"fetching {where}"):
            return folder_of(where)
    return where


def folder_to_write(place: str | None) -> Path:
    where = _place(place)
    if isinstance(where, GitSource):
        raise CommandError(
            f"the prompts are those of {where}, which never change",
            hint="work in a clone of that repository: --prompts FOLDER",
            code=ExitCode.INVALID,
        )
    return where


def lock_of(root: Path) -> Lock:
    """The lock, for reading on: what is wrong with it goes to standard error."""
    lock = read_lock(root)
    for problem in lock.problems:
        click.echo(str(problem), err=True)
    return lock


def shelf_of(root: Path, named: Named) -> Shelf:
    """The versions of a prompt that there is."""
    shelf, _ = find_shelf(root, named.agent, named.prompt, lock_of(root))
    if not shelf.states:
        known = [f"{path.parent.name}/{path.name}" for path in root.glob("[!.]*/[!.]*") if path.is_dir()]
        raise CommandError(
            f"there is no prompt {named} in {root}",
            hint=nearest(str(named), sorted(known)),
            code=ExitCode.NOT_FOUND,
        )
    return shelf


def version_of(shelf: Shelf, version: str | None) -> Prompt:
    """A version of a prompt, else the one that is served, checked and compiled."""
    wanted = version or shelf.served or list(shelf.states)[-1]
    if wanted not in shelf.states:
        raise CommandError(
            f"{shelf.title} has no version {wanted}",
            hint=nearest(wanted, shelf.states),
            code=ExitCode.NOT_FOUND,
        )
    with explained():
        return compile_version(shelf, wanted)


@contextmanager
def explained() -> Iterator[None]:
    """What is wrong with prompts, as an error of the command."""
    try:
        yield
    except PromptInvalid as error:
        raise CommandError(error.message, code=ExitCode.INVALID) from None
    except OSError as error:
        raise CommandError(
            f"{error.filename}: {error.strerror}",
            hint="mend its permissions, or name another folder with --prompts",
            code=ExitCode.INVALID,
        ) from None


def _place(place: str | None) -> Path | GitSource:
    instance = find_instance()
    try:
        where = read_place(place or instance.environment.get("AGENTS_PROMPTS") or "prompts")
    except ValueError as error:
        raise CommandError(
            f"{'--prompts' if place else 'AGENTS_PROMPTS'}: {error}", code=ExitCode.INVALID
        ) from None
    if isinstance(where, GitSource):
        return where
    folder = where if place else instance.root / where
    if not folder.is_dir():
        raise CommandError(
            f"there is no folder {folder}",
            hint="run this in the project, or name the folder with --prompts",
            code=ExitCode.NOT_FOUND,
        )
    return Path(folder).relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
