"""JSON given on the command line, in a file or on standard input."""

import sys
from pathlib import Path
from typing import Any

import click

from domain.json import parse

METAVAR = "JSON|@FILE|-"


def read_given(option: str, text: str) -> Any:
    """The value of an option that takes JSON, `@FILE` or `-`; a usage error that says where it is wrong."""
    where = option
    try:
        if text == "-":
            where, text = "standard input", sys.stdin.read()
        elif text.startswith("@"):
            where = text[1:]
            text = Path(where).read_text(encoding="utf-8")
        return parse(text)
    except OSError as error:
        raise click.UsageError(f"{option}: cannot read {where}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{option}: {where} is not UTF-8 text") from None
    except ValueError as error:
        raise click.UsageError(f"{where} is not JSON: {error}") from None
