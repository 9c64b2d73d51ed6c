"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict

from fastapi import Response
from fastapi.responses import StreamingResponse

from agents.runtime.watch import Watch
from domain.chat import ChatReply
from domain.errors import AgentError
from domain.json import JsonObject, dump, parse
from domain.prompt import Prompt
from infrastructure.host.errors import bug, respond

log = logging.getLogger(__name__)

KEEP_ALIVE = 15.0
"""Seconds without an event after which a comment is sent, so that proxies keep the connection."""
_STILL_HERE = b": still here\n\n"
_HEADERS = {"X-Accel-Buffering": "no"}

Submit = Callable[[Watch], Awaitable[Response]]


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
    """What the model is asked and says as it comes, then one `result` or `error` event with the usual body."""

    async def body() -> AsyncIterator[bytes]:
        watch = _Watch()
        answer = asyncio.ensure_future(_answered(submit, watch))
        while True:
            try:
                event = await asyncio.wait_for(watch.events.get(), KEEP_ALIVE)
            except TimeoutError:
                yield _STILL_HERE
                continue
            if event is None:
                break
            yield event
        response = await answer
        yield _event("result" if response.status_code < 300 else "error", dump(parse(bytes(response.body))))

    return StreamingResponse(body(), media_type="text/event-stream", headers=_HEADERS)


class _Watch:
    """`agents.runtime.watch.Watch` as server-sent events: `call`, `token`s, `usage`; None ends them."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[bytes | None] = asyncio.Queue()

    def asked(self, prompt: Prompt) -> None:
        self._put("call", {"prompt": prompt.name, "version": prompt.version})

    def text(self, piece: str) -> None:
        self._put("token", {"text": piece})

    def answered(self, reply: ChatReply) -> None:
        self._put("usage", {"model": reply.model, **asdict(reply.usage)})

    def _put(self, name: str, data: JsonObject) -> None:
        self.events.put_nowait(_event(name, dump(data)))


async def _answered(submit: Submit, watch: _Watch) -> Response:
    """The response, whatever happens; it ends the events. It goes on when the client leaves: the work is accepted."""
    try:
        return await submit(watch)
    except AgentError as error:
        return respond(error)
    except Exception as error:
        log.exception("a streamed task failed")
        return bug(error)
    finally:
        watch.events.put_nowait(None)


def _event(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
