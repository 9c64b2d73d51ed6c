"""Who shows this: the one question that the HTTP API asks, whether it is a token or an API key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Protocol

from infrastructure.identity.caller import Caller, Refused
from infrastructure.identity.keys import PREFIX
from infrastructure.identity.limits import Limit

log = logging.getLogger(__name__)

AGAIN = 5.0


class Proof(Protocol):
    """One kind of credentials: `tokens.Tokens` and `key_file.KeyFile`."""

    async def caller(self, given: str) -> Caller:
        """Whose these are; raises `Refused`, or `Unavailable` when that cannot be said now."""
        ...

    async def follow(self) -> None:
        """Take up what changes, until cancelled."""
        ...

    async def check(self) -> str | None:
        """What is wrong, for `/readyz`."""
        ...


class Identity:
    """`tokens` and `keys` are those that are accepted, one of them at least; without a `limit` callers may ask at will."""

    def __init__(self, *, tokens: Proof | None, keys: Proof | None, limit: Limit | None = None) -> None:
        self.limit = limit
        self._tokens = tokens
        self._keys = keys
        self._proofs = [proof for proof in (tokens, keys) if proof is not None]

    async def caller(self, given: str) -> Caller:
        """Raises `Refused` and `Unavailable`."""
        if given.startswith(PREFIX):
            if self._keys is None:
                raise Refused("no API keys are accepted here: send a token of the issuer")
            return await self._keys.caller(given)
        if self._tokens is None:
            raise Refused(f"this is no API key ({PREFIX}…), and no tokens of an issuer are accepted here")
        return await self._tokens.caller(given)

    async def check(self) -> str | None:
        problems = [await proof.check() for proof in self._proofs]
        return next(filter(None, problems), None)

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Within it, what callers are judged by is kept up to date in the background."""
        tasks = [asyncio.create_task(_followed(proof), context=Context()) for proof in self._proofs]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def _followed(proof: Proof) -> None:
    while True:
        try:
            await proof.follow()
        except Exception:
            log.exception("callers are judged by what was known before; it is looked at again in %g s", AGAIN)
        await asyncio.sleep(AGAIN)
