"""What proves to a model's server who asks: a key, or the process's Entra identity."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pydantic import SecretStr

from domain.errors import ModelMisconfigured

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.core.credentials_async import AsyncTokenCredential

_SCOPE = "https://cognitiveservices.azure.com/.default"
_REFRESH_BEFORE = 300.0  # seconds before its end that a token is replaced


class Credential(Protocol):
    async def headers(self) -> dict[str, str]:
        """The headers of one request; raises `ModelMisconfigured` when there is no identity."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in a header of the provider's choice: `api-key: KEY` or `Authorization: Bearer KEY`."""

    key: SecretStr
    header: str = "Authorization"
    prefix: str = "Bearer "

    async def headers(self) -> dict[str, str]:
        return {self.header: self.prefix + self.key.get_secret_value()}

    async def close(self) -> None: ...


class NoKey:
    """For servers that ask for none, as Ollama."""

    async def headers(self) -> dict[str, str]:
        return {}

    async def close(self) -> None: ...


class EntraToken:
    """Tokens of the process's identity (workload identity, managed identity, `az login`), kept until shortly before they end.

    azure-identity caches for some of its sources and not for others; here it is always one request per token.
    """

    def __init__(self, make_credential: Callable[[], AsyncTokenCredential] | None = None) -> None:
        self._make_credential = make_credential or _default_credential
        self._credential: AsyncTokenCredential | None = None
        self._token: AccessToken | None = None
        self._refreshing = asyncio.Lock()

    async def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self.token()}"}

    async def token(self) -> str:
        if self._token is None or self._token.expires_on - time.time() < _REFRESH_BEFORE:
            async with self._refreshing:
                if self._token is None or self._token.expires_on - time.time() < _REFRESH_BEFORE:
                    self._token = await self._fresh()
        return self._token.token

    async def close(self) -> None:
        if self._credential is not None:
            await self._credential.close()
            self._credential = None

    async def _fresh(self) -> AccessToken:
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - 0.3 s that only Entra users pay

        if self._credential is None:
            self._credential = self._make_credential()
        try:
            return await self._credential.get_token(_SCOPE)
        except AzureError as error:
            if self._token is not None and self._token.expires_on > time.time():
                return self._token
            ours = (
                "no Entra identity for Azure OpenAI: set AZURE_OPENAI_API_KEY, or give this process an identity "
                "(workload identity on AKS, `az login` on a laptop)"
            )
            raise ModelMisconfigured(
                f"{ours}. azure-identity says: {_one_line(error)}", common=ours
            ) from error


def _default_credential() -> AsyncTokenCredential:
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - as above

    return DefaultAzureCredential()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:600]
