"""`agents up`: everything, started and watched over."""

from collections import Counter
from collections.abc import Iterator

import click

from cli.errors import CommandError
from cli.local import components, control
from cli.local.instance import Instance, find_instance
from cli.local.platform import plan
from cli.local.service import Role
from cli.local.settings import parse_replicas, read_settings
from cli.local.start import DETACHED_PATIENCE, up_detached, up_here
from cli.output import console, print_json

EPILOG = """\b
Example: agents up --detach && agents status
         agents up --replicas implementation=3 --replicas notification=2
         agents up --components azure-stand-ins
         agents up --watch"""
WATCH_GRACE = "0.5"
"""Seconds for work in flight when an agent is started again after a save; the rest is handed back to the new one."""


def _counts(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, int]:
    try:
        return parse_replicas(",".join(given))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


@click.command(epilog=EPILOG)
@click.option("--detach", "-d", is_flag=True, help="Return when all is ready; `agents down` ends it.")
@click.option(
    "--timeout", default=DETACHED_PATIENCE, show_default=True, help="Seconds to wait with --detach."
)
@click.option(
    "--replicas",
    metavar="AGENT=NUMBER",
    multiple=True,
    callback=_counts,
    help="Run several of an agent, each with a sidecar, 10 ports apart. Wins over AGENTS_REPLICAS; may be repeated.",
)
@click.option(
    "--components",
    "on",
    metavar="NAME",
    help="Run on others than Redis, of which there is a dapr.NAME.yaml: azure-stand-ins, postgres. Wins over AGENTS_COMPONENTS.",
)
@click.option(
    "--watch",
    is_flag=True,
    help="For development: start an agent again when a file changes that it is made of; drafts of prompts are served.",
)
@click.option("--quiet", "-q", is_flag=True, help="Show what happens to processes, not what they log.")
@click.option("--json", "as_json", is_flag=True, help="With --detach: print the status as JSON.")
def command(
    *,
    detach: bool,
    timeout: float,
    replicas: dict[str, int],
    on: str | None,
    watch: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Start Redis, Dapr, Ollama and the agents of dapr.yaml, and keep them running.

    Missing programs are found or built first, once. A killed or frozen process is replaced, unless
    AGENTS_FREEZE_DETECTION=off leaves the frozen ones. Where it runs already, this says so and does nothing more.
    """
    if as_json and not detach:
        raise click.UsageError("--json needs --detach")
    instance = _with_replicas(find_instance(), replicas)
    if on is not None:
        instance = instance.with_environment(**{components.VARIABLE: on})
    if watch:
        usual = {"AGENTS_PROMPT_DRAFTS": "1", "AGENTS_GRACE": WATCH_GRACE}
        instance = instance.with_environment(**{**usual, **instance.environment})
    plan(instance)  # what is wrong is said first, also where it runs already
    out = console(stderr=as_json)
    other = (
        up_detached(instance, out, patience=timeout, watch=watch)
        if detach
        else up_here(instance, out, quiet=quiet, watch=watch)
    )
    if other is not None:
        out.print(f"it runs already (pid {other}): {instance.command('status')}")
        for told in _different(instance):
            out.print(f"{told}; that takes effect after {instance.command('down')}", markup=False)
    if as_json:
        print_json(control.ask(instance, "status"))


def _different(instance: Instance) -> Iterator[str]:
    """The agents of which other numbers of replicas are wanted than run, and what it would run on."""
    try:
        services = control.ask(instance, "status")["services"]
    except CommandError:
        return  # it ends or just begins
    chosen, started = components.chosen(instance.environment), components.noted(instance.run)
    if started.get(components.VARIABLE, chosen) != chosen:
        yield f"components: {chosen} wanted, {started[components.VARIABLE]} started"
    running = Counter(one["agent"] for one in services if one["role"] == Role.APP)
    for name, wanted in read_settings(instance.environment).replicas.items():
        if running[name] != wanted:
            yield f"{name}: {wanted} wanted, {running[name]} started"


def _with_replicas(instance: Instance, given: dict[str, int]) -> Instance:
    """The option, laid over AGENTS_REPLICAS; in the environment it reaches a detached start as well."""
    wanted = {**read_settings(instance.environment).replicas, **given}
    return instance.with_environment(
        AGENTS_REPLICAS=",".join(f"{name}={count}" for name, count in wanted.items())
    )
