"""Ports for one more agent, after the pattern of dapr.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.manifest import App, ports_of
from cli.local.platform import CONTROL_PLANE_PORTS
from cli.local.ports import holders
from cli.local.replicas import STEP

REPLICAS = 9
"""Of every agent so many find their ports free: each is STEP after the one before."""
_SIDECAR = ("daprHTTPPort", "daprGRPCPort", "metricsPort", "daprInternalGRPCPort")
_BLOCKS = (3500, 4500, 5500, 8500)
_FIRST_APP = 7300
_OTHERS = {1025, 6379, 11434, 50005, 50006}
"""Mail, Redis, Ollama, placement, scheduler."""


def free_ports(apps: Iterable[App]) -> dict[str, int]:
    """By key of dapr.yaml: free for nine replicas beside nine of everything else, and nobody listens on the first now."""
    taken = {port for app in apps for first in ports_of(app).values() for port in _series(first)}
    taken |= _OTHERS | {port for part in CONTROL_PLANE_PORTS.values() for port in part.values()}
    for sidecar in _sidecars():
        if _fit(sidecar, taken):
            break
    else:
        raise CommandError("dapr.yaml leaves no ports for one more sidecar", code=ExitCode.PORT_TAKEN)
    taken |= {port for first in sidecar for port in _series(first)}
    app = next(port for port in count(_FIRST_APP) if _fit((port,), taken))
    return {"appPort": app, **dict(zip(_SIDECAR, sidecar, strict=True))}


def _sidecars() -> Iterator[tuple[int, ...]]:
    """3501, 3601, 3701, 3801; the next agent's end in another digit, so that replicas of one never meet another."""
    for block in _BLOCKS:
        for digit in (*range(1, STEP), 0):
            yield tuple(block + 100 * place + digit for place in range(len(_SIDECAR)))


def _fit(ports: tuple[int, ...], taken: set[int]) -> bool:
    return not any(taken & set(_series(port)) for port in ports) and not holders(ports)


def _series(first: int) -> range:
    return range(first, first + STEP * REPLICAS, STEP)
