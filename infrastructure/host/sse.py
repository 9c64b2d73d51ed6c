"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import Response
from fastapi.responses import StreamingResponse

from domain.errors import AgentError
from domain.json import JsonObject, dump, parse
from infrastructure.host.errors import respond

KEEP_ALIVE = 15.0
"""Seconds without an event after which a comment is sent, so that proxies keep the connection."""
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

Submit = Callable[[Callable[[str], None]], Awaitable[Response]]


def events_response(entries: AsyncIterator[JsonObject]) -> StreamingResponse:
    """Each entry as one `message` event."""

    async def body() -> AsyncIterator[bytes]:
        upcoming = asyncio.ensure_future(anext(entries))
        try:
            while True:
                done, _ = await asyncio.wait({upcoming}, timeout=KEEP_ALIVE)
                if not done:
                    yield b": still here\n\n"
                    continue
                yield _event("message", dump(upcoming.result()))
                upcoming = asyncio.ensure_future(anext(entries))
        finally:
            upcoming.cancel()

    return StreamingResponse(body(), media_type="text/event-stream", headers=_HEADERS)


def task_response(submit: Submit) -> StreamingResponse:
    """`token` events with the model's text as it comes, then one `result` or `error` event with the usual body."""

    async def body() -> AsyncIterator[bytes]:
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        answer = asyncio.ensure_future(submit(pieces.put_nowait))
        answer.add_done_callback(lambda _: pieces.put_nowait(None))
        while (piece := await pieces.get()) is not None:
            yield _event("token", dump({"text": piece}))
        try:
            response = answer.result()
        except AgentError as error:
            response = respond(error)
        yield _event("result" if response.status_code < 300 else "error", dump(parse(bytes(response.body))))

    return StreamingResponse(body(), media_type="text/event-stream", headers=_HEADERS)


def _event(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
