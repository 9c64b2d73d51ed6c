"""The model's answer as it forms: read as JSON as far as it goes on a terminal, as plain text elsewhere."""

import sys
from collections.abc import Callable
from typing import Any

import click
from pydantic_core import from_json
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from cli.output import print_json
from cli.readable import safe, value_lines
from domain.json import JsonObject

Show = Callable[[str, JsonObject], None]


def json_lines(name: str, data: JsonObject) -> None:
    """Each event of the stream as a line: `{"token": "…"}`, `{"call": {…}}`, `{"usage": {…}}`."""
    print_json({name: data["text"] if name == "token" else data}, indent=None)
    sys.stdout.flush()


class PlainText:
    """For files and pipes: what was written cannot be taken back, so a further answer is announced."""

    def __init__(self) -> None:
        self._begun = False

    def __call__(self, name: str, data: JsonObject) -> None:
        if name == "token":
            self._begun = True
            click.echo(safe(data["text"]), nl=False)
        elif name == "call" and self._begun:
            click.echo(f"\n--- {data['prompt']} {data['version']} is asked: a new answer")
        sys.stdout.flush()


class Forming:
    """For terminals, within rich's `Live`: the answer so far, drawn again as it grows."""

    def __init__(self) -> None:
        self._text = ""
        self._title = Text("waiting for the model", style="dim")

    def __call__(self, name: str, data: JsonObject) -> None:
        if name == "token":
            self._text += data["text"]
        elif name == "call":
            self._text = ""
            self._title = Text(f"{data['prompt']} {data['version']} is asked", style="dim")
        elif name == "usage":
            self._title = Text(f"{data['model']}: {data['output_tokens']} tokens", style="dim")

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        yield self._title
        room = max((options.height or options.size.height) - 3, 3)
        yield from partial_lines(self._text)[-room:]


def partial_lines(text: str) -> list[Text]:
    """JSON that has not ended as indented lines; what is no JSON as it is."""
    try:
        value: Any = from_json(text, allow_partial="trailing-strings")
    except ValueError:
        return [Text(safe(line)) for line in text.splitlines()]
    return list(value_lines(value))
