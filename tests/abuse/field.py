"""What the attackers stand before: agents as they run in a cluster, with credentials that are right and those that are not."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.suite.processes import free_ports
from cli.local.provision.run import Programs
from infrastructure.identity.keys import new_key
from tests.stand_ins.openai_server import OpenAIServer
from tests.support.agent_process import AgentProcess, agent_process, model_server
from tests.support.issuer import AUDIENCE, LocalIssuer, local_issuer
from tests.support.processes import Daprd, Redis, daprd, redis_server
from tests.support.scopes import scoped_components

APP_TOKEN = "the-sidecars-own-token-5c1f0a"
CALLERS = 60
"""Of each role: so many that none of them asks too often."""
MARK = "hostile-7f3a"
"""Stands in everything that is sent and must not be taken."""


@dataclass(frozen=True)
class Field:
    """`desk` gets its events by streams, `pushed` by HTTP; `stranger` is the sidecar of whoever may write to the broker, `scoped`
    that of the service desk as the chart makes it.
    """

    desk: AgentProcess
    pushed: AgentProcess
    sidecar: Daprd
    stranger: Daprd
    scoped: Daprd
    redis: Redis
    model: OpenAIServer
    issuer: LocalIssuer
    tokens: dict[str, list[str]]
    """By role; `good` are those of the callers who are no attackers."""
    key: str

    def any_of(self, role: str, chance: random.Random) -> str:
        return chance.choice(self.tokens[role])


@contextmanager
def field(programs: Programs, folder: Path) -> Iterator[Field]:
    assert programs.daprd is not None
    assert programs.redis_server is not None
    key_id, key = new_key()
    keys = folder / "keys.yaml"
    digest = hashlib.sha256(key.encode()).hexdigest()
    keys.write_text(f'keys:\n  - {{id: "{key_id}", sha256: "{digest}", roles: [Agents.Admin]}}\n')
    places = {name: folder / name for name in ("desk", "pushed", "stranger", "scoped")}
    for place in places.values():
        place.mkdir()
    desk_port, pushed_port = free_ports(2)
    with ExitStack() as stack:
        enter = stack.enter_context
        store = enter(redis_server(programs.redis_server, folder))
        issuer, model = enter(local_issuer()), enter(model_server())
        shown = {"APP_API_TOKEN": APP_TOKEN}
        env = {
            **shown,
            "AGENTS_HOST": "0.0.0.0",
            "AGENTS_OIDC_ISSUER": issuer.url,
            "AGENTS_OIDC_AUDIENCE": AUDIENCE,
            "AGENTS_API_KEYS": str(keys),
            "AGENTS_LOG_FORMAT": "json",
        }
        program, port = programs.daprd, store.port
        sidecar = enter(
            daprd(program, places["desk"], port, app_id="service-desk", app_port=desk_port, env=shown)
        )
        desk = enter(
            agent_process(
                "agents.service_desk:AGENT", places["desk"], sidecar, model.url, env, port=desk_port
            )
        )
        pushing = enter(
            daprd(program, places["pushed"], port, app_id="devops", app_port=pushed_port, env=shown)
        )
        pushed = enter(
            agent_process(
                "agents.devops:AGENT",
                places["pushed"],
                pushing,
                model.url,
                {**env, "AGENTS_DELIVERY": "push"},
                port=pushed_port,
            )
        )
        stranger = enter(daprd(program, places["stranger"], port, app_id="stranger"))
        shipped = scoped_components(places["scoped"] / "shipped")
        scoped = enter(daprd(program, places["scoped"], port, app_id="service-desk", components=shipped))
        tokens = {
            role: [issuer.token(f"Agents.{role}", sub=f"{MARK}-{role}-{n}") for n in range(CALLERS)]
            for role in ("Viewer", "Developer", "Operator", "Admin")
        }
        tokens["good"] = [issuer.token("Agents.Developer", sub=f"good-{n}") for n in range(20)]
        yield Field(desk, pushed, sidecar, stranger, scoped, store, model, issuer, tokens, key)
