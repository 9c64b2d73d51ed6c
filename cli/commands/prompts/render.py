"""`agents prompts render`: the messages that a prompt makes of an input."""

import click
from rich.text import Text

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.given import METAVAR, read_given
from cli.output import console, print_json
from cli.prompts import (
    Named,
    explained,
    folder_to_read,
    json_option,
    place_option,
    prompt_argument,
    shelf_of,
    version_of,
)
from cli.readable import safe
from domain.errors import InvalidInput


@click.command(
    epilog="""Example: agents prompts render service-desk/triage 1.0.0 --input '{"title": "Printer", "description": "It smokes."}'"""
)
@prompt_argument
@click.argument("version", required=False)
@click.option(
    "--input", "given", metavar=METAVAR, default="{}", help="Values of the variables, a JSON object."
)
@place_option
@json_option
def render(*, prompt: Named, version: str | None, given: str, place: str | None, as_json: bool) -> None:
    """Print the messages that a version of a prompt, else the one that is served, makes of an input. No model is asked.

    Exit code 0, 2 when a variable has no value, 6 when the prompt cannot be used, 9 when there is none.
    """
    values = read_given("--input", given)
    if not isinstance(values, dict):
        raise click.UsageError('--input is no JSON object: write {"variable": value, …}')
    shelf = shelf_of(folder_to_read(place), prompt)
    chosen = version_of(shelf, version)
    try:
        with explained():
            messages = chosen.render(values)
    except InvalidInput as error:
        raise CommandError(
            error.message,
            hint=f"--input takes {', '.join(chosen.variables) or 'nothing'}",
            code=ExitCode.USAGE,
        ) from None
    if unused := values.keys() - set(chosen.variables):
        click.echo(f"not used by the prompt: {', '.join(sorted(unused))}", err=True)
    if as_json:
        print_json([{"role": message.role, "content": message.content} for message in messages])
        return
    out = console()
    for number, message in enumerate(messages):
        out.print(Text(f"{'' if number == 0 else chr(10)}{message.role}", style="bold cyan"))
        out.print(Text(safe(message.content)))
