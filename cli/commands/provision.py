"""`agents provision`: everything `agents up` would find or build first, and nothing started."""

import dataclasses

import click

from cli.local.instance import find_instance
from cli.local.interruptible import run
from cli.local.provision.run import Wanted, provision
from cli.output import console, print_json

EPILOG = "Example: agents provision --dapr-cli"


@click.command(epilog=EPILOG)
@click.option("--dapr-cli", is_flag=True, help="Also the dapr command, for a bare `dapr run -f .`.")
@click.option("--no-ollama", is_flag=True, help="Without Ollama and its model.")
@click.option("--json", "as_json", is_flag=True, help="Print the programs' paths as JSON.")
def command(*, dapr_cli: bool, no_ollama: bool, as_json: bool) -> None:
    """Find or build the runtime (Dapr, Redis, Ollama, the model) and start nothing.

    What is installed is used; the rest is built once into the user's cache folder. Interrupted, it goes on next time.
    """
    wanted = Wanted(ollama=not no_ollama, model=not no_ollama, dapr_cli=dapr_cli)
    programs = run(provision(wanted, find_instance().environment, console(stderr=True)))
    paths = {name: str(path) for name, path in dataclasses.asdict(programs).items() if path}
    if as_json:
        print_json(paths)
    else:
        for name, path in paths.items():
            click.echo(f"{name:13} {path}")
