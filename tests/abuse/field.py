"""What the attackers stand before: agents as they run in a cluster, with credentials that are right and those that are not."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.local.ports import free_ports
from cli.local.provision.run import Programs
from infrastructure.identity.keys import new_key
from tests.stand_ins.openai_server import OpenAIServer
from tests.support.agent_process import AgentProcess, agent_process, model_server
from tests.support.issuer import AUDIENCE, LocalIssuer, local_issuer
from tests.support.planted import plant
from tests.support.processes import Daprd, Redis, daprd, redis_server
from tests.support.scopes import components

APP_TOKEN = plant("APP_API_TOKEN of the abuse suite", "planted7app9GhJ4kLz")
REDIS_PASSWORD = plant("redisPassword", "planted7redis2FvB6nMq")
WEBHOOK = "https://hooks.example/services/" + plant(
    "AGENTS_NOTIFICATION_WEBHOOK_URL in a path", "planted7path3DsA7jKi"
)
DAPR_TOKEN = plant("DAPR_API_TOKEN", "planted7dapr1PoI5tRe")
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
    plant("a key of AGENTS_API_KEYS", key)
    keys = folder / "keys.yaml"
    digest = hashlib.sha256(key.encode()).hexdigest()
    keys.write_text(f'keys:\n  - {{id: "{key_id}", sha256: "{digest}", roles: [Agents.Admin]}}\n')
    desk_port, pushed_port = free_ports(2)
    with ExitStack() as stack:
        enter = stack.enter_context
        store = enter(redis_server(programs.redis_server, folder, password=REDIS_PASSWORD))
        issuer, model = enter(local_issuer()), enter(model_server())
        shown = {"APP_API_TOKEN": APP_TOKEN, "DAPR_API_TOKEN": DAPR_TOKEN}
        env = {
            **shown,
            "AGENTS_HOST": "0.0.0.0",
            "AGENTS_OIDC_ISSUER": issuer.url,
            "AGENTS_OIDC_AUDIENCE": AUDIENCE,
            "AGENTS_API_KEYS": str(keys),
            "AGENTS_LOG_FORMAT": "json",
            "AGENTS_LOG_LEVEL": "debug",
            "AGENTS_NOTIFICATION_WEBHOOK_URL": WEBHOOK,
        }
        program = programs.daprd
        shipped = {
            limited: components(
                folder / "components" / str(limited), limited=limited, password=REDIS_PASSWORD
            )
            for limited in (False, True)
        }

        def sidecar_of(name: str, app_id: str, *, limited: bool = False, **options: Any) -> Daprd:
            place = folder / name
            place.mkdir()
            return enter(
                daprd(program, place, store.port, app_id=app_id, components=shipped[limited], **options)
            )

        sidecar = sidecar_of("desk", "service-desk", app_port=desk_port, env=shown)
        pushing = sidecar_of("pushed", "devops", app_port=pushed_port, env=shown)
        stranger = sidecar_of("stranger", "stranger")
        scoped = sidecar_of("scoped", "service-desk", limited=True)
        desk = enter(
            agent_process(
                "agents.service_desk:AGENT", folder / "desk", sidecar, model.url, env, port=desk_port
            )
        )
        pushed_env = {**env, "AGENTS_DELIVERY": "push"}
        pushed = enter(
            agent_process(
                "agents.devops:AGENT", folder / "pushed", pushing, model.url, pushed_env, port=pushed_port
            )
        )
        tokens = {
            role: [issuer.token(f"Agents.{role}", sub=f"{MARK}-{role}-{n}") for n in range(CALLERS)]
            for role in ("Viewer", "Developer", "Operator", "Admin")
        }
        tokens["good"] = [issuer.token("Agents.Developer", sub=f"good-{n}") for n in range(20)]
        plant("a token of a good caller", tokens["good"][0].rpartition(".")[2])
        yield Field(desk, pushed, sidecar, stranger, scoped, store, model, issuer, tokens, key)
