"""`agents prompts`: versions of prompts, from draft to release to deprecated; each subcommand is a module of its own."""

import click

from cli.commands.prompts.deprecate import deprecate
from cli.commands.prompts.diff import diff
from cli.commands.prompts.eval import command as eval_
from cli.commands.prompts.judge import judge
from cli.commands.prompts.list import list_
from cli.commands.prompts.new import new
from cli.commands.prompts.optimise import command as optimise
from cli.commands.prompts.promote import promote
from cli.commands.prompts.release import release
from cli.commands.prompts.render import render
from cli.commands.prompts.rollback import rollback
from cli.commands.prompts.show import show
from cli.commands.prompts.split import split
from cli.commands.prompts.stats import stats

EPILOG = """\b
From a change to a release:
  agents prompts new service-desk/triage --minor     copies the newest version as a draft: edit it
  agents prompts diff service-desk/triage            what the draft changes, and the version it needs
  agents prompts render service-desk/triage 1.1.0 --input '{"title": "Printer"}'
  agents prompts release service-desk/triage         checks everything, writes prompts/prompts.lock
  agents prompts deprecate service-desk/triage 1.0.0 --because "it forgot the language"

\b
A gradual release, live:
  agents prompts split service-desk/triage 1.0.0=90 1.1.0=10
  agents prompts stats service-desk/triage
  agents prompts promote service-desk/triage 1.1.0"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Prompts: their versions, what each says, how good it is, and which one is served.

    split, stats, promote and rollback ask the running agents; all others work on files alone.
    """


for subcommand in (list_, show, diff, render, new, release, deprecate, split, stats, promote, rollback):
    command.add_command(subcommand)
command.add_command(eval_, "eval")
command.add_command(optimise, "optimise")
command.add_command(judge)
