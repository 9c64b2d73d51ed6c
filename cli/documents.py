"""`python -m cli.documents`: the files that follow from the code, most of them under docs/.

Writes them, or with --check exits 1 naming each that has drifted. Nothing has to run for it.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

import click
import yaml
from fastapi import FastAPI
from pydantic_core import to_json

from agents.runtime.agent import Agent
from cli.asyncapi import asyncapi, payload_schemas
from cli.deployed import deployed
from cli.error_table import error_table
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.instance import MANIFEST
from cli.local.manifest import read_manifest
from cli.local.resources import read_resources, redis_addresses
from cli.standalone import run_standalone
from cli.vocabulary import known_events
from domain.json import JsonObject
from infrastructure.host.app import create_app
from infrastructure.host.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
GENERATED = ("schemas/*.json", "openapi/*.json", "asyncapi.yaml")
"""What under docs/ is ours: a file that nothing writes any more is drift, too."""


@click.command(epilog="Example: python -m cli.documents --check")
@click.option(
    "--check", is_flag=True, help="Write nothing; exit 1 when a file differs from what the code says."
)
def command(*, check: bool) -> None:
    """Write docs/schemas, docs/asyncapi.yaml, docs/openapi and docs/errors.md from the code; and what Azure is given: topics,
    subscriptions, the manifest of its stand-ins.
    """
    made = files(ROOT)
    stale = [
        path
        for pattern in GENERATED
        for path in (ROOT / "docs").glob(pattern)
        if path.relative_to(ROOT).as_posix() not in made
    ]
    drifted = [name for name, content in made.items() if not _holds(ROOT / name, content)]
    if check:
        for name in [*drifted, *(path.relative_to(ROOT).as_posix() for path in stale)]:
            click.echo(f"{name} differs from the code; to mend it: python -m cli.documents", err=True)
        sys.exit(ExitCode.FAILED if drifted or stale else ExitCode.OK)
    for name in drifted:
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made[name])
    for path in stale:
        path.unlink()
    click.echo(f"{len(made)} documents, {len(drifted)} written, {len(stale)} removed")


def files(root: Path) -> dict[str, bytes]:
    """Every generated file by its path below the root."""
    agents = [load_agent(app.command[-1]) for app in read_manifest(root / MANIFEST)]
    return {f"docs/{name}": content for name, content in documents(root).items()} | deployed(root, agents)


def documents(root: Path) -> dict[str, bytes]:
    """Every generated document by its path below docs/."""
    apps = read_manifest(root / MANIFEST)
    agents = [load_agent(app.command[-1]) for app in apps]
    addresses = {
        address
        for app in apps
        for path in app.resources_paths
        for address in redis_addresses(read_resources(root / path))
    }
    events = list(known_events().values())
    version = Settings.model_construct().version
    made = {f"schemas/{name}.json": _json(schema) for name, schema in payload_schemas(agents, events).items()}
    described = asyncapi(agents, version, min(addresses, default="127.0.0.1:6379"))
    made["asyncapi.yaml"] = (
        _HEADER + yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=110).encode()
    )
    made["errors.md"] = error_table()
    for agent in agents:
        made[f"openapi/{agent.name}.json"] = _json(openapi(agent))
    return made


def load_agent(target: str) -> Agent:
    """The agent behind `module:attribute`, as dapr.yaml names it."""
    module, _, attribute = target.partition(":")
    try:
        agent: object = getattr(import_module(module), attribute)
    except (ModuleNotFoundError, AttributeError, ValueError) as error:
        raise CommandError(
            f"{MANIFEST}: {target!r} names no agent: {error}",
            hint="the last word of an app's command is MODULE:ATTRIBUTE",
            code=ExitCode.INVALID,
        ) from None
    if not isinstance(agent, Agent):
        raise CommandError(f"{MANIFEST}: {target} is no Agent", code=ExitCode.INVALID)
    return agent


def openapi(agent: Agent) -> JsonObject:
    """With the settings' defaults, whatever the environment says."""
    return create_app(agent, Settings.model_construct(), _no_lifespan).openapi()


@asynccontextmanager
async def _no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


_HEADER = b"# Written by `python -m cli.documents` from the agents' declarations.\n"


def _json(document: JsonObject) -> bytes:
    return to_json(document, indent=2) + b"\n"


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


if __name__ == "__main__":
    run_standalone(command)
