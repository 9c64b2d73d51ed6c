"""`python -m deploy.verify.bicep`: names, modules' contracts and parameters of deploy/bicep, in a second and with nothing to fetch."""

from __future__ import annotations

import sys

import click

from cli.exit_codes import EXIT_CODES, ExitCode
from deploy.declared import ROOT
from deploy.verify.bicep.project import FOLDER, problems


@click.command(epilog=f"Example: python -m deploy.verify.bicep\n\n{EXIT_CODES}")
def command() -> None:
    """Check deploy/bicep without its compiler. Types of Azure's resources are checked by `make verify-deploy`."""
    found = problems(ROOT / FOLDER)
    for problem in found:
        click.echo(problem, err=True)
    sys.exit(ExitCode.INVALID if found else ExitCode.OK)


if __name__ == "__main__":
    command()
