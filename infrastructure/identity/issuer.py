"""An OpenID Connect issuer, as far as it matters here: the keys that it signs with, found by discovery and followed as they rotate.

Keys are asked for in the background, so that no request waits for the issuer; but for the first ones, and for those who show a
key that nobody knows yet. While the issuer is down, known keys stay.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context
from typing import Any

import aiohttp
from pydantic_core import from_json

from domain.errors import Unavailable
from infrastructure.identity.addresses import is_safe
from infrastructure.identity.caller import Refused
from infrastructure.identity.jwks import VerificationKey, read_keys

log = logging.getLogger(__name__)

EVERY = 300.0
"""Seconds between two looks at the issuer's keys."""
COOLDOWN = 10.0
"""Seconds between two questions, whatever kids are shown."""
PATIENCE = 5.0
"""Seconds for one answer of the issuer."""
LARGEST = 512 * 1024
"""Bytes of one."""
DISCOVERY = "/.well-known/openid-configuration"

Fetch = Callable[[str], Awaitable[Mapping[str, Any]]]


class Issuer:
    """`url` is the issuer's name, as it stands in tokens. `generation` changes with its keys."""

    def __init__(self, url: str, fetch: Fetch | None = None) -> None:
        self.url = url
        self.generation = 0
        self._fetch = fetch or fetch_json
        self._keys: Mapping[str, VerificationKey] = {}
        self._problem: str | None = "its keys were not asked for yet"
        self._asked_at = -COOLDOWN
        self._asking: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> VerificationKey:
        """The published key of this id.

        Raises:
            Refused: the issuer has none.
            Unavailable: whether it has cannot be said, because it does not answer.

        """
        if (found := self._keys.get(kid)) is not None:
            return found
        await self._ask()
        if (found := self._keys.get(kid)) is not None:
            return found
        if self._problem is not None:
            raise Unavailable(
                "the issuer's keys cannot be had at the moment, so no new one can be told from a forged one: try "
                "again; /readyz and the log say why",
                retry_after=COOLDOWN,
            )
        raise Refused("the token is signed by a key that the issuer does not publish: get a new one from it")

    async def check(self) -> str | None:
        """For `/readyz`: known keys suffice, also while the issuer is down."""
        return None if self._keys else f"no keys of {self.url}: {self._problem}"

    async def follow(self) -> None:
        """Look for new keys again and again, until cancelled."""
        while True:
            await self._ask()
            await asyncio.sleep(EVERY if self._problem is None else COOLDOWN)

    async def _ask(self) -> None:
        """Ask now, unless that was done just before; who comes meanwhile waits for the same answer."""
        now = asyncio.get_running_loop().time()
        if self._asking is None or self._asking.done():
            if now - self._asked_at < COOLDOWN:
                return
            self._asked_at = now
            # Whose request it was must not show in its log lines.
            self._asking = asyncio.create_task(self._renew(), context=Context())
        await asyncio.shield(self._asking)

    async def _renew(self) -> None:
        try:
            found = await self._published()
        except Unavailable as error:
            if self._problem != error.message:
                log.warning("the issuer's keys cannot be had: %s", error.message)
            self._problem = error.message
            return
        if found != self._keys:
            log.info("the issuer has %d keys", len(found), extra={"issuer": self.url})
            self._keys = found
            self.generation += 1
        self._problem = None

    async def _published(self) -> dict[str, VerificationKey]:
        document = await self._fetch(self.url.rstrip("/") + DISCOVERY)
        if document.get("issuer") != self.url:
            raise Unavailable(
                f"{DISCOVERY} names another issuer, {str(document.get('issuer'))[:200]!r}: set AGENTS_OIDC_ISSUER to it"
            )
        where = document.get("jwks_uri")
        if not (isinstance(where, str) and is_safe(where)):
            raise Unavailable(f"{DISCOVERY} names no https:// address of its keys (jwks_uri)")
        keys = read_keys(await self._fetch(where))
        if not keys:
            raise Unavailable(f"{where} holds no key that can be used")
        return keys


async def fetch_json(url: str) -> Mapping[str, Any]:
    """A JSON object. No redirects, cookies or proxies: the address is the address.

    Raises:
        Unavailable: there is none.

    """
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            status, body = response.status, await _read(response, url)
    except aiohttp.ClientConnectorCertificateError as error:
        told = getattr(error.certificate_error, "verify_message", "") or error.certificate_error
        raise Unavailable(
            f"the certificate of {url} is not accepted, {told}: renew it, or set SSL_CERT_FILE to the authority that signed it"
        ) from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unavailable(f"{url} does not answer: {str(error) or type(error).__name__}") from None
    if status != 200:
        raise Unavailable(f"{url} answers {status}")
    try:
        document = from_json(body)
    except ValueError:
        raise Unavailable(f"{url} answers no JSON") from None
    if not isinstance(document, dict):
        raise Unavailable(f"{url} answers no JSON object")
    return document


async def _read(response: aiohttp.ClientResponse, url: str) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > LARGEST:
            raise Unavailable(f"{url} answers more than {LARGEST} bytes")
    return bytes(body)
