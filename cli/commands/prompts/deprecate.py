"""`agents prompts deprecate`: a release that nobody shall use any more."""

import click

from cli.output import print_json
from cli.prompts import (
    Named,
    explained,
    folder_to_write,
    json_option,
    place_option,
    prompt_argument,
    shelf_of,
)
from infrastructure.prompts.releases.authoring import deprecate as write_deprecation


@click.command(
    epilog='Example: agents prompts deprecate service-desk/triage 1.0.0 --because "it forgot the language"'
)
@prompt_argument
@click.argument("version")
@click.option("--because", required=True, metavar="TEXT", help="Why, for whoever still uses it.")
@place_option
@json_option
def deprecate(*, prompt: Named, version: str, because: str, place: str | None, as_json: bool) -> None:
    """Mark a release as deprecated: it is served only when nothing else is. Its file stays as it is.

    Exit code 0, 6 when the version is no release, 9 when there is no such prompt.
    """
    if not because.strip():
        raise click.UsageError("--because is empty: say why, in a sentence")
    root = folder_to_write(place)
    shelf_of(root, prompt)
    with explained():
        marked = write_deprecation(root, prompt.agent, prompt.prompt, version, because)
    served = shelf_of(root, prompt).served
    if as_json:
        print_json(
            {
                "agent": prompt.agent,
                "prompt": prompt.prompt,
                "version": version,
                "because": marked.because,
                "served": served,
            }
        )
        return
    click.echo(f"{prompt} {version} is deprecated: {marked.because}")
    if served == version:
        click.echo(f"  it stays served, for there is nothing else: agents prompts new {prompt} --minor")
    else:
        click.echo(f"  served from the next start on: {served}")
