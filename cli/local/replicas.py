"""Several copies of one agent: same app-id, so they share its work; each with a sidecar, ports and logs of its own."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.manifest import App, ports_of, shifted_ports
from cli.nearest import nearest

STEP = 10
"""Ports between one replica and the next. The agents' ports end in different digits and the control plane's begin at
3890, so nine replicas of everything meet nobody: 3504 → 3514 … 3584, 3804 → 3814 … 3884."""

MAX_PORT = 65_535


@dataclass(frozen=True)
class Replica:
    """An app of dapr.yaml on ports of its own. The first is the app as it stands there, name and ports."""

    app: App
    number: int = 1

    @property
    def name(self) -> str:
        return self.app.app_id if self.number == 1 else f"{self.app.app_id}-{self.number}"

    @property
    def sidecar(self) -> str:
        return f"{self.name}.daprd"


def replicas_of(apps: Iterable[App], counts: Mapping[str, int]) -> list[Replica]:
    """Every app as often as it is wanted; CommandError for an unknown one, a name or a port that is given twice."""
    known = {app.app_id: app for app in apps}
    for name in counts:
        if name not in known:
            raise CommandError(
                f"replicas of {name!r}: there is no such agent",
                hint=nearest(name, known),
                code=ExitCode.NOT_FOUND,
            )
    replicas = [
        Replica(shifted_ports(app, STEP * index), index + 1)
        for name, app in known.items()
        for index in range(counts.get(name, 1))
    ]
    for replica in replicas:
        if replica.number > 1 and replica.name in known:
            raise CommandError(
                f"the name {replica.name} is needed for a replica of {replica.app.app_id}, and is an agent's in dapr.yaml",
                code=ExitCode.INVALID,
            )
    return replicas


def refuse_doubles(uses: Iterable[tuple[int, str]]) -> None:
    """Raises CommandError naming every port of a start that has two uses, or is none."""
    users: dict[int, list[str]] = {}
    for port, use in uses:
        users.setdefault(port, []).append(use)
    problems = [f"{port}: {' and '.join(of)}" for port, of in sorted(users.items()) if len(of) > 1]
    problems += [
        f"{port}: {of[0]}: ports end at {MAX_PORT}" for port, of in sorted(users.items()) if port > MAX_PORT
    ]
    if problems:
        raise CommandError(
            "ports do not fit together:\n  " + "\n  ".join(problems),
            hint=f"change them in dapr.yaml, or run fewer replicas: each is {STEP} ports after the one before",
            code=ExitCode.INVALID,
        )


def port_uses(replicas: Iterable[Replica]) -> Iterator[tuple[str, str, int]]:
    """Name, purpose and number of every port of the apps and their sidecars."""
    for replica in replicas:
        for purpose, port in ports_of(replica.app).items():
            yield replica.name, purpose, port
