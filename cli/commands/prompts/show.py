"""`agents prompts show`: one version of a prompt, readable."""

import click
from rich.console import Console
from rich.text import Text

from cli.output import console, print_json
from cli.prompts import (
    COLOURS,
    Named,
    folder_to_read,
    json_option,
    place_option,
    prompt_argument,
    shelf_of,
    version_of,
)
from cli.readable import one_line, safe, value_lines
from domain.json import JsonObject
from domain.prompt import Prompt
from infrastructure.prompts.reading.definition import Definition, read_definition
from infrastructure.prompts.shelf import Shelf


@click.command(epilog="Example: agents prompts show service-desk/triage 1.0.0")
@prompt_argument
@click.argument("version", required=False)
@place_option
@json_option
def show(*, prompt: Named, version: str | None, place: str | None, as_json: bool) -> None:
    """Show a version of a prompt, else the one that is served: state, settings, variables, template and answer.

    Exit code 0, 6 when it cannot be used, 9 when there is none.
    """
    shelf = shelf_of(folder_to_read(place), prompt)
    shown = version_of(shelf, version)
    definition = read_definition(shown.source)
    if as_json:
        print_json(_as_json(shelf, shown, definition))
    else:
        _tell(console(), shelf, shown, definition)


def _as_json(shelf: Shelf, shown: Prompt, definition: Definition) -> JsonObject:
    return {
        "agent": shelf.agent,
        "prompt": shelf.name,
        "version": shown.version,
        "state": shelf.states[shown.version],
        "served": shown.version == shelf.served,
        "file": str(shelf.path(shown.version)),
        "hash": shown.content_hash,
        "description": shown.description,
        "settings": _settings(shown),
        "variables": [
            {
                "name": variable.name,
                "required": variable.must_be_given,
                "default": variable.default,
                "description": variable.description,
            }
            for variable in definition.variables.values()
        ],
        "template_format": definition.template_format,
        "template": definition.template,
        "output_schema": shown.output_schema,
    }


def _settings(prompt: Prompt) -> JsonObject:
    settings = {
        "max_tokens": prompt.max_tokens,
        "timeout": prompt.timeout,
        "temperature": prompt.temperature,
        "top_p": prompt.top_p,
        "seed": prompt.seed,
    }
    return {name: value for name, value in settings.items() if value is not None}


def _tell(out: Console, shelf: Shelf, shown: Prompt, definition: Definition) -> None:
    state = shelf.states[shown.version]
    served = ", served" if shown.version == shelf.served else ""
    out.print(Text.assemble((f"{shelf.title} {shown.version}", "bold"), " ", (state, COLOURS[state]), served))
    facts = {
        "what": shown.description,
        "file": shelf.path(shown.version),
        "hash": f"sha256:{shown.content_hash}",
        "settings": ", ".join(f"{name} {value:g}" for name, value in _settings(shown).items()),
    }
    if (release := shelf.releases.get(shown.version)) and release.because:
        facts["because"] = release.because
    for fact, text in facts.items():
        out.print(Text.assemble("  ", (f"{fact:10}", "cyan"), one_line(text)))
    out.print(Text("\nvariables", style="bold"))
    for variable in definition.variables.values():
        need = "required" if variable.must_be_given else f"else {variable.default or 'empty'}"
        words = one_line(variable.description)
        out.print(
            Text.assemble("  ", (variable.name, "cyan"), f" ({one_line(need)})", f" {words}" if words else "")
        )
    out.print(Text(f"\ntemplate ({definition.template_format})", style="bold"))
    out.print(Text(safe(definition.template).rstrip()))
    out.print(Text("\nanswer", style="bold"))
    if shown.output_schema is None:
        out.print("  free text")
        return
    for line in value_lines(shown.output_schema, 1):
        out.print(line)
