"""JSON and ids given on the command line, in a file or on standard input."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import click

from domain.json import parse

MAX_BYTES = 64 * 2**20
"""Of one value: far more than any agent or broker takes."""
METAVAR = "JSON|@FILE|-"


def read_given(option: str, text: str) -> Any:
    """The value of an option that takes JSON, `@FILE` or `-`; a usage error that says where it is wrong."""
    where = option
    try:
        if text == "-":
            where = "standard input"
            text = _text(sys.stdin.buffer)
        elif text.startswith("@"):
            where = text[1:]
            with Path(where).open("rb") as file:
                text = _text(file)
    except OSError as error:
        raise click.UsageError(f"{option}: cannot read {where}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{option}: {where} {_no_text(error)}") from None
    except ValueError as error:
        raise click.UsageError(f"{option}: {where} {error}") from None
    try:
        return parse(text)
    except ValueError as error:
        raise click.UsageError(f"{where} is not JSON: {error}") from None


def read_words() -> list[str]:
    """What standard input holds, between blanks; a usage error when it is no text."""
    try:
        return _text(sys.stdin.buffer).split()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"standard input {_no_text(error)}") from None
    except ValueError as error:
        raise click.UsageError(f"standard input {error}") from None


def given_ids(ids: Iterable[str]) -> list[str]:
    """Each once, in order; `-` stands for what standard input holds. Says so when there are none."""
    found = [one for given in ids for one in (read_words() if given == "-" else [given])]
    if not found:
        click.echo("no ids on standard input", err=True)
    return list(dict.fromkeys(found))


def _no_text(error: UnicodeDecodeError) -> str:
    return f"is not UTF-8 text: byte {error.start + 1} of it is 0x{error.object[error.start]:02x}"


def _text(source: BinaryIO) -> str:
    content = source.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES // 2**20} MiB")
    return content.decode()
