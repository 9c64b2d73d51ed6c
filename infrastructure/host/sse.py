"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import Response
from fastapi.responses import StreamingResponse

from domain.errors import AgentError
from domain.json import JsonObject, dump, parse
from infrastructure.host.errors import bug, respond

log = logging.getLogger(__name__)

KEEP_ALIVE = 15.0
"""Seconds without an event after which a comment is sent, so that proxies keep the connection."""
_STILL_HERE = b": still here\n\n"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

Submit = Callable[[Callable[[str], None]], Awaitable[Response]]


def events_response(entries: AsyncIterator[JsonObject]) -> StreamingResponse:
    """Each entry as one `message` event."""

    async def body() -> AsyncIterator[bytes]:
        yield _STILL_HERE  # the head goes out with it: a watcher knows at once that it is watching
        upcoming = asyncio.ensure_future(anext(entries, None))
        try:
            while True:
                done, _ = await asyncio.wait({upcoming}, timeout=KEEP_ALIVE)
                if not done:
                    yield _STILL_HERE
                    continue
                entry = upcoming.result()
                if entry is None:
                    return
                yield _event("message", dump(entry))
                upcoming = asyncio.ensure_future(anext(entries, None))
        finally:
            upcoming.cancel()

    return StreamingResponse(body(), media_type="text/event-stream", headers=_HEADERS)


def task_response(submit: Submit) -> StreamingResponse:
    """`token` events with the model's text as it comes, then one `result` or `error` event with the usual body."""

    async def body() -> AsyncIterator[bytes]:
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        answer = asyncio.ensure_future(_answered(submit, pieces))
        while True:
            try:
                piece = await asyncio.wait_for(pieces.get(), KEEP_ALIVE)
            except TimeoutError:
                yield _STILL_HERE
                continue
            if piece is None:
                break
            yield _event("token", dump({"text": piece}))
        response = await answer
        yield _event("result" if response.status_code < 300 else "error", dump(parse(bytes(response.body))))

    return StreamingResponse(body(), media_type="text/event-stream", headers=_HEADERS)


async def _answered(submit: Submit, pieces: asyncio.Queue[str | None]) -> Response:
    """The response, whatever happens; `pieces` ends with None. It goes on when the client leaves: the work is accepted."""
    try:
        return await submit(pieces.put_nowait)
    except AgentError as error:
        return respond(error)
    except Exception as error:
        log.exception("a streamed task failed")
        return bug(error)
    finally:
        pieces.put_nowait(None)


def _event(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
