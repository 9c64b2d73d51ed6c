"""`agents prompts new`: the newest version of a prompt, copied as a draft."""

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
from infrastructure.prompts.releases.authoring import begin_draft
from infrastructure.prompts.releases.changes import Step


@click.command(epilog="Example: agents prompts new service-desk/triage --minor")
@prompt_argument
@click.option("--major", "step", flag_value="major", help="Variables or answers become incompatible.")
@click.option("--minor", "step", flag_value="minor", help="It behaves otherwise.")
@click.option("--patch", "step", flag_value="patch", help="Its wording alone changes.")
@click.option("--version", help="This version instead, such as 2.0.0-rc.1.")
@place_option
@json_option
def new(*, prompt: Named, step: Step | None, version: str | None, place: str | None, as_json: bool) -> None:
    """Copy the newest version of a prompt as a draft, which may be edited until it is released.

    Exit code 0, 2 without a step or version, 6 when the version is taken, 9 when there is no such prompt.
    """
    if (step is None) == (version is None):
        raise click.UsageError("name the step: one of --major, --minor, --patch, --version VERSION")
    root = folder_to_write(place)
    shelf_of(root, prompt)
    with explained():
        path = begin_draft(root, prompt.agent, prompt.prompt, step, version)
    if as_json:
        print_json({"agent": prompt.agent, "prompt": prompt.prompt, "version": path.stem, "file": str(path)})
    else:
        click.echo(f"{path} is the draft\n  edit it, then: agents prompts diff {prompt}")
