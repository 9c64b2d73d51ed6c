"""Every command that a page shows exists, with its options and as many arguments: what a reader copies is understood."""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest

from agents.runtime import Agent
from cli.client import AgentClient
from cli.commands.task import task_command
from cli.group import agents
from infrastructure.host.results import described

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *sorted(ROOT.glob("docs/*.md"))]
PROGRAMS = {"make", "agents", "python", "pytest", "curl"}
MADE_BY_THE_TUTORIAL = re.compile("release[-_]notes")
"""The agent of docs/adding-an-agent.md, which test_tutorial.py makes in a copy of the project."""
_INDENTED = re.compile(r"(?:^ {4,}\S.*\n(?:(?<=\\\n).*\n)*)+", re.MULTILINE)
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def commands(text: str) -> list[list[str]]:
    """The commands in some lines of a shell, word by word: without comments, variables set before them and what is no program of ours."""
    found: list[list[str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:
            continue  # an apostrophe: no line of a shell
        here: list[str] = []
        for word in [*words, ";"]:
            if word not in {"&&", "||", "|", ";", "&"}:
                here.append(word)
                continue
            while here and re.fullmatch(r"[A-Z_]+=.*", here[0]):
                here.pop(0)
            if here and (program := here[0].removeprefix(".venv/bin/")) in PROGRAMS:
                found.append([program, *here[1:]])
            here = []
    return found


def shown(page: Path) -> list[str]:
    """Blocks of a shell: indented ones, and fenced ones that say so."""
    text = page.read_text()
    fenced = [block for language, block in _FENCED.findall(text) if language in {"console", "sh", "bash"}]
    return [*fenced, *_INDENTED.findall(_FENCED.sub("", text))]


BLOCKS = [
    (page.name, words)
    for page in PAGES
    for block in shown(page)
    for words in commands(block)
    if words[:2] != ["agents", "run"] or not MADE_BY_THE_TUTORIAL.search(words[2])
]
SPANS = [
    (page.name, words)
    for page in PAGES
    for span in _SPAN.findall(_FENCED.sub("", page.read_text()))
    for words in commands(span)
]


def make_complaint(words: list[str]) -> str | None:
    text = (ROOT / "Makefile").read_text()
    for word in words:
        name, given, _ = word.partition("=")
        known = (
            rf"^{re.escape(name)} \?="
            if given
            else rf"^(\$\(VENV\)|){re.escape(name.removeprefix('.venv'))}:"
        )
        if not re.search(known, text, re.MULTILINE):
            return f"the Makefile has no {'variable' if given else 'target'} {name}"
    return None


def leaf(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words name, and the rest of them; of `agents run` the one that is made for the task."""
    command: click.Command = agents
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        if rest[0] == "run" and len(rest) > 2:
            return task_of(rest[1], rest[2]), rest[3:]
        found = command.get_command(click.Context(command), rest[0])
        if found is None:
            raise click.UsageError(f"no such command: {rest[0]}")
        command = found
        rest.pop(0)
    return command, rest


def task_of(agent: str, task: str) -> click.Command:
    """`agents run AGENT TASK`, without an agent that runs."""
    try:
        known: Agent = import_module(f"agents.{agent.replace('-', '_')}").AGENT
    except ModuleNotFoundError:
        raise click.UsageError(f"no such agent: {agent}") from None
    if task not in known.tasks:
        raise click.UsageError(f"{agent} has no task {task}")
    client = AgentClient(agent, "http://127.0.0.1", headers={}, command=lambda verb: f"agents {verb}")
    return task_command(client, described(known.tasks[task], dead_letters=False))


def agents_complaint(words: list[str]) -> str | None:
    try:
        command, rest = leaf(words)
        if not isinstance(command, click.Group):
            command.make_context(command.name, rest)
            return None
    except click.ClickException as error:
        return error.format_message()
    return None if rest else "a command is missing"


@cache
def source(module: str) -> str | None:
    """Of what `python -m MODULE` runs."""
    try:
        spec = find_spec(module)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = find_spec(f"{module}.__main__")
    except ModuleNotFoundError:
        return None
    return Path(spec.origin).read_text() if spec and spec.origin else None


def python_complaint(words: list[str]) -> str | None:
    if words[:1] != ["-m"]:
        return None
    module, *rest = words[1:]
    if module == "pytest":
        return files_complaint(rest)
    text = source(module)
    if text is None:
        return f"no such module: {module}"
    unknown = [word for word in rest if word.startswith("--") and f'"{word.partition("=")[0]}"' not in text]
    return f"{module} has no option {', '.join(unknown)}" if unknown else None


def files_complaint(words: list[str]) -> str | None:
    paths = [word.partition("::")[0] for word in words if "/" in word]
    gone = [path for path in paths if not (ROOT / path).exists() and not MADE_BY_THE_TUTORIAL.search(path)]
    return f"no such file: {', '.join(gone)}" if gone else None


@cache
def routes() -> dict[str, set[str]]:
    """The paths of each agent's document, by the port that the README's table gives it."""
    ports = dict(
        re.findall(
            r"^\| ([a-z-]+) \| http://127\.0\.0\.1:(\d+) \|", (ROOT / "README.md").read_text(), re.MULTILINE
        )
    )
    documents = {agent: json.loads((ROOT / f"docs/openapi/{agent}.json").read_text()) for agent in ports}
    return {port: set(documents[agent]["paths"]) for agent, port in ports.items()}


def curl_complaint(words: list[str]) -> str | None:
    for word in words:
        if re.match(r"https?://|….*/", word):
            url = urlsplit(word)
            # Behind an ingress, or where the host is left out, any agent's will do.
            known = routes().get(str(url.port), set()) if url.port else set[str]().union(*routes().values())
            path = url.path.removeprefix("…")
            if not any(re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", route), path) for route in known):
                return f"no such route: {word}"
    return None


COMPLAINTS = {
    "make": make_complaint,
    "agents": agents_complaint,
    "python": python_complaint,
    "pytest": files_complaint,
    "curl": curl_complaint,
}


@pytest.mark.parametrize(
    ("page", "words"), BLOCKS, ids=lambda value: " ".join(value) if isinstance(value, list) else value
)
def test_a_command_that_a_page_shows_is_understood(page: str, words: list[str]) -> None:
    assert COMPLAINTS[words[0]](words[1:]) is None


@pytest.mark.parametrize(
    ("page", "words"), SPANS, ids=lambda value: " ".join(value) if isinstance(value, list) else value
)
def test_a_command_in_a_sentence_exists_with_its_options(page: str, words: list[str]) -> None:
    """Its arguments may be left out there."""
    if words[0] != "agents":
        assert COMPLAINTS[words[0]]([word for word in words[1:] if "…" not in word or "/" in word]) is None
        return
    given = [word for word in words[1:] if word not in {"…", "AGENT", "TASK"}]
    if given[:1] == ["run"] and (len(given) == 1 or given[1].startswith("-")):
        given[1:1] = ["test-planning", "generate-spec"]  # as good as any
    command, rest = leaf(given)
    options = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    assert {word for word in rest if re.match("--?[a-z]", word)} <= options


def test_the_pages_are_read() -> None:
    assert len(BLOCKS) > 50
    assert len(SPANS) > 50
    assert ["agents", "chain", "my-first-chain"] in [words for _, words in BLOCKS]
    assert {words[0] for _, words in BLOCKS} == {"make", "agents", "python", "curl"}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("make bnech", "the Makefile has no target bnech"),
        ("make bench QICK=1", "the Makefile has no variable QICK"),
        ("agents stauts", "no such command: stauts"),
        ("agents status --nonsense", "No such option"),
        ("agents executions show", "Missing argument"),
        ("agents down now", "unexpected extra argument"),
        ("agents prompts splt x", "no such command: splt"),
        ("agents run test-planning generate-spek --feature-title x", "has no task generate-spek"),
        ("agents run test-planing generate-spec", "no such agent: test-planing"),
        ("agents run test-planning generate-spec --title x", "No such option"),
        ("python -m benchmarks.capcity", "no such module: benchmarks.capcity"),
        ("python -m benchmarks.capacity --quik", "has no option --quik"),
        ("python -m pytest tests/unit/test_nothing.py", "no such file: tests/unit/test_nothing.py"),
        ("curl http://127.0.0.1:7010/api/test-planning/generate", "no such route"),
        ("curl http://127.0.0.1:7010/api/devops/create-issue", "no such route"),
        ("curl https://HOST/api/devops/create", "no such route"),
        ("A=1 agents up && .venv/bin/agents dwon  # a comment", "no such command: dwon"),
    ],
)
def test_what_is_wrong_is_found(line: str, complaint: str) -> None:
    found = [told for words in commands(line) if (told := COMPLAINTS[words[0]](words[1:]))]
    assert len(found) == 1
    assert complaint in found[0]
