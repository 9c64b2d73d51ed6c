"""What the commands have in common that ask a running agent about its prompts."""

from typing import Any, NoReturn
from urllib.parse import quote

import click

from cli.client import agent_clients, chosen
from cli.prompts import Named
from cli.readable import when
from domain.json import JsonObject


def asked(prompt: Named, method: str, path: str, body: JsonObject | None = None) -> Any:
    """The answer of the prompt's agent to a request below `/api/<agent>/prompts/<prompt>`; raises as `AgentClient.call`."""
    client = chosen(agent_clients(), (prompt.agent,))[prompt.agent]
    return client.call(method, f"/prompts/{quote(prompt.prompt, safe='')}/{path}", body).document


def tell_split(prompt: Named, split: JsonObject | None) -> None:
    if split is None:
        click.echo(f"{prompt} is not split: the newest release has all the work")
        return
    shares = split["shares"]
    if len(shares) == 1:
        click.echo(f"{prompt}: {split['baseline']} has all the work since {when(split['at'])}")
        click.echo(f"  newer releases get some by `agents prompts split {prompt} …`, or all with --end")
        return
    click.echo(f"{prompt}: split {split['revision']}, since {when(split['at'])}")
    for version, share in shares.items():
        role = "baseline" if version == split["baseline"] else "candidate" if share else "taken back"
        click.echo(f"  {version:12} {share:3} %  {role}")
    click.echo(f"  how they fare: agents prompts stats {prompt}")


def no_share(text: str) -> NoReturn:
    raise click.UsageError(f"{text!r} is no share: write VERSION=PERCENT, such as 1.1.0=10")
