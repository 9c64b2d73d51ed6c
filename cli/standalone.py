"""How a command of ours that is no part of `agents` runs as a program: `python -m …`."""

import sys

import click

from cli.errors import CommandError
from cli.exit_codes import ExitCode


def run_standalone(command: click.Command) -> None:
    """Run it with the words it was called with; what is wrong is told, without a traceback, and ends the process."""
    try:
        command(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except CommandError as error:
        click.echo(f"error: {error.message}\n  {error.hint}".rstrip(), err=True)
        sys.exit(error.code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(ExitCode.INTERRUPTED)
