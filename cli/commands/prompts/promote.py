"""`agents prompts promote`: all the work to one version."""

import click

from cli.output import print_json
from cli.prompts import Named, json_option, prompt_argument
from cli.rollout import asked, tell_split


@click.command(epilog="Example: agents prompts promote implementation/generate-code 1.1.0")
@prompt_argument
@click.argument("version")
@json_option
def promote(*, prompt: Named, version: str, as_json: bool) -> None:
    """Give a released version all the work, live. Later releases get none until they are split in.

    Exit code 0, 2 when it is refused, 3 when the agent does not answer, 9 when it asks no such prompt.
    """
    answer = asked(prompt, "POST", "promote", {"version": version})
    if as_json:
        print_json(answer)
    else:
        tell_split(prompt, answer["split"])
