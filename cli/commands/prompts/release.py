"""`agents prompts release`: a draft is checked in full, and becomes a release."""

from pathlib import Path

import click

from cli.documents import load_agent
from cli.local.instance import find_instance
from cli.local.manifest import read_manifest
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
from domain.prompt import Prompt
from infrastructure.evaluation.gate import why_not
from infrastructure.host.declared import misfits
from infrastructure.prompts.releases.authoring import Gate
from infrastructure.prompts.releases.authoring import release as write_release


def why_agent_cannot(_: Path, agent: str, prompt: Prompt) -> str | None:
    """What the agent that asks the prompt could not do with it, where this project has that agent."""
    manifest = find_instance().manifest
    for app in read_manifest(manifest) if manifest.exists() else ():
        if app.app_id == agent:
            problems = misfits(load_agent(app.command[-1]), prompt)
            return f"the agent {agent} cannot use it: {'; '.join(problems)}" if problems else None
    return None


def why_unmeasured(root: Path, agent: str, prompt: Prompt) -> str | None:
    """What its evaluation record lacks, or says against it."""
    return why_not(root, agent, prompt.name, prompt.version)


GATES: tuple[Gate, ...] = (why_agent_cannot, why_unmeasured)
"""Asked in turn once the files themselves are fine; each may refuse, with its reason and what to do."""


@click.command(epilog="Example: agents prompts release service-desk/triage 1.1.0")
@prompt_argument
@click.argument("version", required=False)
@place_option
@json_option
def release(*, prompt: Named, version: str | None, place: str | None, as_json: bool) -> None:
    """Release a version of a prompt, else its newest draft: check it, and write its hash into prompts.lock.

    From then on the file never changes. Everything that stands against it is told at once, and then nothing is changed:
    errors and warnings of the file, a number that is too small a step, an agent that cannot use it, a missing evaluation
    record (`agents prompts eval --record` writes it), or one that is worse than its predecessor's.
    Commit the file and the lock together.

    Exit code 0, 6 when something stands against it, 9 when there is no such prompt.
    """
    root = folder_to_write(place)
    shelf_of(root, prompt)
    with explained():
        released = write_release(root, prompt.agent, prompt.prompt, version, gates=GATES)
    shelf = shelf_of(root, prompt)
    version = released.key[2]
    if as_json:
        print_json(
            {
                "agent": prompt.agent,
                "prompt": prompt.prompt,
                "version": version,
                "hash": released.sha256,
                "served": shelf.served,
            }
        )
        return
    click.echo(f"{prompt} {version} is released: sha256:{released.sha256[:12]}…, see {root / 'prompts.lock'}")
    click.echo(f"  served from the next start on: {shelf.served}")
