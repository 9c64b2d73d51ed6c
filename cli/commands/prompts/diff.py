"""`agents prompts diff`: what one version of a prompt changes against another, and the step that it needs."""

import click
from rich.text import Text

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.output import console, print_json
from cli.prompts import (
    Named,
    folder_to_read,
    json_option,
    place_option,
    prompt_argument,
    shelf_of,
    version_of,
)
from cli.readable import safe
from domain.semver import precedence
from infrastructure.prompts.releases.comparison import Comparison, compare
from infrastructure.prompts.shelf import Shelf

_STEPS = {"major": "red", "minor": "yellow", "patch": "green"}
_LINES = {"+": "green", "-": "red", "@": "cyan"}


@click.command(epilog="Example: agents prompts diff service-desk/triage 1.0.0 1.1.0")
@prompt_argument
@click.argument("old", metavar="[OLD]", required=False)
@click.argument("new", metavar="[NEW]", required=False)
@place_option
@json_option
def diff(*, prompt: Named, old: str | None, new: str | None, place: str | None, as_json: bool) -> None:
    """Show what NEW (else the newest draft) changes against OLD (else the version that is served).

    Each change with the step in semantic versions that it needs, then the difference of the templates.
    Exit code 0, 6 when one of them cannot be used, 9 when there is none.
    """
    shelf = shelf_of(folder_to_read(place), prompt)
    before = version_of(shelf, old)
    after = version_of(shelf, new or _newest_draft(shelf, before.version))
    comparison = compare(before, after, shelf.states)
    if as_json:
        print_json({"agent": shelf.agent, "prompt": shelf.name, **comparison.as_json()})
    else:
        _tell(shelf, comparison)


def _newest_draft(shelf: Shelf, old: str) -> str:
    drafts = [one for one, state in shelf.states.items() if state == "draft" and one != old]
    if not drafts:
        raise CommandError(
            f"{shelf.title} has no draft to compare with {old}",
            hint=f"name two versions, or begin a draft: agents prompts new {shelf.title} --minor",
            code=ExitCode.NOT_FOUND,
        )
    return max(drafts, key=precedence)


def _tell(shelf: Shelf, comparison: Comparison) -> None:
    out = console()
    old, new = comparison.old, comparison.new
    out.print(Text(f"{shelf.title} {old} → {new}", style="bold"))
    if comparison.step is None:
        out.print("  nothing differs")
        return
    for change in comparison.changes:
        out.print(Text.assemble("  ", (f"{change.step:6}", _STEPS[change.step]), f" {safe(change.text)}"))
    out.print(
        Text.assemble(
            "  needs a ", (comparison.step, _STEPS[comparison.step]), f" step: {comparison.least} or more"
        )
    )
    if comparison.template:
        out.print()
    for line in comparison.template.splitlines():
        out.print(Text(safe(line), style=_LINES.get(line[:1], "")))
