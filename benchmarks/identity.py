"""CPU time of knowing who calls: a token for the first time and again, an API key, a whole request without and with a login.

    python -m benchmarks.identity

Best of five. Fetching the issuer's keys is left out: it happens in the background.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from fastapi import FastAPI
from rich.console import Console
from rich.table import Table
from starlette.types import Message

from agents.service_desk import AGENT
from domain.ports.channel import NotificationChannel
from infrastructure.host.app import create_app
from infrastructure.host.settings import Settings
from infrastructure.identity.caller import Caller
from infrastructure.identity.identity import Identity
from infrastructure.identity.issuer import Issuer
from infrastructure.identity.keys import Key, Keyring, digest, new_key
from infrastructure.identity.limits import Limit
from infrastructure.identity.roles import Role
from infrastructure.identity.tokens import Tokens
from infrastructure.memory.channel import MemoryChannel
from infrastructure.testing.platform import MemoryPlatform

URL, AUDIENCE = "https://issuer.example", "api://agents"
PATH = f"/api/{AGENT.name}/correlations/none"
TIMES = 500
KEYS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


async def published(url: str) -> dict[str, Any]:
    """In place of the issuer's answers: fetching them is not what is measured."""
    if url.endswith("/.well-known/openid-configuration"):
        return {"issuer": URL, "jwks_uri": f"{URL}/keys"}
    jwks = [
        jwt.get_algorithm_by_name(name).to_jwk(key.public_key(), as_dict=True) | {"kid": name}
        for name, key in KEYS.items()
    ]
    return {"keys": [{name: it for name, it in jwk.items() if name != "key_ops"} for jwk in jwks]}


def token(algorithm: str, number: int = 0) -> str:
    """About as long as Entra ID's: 2,000 characters."""
    claims = {
        "iss": URL,
        "aud": AUDIENCE,
        "sub": "me",
        "exp": int(time.time()) + 3600,
        "roles": ["Agents.Viewer"],
    }
    return jwt.encode(
        {**claims, "n": number, "padding": "x" * 1100}, KEYS[algorithm], algorithm, {"kid": algorithm}
    )


async def cost(work: Callable[[int], Awaitable[object]]) -> float:
    """µs of CPU for one call."""
    best = float("inf")
    for repeat in range(5):
        begin = time.process_time()
        for number in range(TIMES):
            await work(repeat * TIMES + number)
        best = min(best, (time.process_time() - begin) / TIMES)
    return best * 1e6


async def credentials() -> dict[str, float]:
    found = {}
    tokens = Tokens(Issuer(URL, published), (AUDIENCE,))
    for algorithm in KEYS:
        made = [token(algorithm, number) for number in range(5 * TIMES)]
        await tokens.caller(token(algorithm))
        found[f"{algorithm} token, first time"] = await cost(partial(_shown, tokens, made))
    known = token("RS256")
    found["token, known"] = await cost(lambda _: tokens.caller(known))
    key_id, key = new_key()
    ring = Keyring([Key(key_id, digest(key), (Role.VIEWER,))])

    async def by_key(_: int) -> Caller:
        return ring.caller(key)

    found["API key"] = await cost(by_key)
    return found


async def requests() -> dict[str, float]:
    async with MemoryPlatform([AGENT], effects={NotificationChannel: MemoryChannel()}) as platform:
        make = partial(create_app, AGENT, Settings.model_construct(), _no_lifespan)
        identity = Identity(tokens=Tokens(Issuer(URL, published), (AUDIENCE,)), keys=None, limit=Limit(1e9))
        apps = {"request without login": make(), "request with a token": make(identity)}
        bearer = (b"authorization", f"Bearer {token('RS256')}".encode())
        for app in apps.values():
            app.state.service = platform.services[AGENT.name]
        return {name: await cost(partial(_get, app, bearer)) for name, app in apps.items()}


async def _shown(tokens: Tokens, made: list[str], number: int) -> Caller:
    return await tokens.caller(made[number])


async def _get(app: FastAPI, bearer: tuple[bytes, bytes], _: int) -> None:
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": PATH, "raw_path": PATH.encode(), "scheme": "http",
        "query_string": b"", "root_path": "", "headers": [(b"host", b"localhost"), bearer], "client": None, "server": None,
    }  # fmt: skip

    async def send(message: Message) -> None:
        assert message.get("status", 200) == 200  # noqa: S101

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    await app(scope, receive, send)


@asynccontextmanager
async def _no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


async def main() -> None:
    table = Table("", "µs of CPU")
    for name, cpu in {**await credentials(), **await requests()}.items():
        table.add_row(name, f"{cpu:.1f}")
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(main())
