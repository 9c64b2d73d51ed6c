"""`agents prompts rollback`: all the work back to the baseline."""

import click

from cli.output import print_json
from cli.prompts import Named, json_option, prompt_argument
from cli.rollout import asked, tell_split


@click.command(
    epilog='Example: agents prompts rollback implementation/generate-code --because "it forgets imports"'
)
@prompt_argument
@click.option("--because", metavar="TEXT", help="Why: kept, and told in the event and by `stats`.")
@json_option
def rollback(*, prompt: Named, because: str | None, as_json: bool) -> None:
    """Take the work back from every candidate of a split, live: the baseline has it all.

    Exit code 0, 2 when nothing is split, 3 when the agent does not answer, 9 when it asks no such prompt.
    """
    if because is not None and not because.strip():
        raise click.UsageError("--because is empty: say why, or leave it out")
    answer = asked(prompt, "POST", "rollback", {} if because is None else {"because": because})
    if as_json:
        print_json(answer)
    else:
        tell_split(prompt, answer["split"])
