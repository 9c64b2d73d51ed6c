"""`agents prompts`: prompts as reviewed, measured releases. Every subcommand is a module of its own."""

import click

from cli.commands.prompts import eval as evaluation


@click.group(epilog="Example: agents prompts eval service-desk/triage")
def command() -> None:
    """Prompts: evaluate them."""


command.add_command(evaluation.command, "eval")
