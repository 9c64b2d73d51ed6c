from __future__ import annotations

import asyncio
import time

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from domain.errors import ModelMisconfigured
from infrastructure.llm.clients.credentials import EntraToken


class Identity:
    """Stands in for azure-identity's credential. Its tokens live for `lifetime` seconds; `broken`, it has none."""

    def __init__(self, lifetime: float = 3600) -> None:
        self.lifetime = lifetime
        self.broken = False
        self.asked: list[str] = []
        self.closed = False

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        await asyncio.sleep(0)
        self.asked.extend(scopes)
        if self.broken:
            raise ClientAuthenticationError("no identity here\nand more words")
        return AccessToken(f"token-{len(self.asked)}", int(time.time() + self.lifetime))

    async def close(self) -> None:
        self.closed = True


def entra(identity: Identity) -> EntraToken:
    return EntraToken(lambda: identity)  # type: ignore[arg-type,return-value]


async def test_a_token_is_asked_for_once_and_used_by_all() -> None:
    identity = Identity()
    credential = entra(identity)
    headers = await asyncio.gather(*(credential.headers() for _ in range(20)))
    assert headers == [{"Authorization": "Bearer token-1"}] * 20
    assert identity.asked == ["https://cognitiveservices.azure.com/.default"]


async def test_a_token_near_its_end_is_replaced() -> None:
    identity = Identity(lifetime=299)
    credential = entra(identity)
    assert await credential.token() == "token-1"
    assert await credential.token() == "token-2"


async def test_while_no_new_token_can_be_had_the_old_one_serves_until_its_end() -> None:
    identity = Identity(lifetime=60)
    credential = entra(identity)
    await credential.token()
    identity.broken = True
    assert await credential.token() == "token-1"


async def test_without_an_identity_the_error_names_both_ways_out() -> None:
    identity = Identity()
    identity.broken = True
    with pytest.raises(
        ModelMisconfigured,
        match=r"set AZURE_OPENAI_API_KEY, or give this process an identity.*no identity here",
    ):
        await entra(identity).token()


async def test_closing_closes_the_identity() -> None:
    identity = Identity()
    credential = entra(identity)
    await credential.close()
    await credential.token()
    await credential.close()
    assert identity.closed
