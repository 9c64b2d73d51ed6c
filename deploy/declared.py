"""`python -m deploy.declared`: what the chart takes from the repository's own declarations.

Helm reads nothing outside of a chart, so the components and what the agents declare are copied into
`deploy/helm/agents/files`. Writes them, or with --check exits 1 naming each that has drifted.
"""

import sys
from pathlib import Path

import click
import yaml

from agents.runtime.agent import Agent
from cli.documents import load_agent
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.instance import MANIFEST
from cli.local.manifest import read_manifest
from cli.standalone import run_standalone

ROOT = Path(__file__).resolve().parents[1]
CHART = Path("deploy/helm/agents")
SETS = ("redis", "postgres", "azure")
"""The folders of components/ that the chart knows."""


@click.command(epilog="Example: python -m deploy.declared --check")
@click.option(
    "--check", is_flag=True, help="Write nothing; exit 1 when a file differs from what the repository says."
)
def command(*, check: bool) -> None:
    """Write deploy/helm/agents/files from dapr.yaml, the agents and components/."""
    made = files(ROOT)
    folder = ROOT / CHART / "files"
    drifted = [name for name, content in made.items() if not _holds(folder / name, content)]
    stale = [
        path for path in (folder / "components").rglob("*.yaml") if str(path.relative_to(folder)) not in made
    ]
    if check:
        for name in [*drifted, *(str(path.relative_to(folder)) for path in stale)]:
            click.echo(
                f"{CHART}/files/{name} differs from the repository; to mend it: python -m deploy.declared",
                err=True,
            )
        sys.exit(ExitCode.FAILED if drifted or stale else ExitCode.OK)
    for name in drifted:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made[name])
    for path in stale:
        path.unlink()
    click.echo(f"{len(made)} files, {len(drifted)} written, {len(stale)} removed")


def files(root: Path) -> dict[str, bytes]:
    """Every file that the chart takes from the repository, by its path below the chart's files/."""
    made = {"declared.yaml": _declared(root)}
    for name in SETS:
        for path in sorted((root / "components" / name).glob("*.yaml")):
            made[f"components/{name}/{path.name}"] = path.read_bytes()
    return made


def published_topics(agent: Agent) -> list[str]:
    """Every topic that the agent may publish: its tasks' events, and what the runtime tells in its name."""
    own = [agent.commands_topic, agent.dead_letter_topic, agent.rolled_back_topic, agent.budget_topic]
    return [*sorted(event.event_type for event in agent.emits), *own]


def _declared(root: Path) -> bytes:
    apps = read_manifest(root / MANIFEST)
    sizes = {app.max_body_size for app in apps}
    if len(sizes) != 1 or None in sizes:
        raise CommandError(
            f"{MANIFEST}: maxBodySize is {sizes}",
            hint="give one under `common`, for all agents",
            code=ExitCode.INVALID,
        )
    agents = {}
    for app in apps:
        agent = load_agent(app.command[-1])
        agents[app.app_id] = {
            "target": app.command[-1],
            "publishes": published_topics(agent),
            "subscribes": agent.subscribed_topics,
        }
    document = {"maxBodySize": sizes.pop(), "agents": agents}
    return _HEADER + yaml.safe_dump(document, sort_keys=False).encode()


_HEADER = b"# Written by `python -m deploy.declared` from dapr.yaml and the agents' declarations.\n"


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


if __name__ == "__main__":
    run_standalone(command)
