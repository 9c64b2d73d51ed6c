"""Notifications by webhook: one POST of JSON each, that the receiver may know again by its `Idempotency-Key`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from domain.errors import Rejected, Transient, Unavailable
from domain.json import dump
from domain.ports.channel import Notification, Receipt

_BUSY = {408, 425, 429}
_LONGEST_WAIT = 3600.0


class WebhookChannel:
    """`timeout` bounds a whole POST, in seconds. No redirects, cookies or proxies: the address is the address.

    The path and query of `url` are often the secret, so messages name its host only.
    """

    def __init__(self, url: str, *, timeout: float = 30.0) -> None:
        self._url = URL(url)
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, 10.0))
        self._session: aiohttp.ClientSession | None = None

    async def send(self, notification: Notification) -> Receipt:
        body = dump(
            {
                "execution_id": notification.idempotency_key,
                "correlation_id": notification.correlation_id,
                "recipients": notification.recipients,
                "subject": notification.subject,
                "body": notification.body,
            }
        )
        headers = {"Content-Type": "application/json", "Idempotency-Key": notification.idempotency_key}
        try:
            async with self._open().post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as response:
                status, answered = response.status, response.headers
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unavailable(
                f"the webhook at {self._where} cannot be reached ({_reason(error)}): start it, or correct its URL"
            ) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Transient(
                f"the webhook at {self._where} did not answer ({_reason(error)}): it may have the notification, "
                "and will get it again with the same Idempotency-Key"
            ) from None
        self._require_taken(status, answered)
        return Receipt(channel="webhook", reference=notification.idempotency_key, confirmed=True)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def _where(self) -> str:
        return f"{self._url.scheme}://{self._url.host}:{self._url.port}"

    def _open(self) -> aiohttp.ClientSession:
        """One session for all, made on first use: it belongs to the running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # the answer's body is never looked at
            )
        return self._session

    def _require_taken(self, status: int, headers: Mapping[str, str]) -> None:
        if 200 <= status < 300:
            return
        if status in _BUSY or status >= 500:
            raise Unavailable(
                f"the webhook at {self._where} answers {status}: it is busy or broken",
                retry_after=_retry_after(headers.get("Retry-After")),
                status=status,
            )
        if status < 400:
            raise Rejected(
                f"the webhook at {self._where} answers {status}, a redirect, which is not followed: set its final URL",
                status=status,
            )
        raise Rejected(
            f"the webhook at {self._where} answers {status}: it refuses the notification", status=status
        )


def _retry_after(value: str | None) -> float | None:
    """Seconds, from a number of them or from a date."""
    if not value:
        return None
    try:
        wait = float(value) if value.isdigit() else parsedate_to_datetime(value).timestamp() - time.time()
    except ValueError:
        return None
    return min(max(wait, 0.0), _LONGEST_WAIT)


def _reason(error: Exception) -> str:
    """What happened, without the URL that some of aiohttp's errors quote."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is refused: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error)
    return type(error).__name__
