"""`agents up`: everything, started and watched over."""

import click

from cli.local import control
from cli.local.instance import find_instance
from cli.local.start import DETACHED_PATIENCE, up_detached, up_here
from cli.output import console, print_json

EPILOG = "Example: agents up --detach && agents status"


@click.command(epilog=EPILOG)
@click.option("--detach", "-d", is_flag=True, help="Return when all is ready; `agents down` ends it.")
@click.option(
    "--timeout", default=DETACHED_PATIENCE, show_default=True, help="Seconds to wait with --detach."
)
@click.option("--quiet", "-q", is_flag=True, help="Show what happens to processes, not what they log.")
@click.option("--json", "as_json", is_flag=True, help="With --detach: print the status as JSON.")
def command(*, detach: bool, timeout: float, quiet: bool, as_json: bool) -> None:
    """Start Redis, Dapr, Ollama and the agents of dapr.yaml, and keep them running.

    Missing programs are found or built first, once. A killed or frozen process is replaced. Where it runs
    already, this says so and does nothing more.
    """
    if as_json and not detach:
        raise click.UsageError("--json needs --detach")
    instance = find_instance()
    out = console(stderr=as_json)
    other = up_detached(instance, out, patience=timeout) if detach else up_here(instance, out, quiet=quiet)
    if other is not None:
        out.print(f"it runs already (pid {other}): {instance.command('status')}")
    if as_json:
        print_json(control.ask(instance, "status"))
