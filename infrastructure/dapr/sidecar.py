"""The connection to the sidecar: one gRPC channel, its token, a deadline on every call, one translation of errors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, NamedTuple, TypeVar

import grpc
from dapr.proto import api_service_v1, api_v1

from domain.errors import SidecarUnavailable, TooLarge
from infrastructure.dapr.words import cure, too_large

Reply = TypeVar("Reply")

CALL_DEADLINE = 5.0
"""Seconds. State calls have none of their own: a frozen store would hang them for ever."""

_UNREACHABLE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
_OPTIONS = [
    ("grpc.enable_http_proxy", 0),  # the sidecar is on this machine
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),  # the default of two minutes outlives any restart of a sidecar
    # A connection that died without a word is found by pings. daprd allows one in eight seconds.
    ("grpc.keepalive_time_ms", 8_500),
    ("grpc.http2.ping_timeout_ms", 2_500),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", 16 * 2**20),
]


class Refused(Exception):
    """The sidecar's answer to a write whose ETag did not fit (gRPC ABORTED), or that found something where nothing was to be."""


class Unreachable(SidecarUnavailable):
    """The sidecar itself did not answer: nobody knows what became of the call."""


class Loaded(NamedTuple):
    """Whose sidecar it is, and type and version of each component that it has loaded, by name."""

    app_id: str
    components: dict[str, tuple[str, str]]


class Sidecar:
    def __init__(self, address: str, token: str | None = None) -> None:
        """`address` is host:port of the gRPC API. Connects lazily; must be made inside the running loop."""
        self.address = address
        self.metadata = (("dapr-api-token", token),) if token else ()
        self._channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
        self.stub = api_service_v1.DaprStub(self._channel)  # type: ignore[no-untyped-call]

    async def call(self, what: str, reply: Awaitable[Reply], refusal: str | None = None) -> Reply:
        """Await a call of `stub` (made with `metadata=` and `timeout=CALL_DEADLINE`). `refusal`: words that mean it, too.

        Raises:
            Refused, TooLarge, SidecarUnavailable, Unreachable

        """
        try:
            return await reply
        except grpc.aio.AioRpcError as error:
            raise self._translate(what, error, refusal) from None
        except asyncio.CancelledError:
            # grpc.aio turns a channel that closes under a call into a cancellation of the call, not of the caller.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise Unreachable(f"{what}: the connection to the sidecar at {self.address} was closed") from None

    async def loaded(self) -> Loaded:
        """Raises `SidecarUnavailable`."""
        asked = self.stub.GetMetadata(api_v1.GetMetadataRequest(), metadata=self.metadata, timeout=1.0)
        said: Any = await self.call("ask for its components", asked)
        return Loaded(
            said.id, {one.name: (one.type, one.version or "v1") for one in said.registered_components}
        )

    async def close(self) -> None:
        await self._channel.close()

    def _translate(self, what: str, error: grpc.aio.AioRpcError, refusal: str | None) -> Exception:
        code, details = error.code(), error.details() or ""
        if code is grpc.StatusCode.ABORTED or (refusal is not None and refusal in details):
            return Refused(details)
        if too_large(details):
            return TooLarge(f"{what}: {details[:300]}")
        if code is grpc.StatusCode.UNAUTHENTICATED:
            return SidecarUnavailable(
                f"{what}: the sidecar refuses our token: set the same DAPR_API_TOKEN for both"
            )
        kind = Unreachable if code in _UNREACHABLE else SidecarUnavailable
        return kind(f"{what}: {code.name.lower()}: {details[:300]}{cure(details)}")
