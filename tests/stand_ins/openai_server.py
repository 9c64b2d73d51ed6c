"""A strict stand-in for a server of chat completions, at protocol level.

It answers every schema with the smallest instance, refuses fields that it does not know, and plays on demand what a
real server does on a bad day. `azure_openai.py` is the same server behind Azure's rules.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from aiohttp import web

from domain import json
from infrastructure.memory.schema_answer import schema_answer

MODEL = "tiny-test-model"
KEY = "sk-secret-0123456789"
PROSE = "Tests pass when the code is right, and the moon is full."

_EMBEDDING_FIELDS = {"model", "input", "encoding_format", "dimensions", "user"}
_FIELDS = {
    "model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "response_format",
    "stream", "stream_options",
}  # fmt: skip

Play: TypeAlias = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


@dataclass
class Received:
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class OpenAIServer:
    """`url` is what OPENAI_BASE_URL takes. `next` holds plays for the coming calls, one each; then it answers as `usual`."""

    url: str = ""
    next: list[Play] = field(default_factory=list)
    usual: Play = field(default_factory=lambda: answer())  # noqa: PLW0108  # it is made below
    requests: list[Received] = field(default_factory=list)
    next_embedding: list[Play] = field(default_factory=list)
    embedded: list[Received] = field(default_factory=list)
    models: list[str] = field(default_factory=lambda: [MODEL])

    @property
    def last(self) -> Received:
        return self.requests[-1]

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/models", self._list),
            web.post("/v1/chat/completions", self._chat),
            web.post("/v1/embeddings", self._embed),
        ]

    def refuse(self, request: web.Request, body: dict[str, Any]) -> web.Response | None:
        """The error for a request that the rules forbid; rules in the order in which the real server applies them."""
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return error(
                401, f"Incorrect API key provided: {request.headers.get('Authorization')}", "invalid_api_key"
            )
        if unknown := set(body) - _FIELDS:
            return error(400, f"Unrecognized request argument supplied: {min(unknown)}")
        if body.get("model") not in self.models:
            return error(404, f"The model `{body.get('model')}` does not exist", "model_not_found")
        return refuse_messages(body)

    def refuse_texts(self, request: web.Request, body: dict[str, Any]) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return error(401, "Incorrect API key provided", "invalid_api_key")
        if body.get("model") not in self.models:
            return error(404, f"The model `{body.get('model')}` does not exist", "model_not_found")
        return refuse_input(body)

    async def _list(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return error(401, "Incorrect API key provided", "invalid_api_key")
        return reply({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = json.parse(await request.read())
        self.requests.append(Received(request.path, dict(request.query), dict(request.headers), body))
        if refusal := self.refuse(request, body):
            return refusal
        play = self.next.pop(0) if self.next else self.usual
        return await play(request, body)

    async def _embed(self, request: web.Request) -> web.StreamResponse:
        body = json.parse(await request.read())
        self.embedded.append(Received(request.path, dict(request.query), dict(request.headers), body))
        if refusal := self.refuse_texts(request, body):
            return refusal
        if self.next_embedding:
            return await self.next_embedding.pop(0)(request, body)
        data = [
            {"object": "embedding", "index": index, "embedding": bag_of_words(text)}
            for index, text in enumerate(body["input"])
        ]
        usage = {"prompt_tokens": 5 * len(data), "total_tokens": 5 * len(data)}
        # The last first: nothing says in which order they come.
        return reply({"object": "list", "data": data[::-1], "model": body.get("model", ""), "usage": usage})


def bag_of_words(text: str) -> list[float]:
    """A vector that knows words and neither their order nor their case: nearness that a test can reckon."""
    vector = [0.0] * 256
    for word in re.findall(r"\w+", text.lower()):
        vector[zlib.crc32(word.encode()) % len(vector)] += 1.0
    return vector


def refuse_input(body: dict[str, Any]) -> web.Response | None:
    if unknown := set(body) - _EMBEDDING_FIELDS:
        return error(400, f"Unrecognized request argument supplied: {min(unknown)}")
    texts = body.get("input")
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) and one for one in texts):
        return error(400, "'$.input' is invalid", param="input")
    if body.get("encoding_format") != "float":
        return error(400, "vectors as base64 are not what we read", param="encoding_format")
    return None


def refuse_messages(body: dict[str, Any]) -> web.Response | None:
    if not body.get("messages"):
        return error(400, "[] is too short - 'messages'", param="messages")
    if not (body.get("max_tokens") or body.get("max_completion_tokens")):
        return error(400, "every request of ours is bounded, and this one is not", param="max_tokens")
    if "stream_options" in body and not body.get("stream"):
        return error(
            400,
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            param="stream_options",
        )
    return None


@asynccontextmanager
async def serving(server: OpenAIServer) -> AsyncIterator[OpenAIServer]:
    """Serve on a free port of the loopback."""
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.add_routes(server.routes())
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    server.url = f"http://127.0.0.1:{port}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


# What a call can meet.


def answer(text: str | None = None, *, finish_reason: str = "stop", refusal: str | None = None) -> Play:
    """A proper answer: the text, else what fits the request's schema, cut off at the request's limit of tokens."""

    async def play(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        whole = "" if refusal else _content(body) if text is None else text
        content = whole[: 4 * (body.get("max_tokens") or body["max_completion_tokens"])]
        reason = finish_reason if content == whole else "length"
        if body.get("stream"):
            return await _stream(request, body, content, reason, refusal)
        message = {"role": "assistant", "content": None if refusal else content, "refusal": refusal}
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        return reply({**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _USAGE})

    return play


def status(code: int, body: Any = None, **headers: str) -> Play:
    """An HTTP error with this JSON body; header names with `_` for `-`."""

    async def play(request: web.Request, _: dict[str, Any]) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        shown = body if body is not None else {"error": {"message": "no", "code": str(code)}}
        return reply(shown, code, named)

    return play


def slow(seconds: float) -> Play:
    async def play(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await answer()(request, body)

    return play


def raw(content: bytes, content_type: str = "application/json") -> Play:
    """Status 200 with any bytes."""

    async def play(request: web.Request, _: dict[str, Any]) -> web.Response:
        return web.Response(body=content, content_type=content_type)

    return play


def broken_off(content: bytes = b'{"choices": [', content_type: str = "application/json") -> Play:
    """Status 200, the beginning of an answer, and then the connection ends."""

    async def play(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": content_type, "Content-Length": "100000"})
        await response.prepare(request)
        await response.write(content)
        assert request.transport is not None
        request.transport.close()
        return response

    return play


def stream_of(*events: str, done: bool = False) -> Play:
    """A stream of these events, properly ended as HTTP, with or without its [DONE]."""

    async def play(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in (*events, *(["[DONE]"] if done else [])):
            await response.write(f"data: {event}\n\n".encode())
        await response.write_eof()
        return response

    return play


def chunk(content: str | None = None, **choice: Any) -> str:
    """One event of a stream."""
    delta = {
        "index": 0,
        "delta": {"content": content} if content is not None else {},
        "finish_reason": None,
        **choice,
    }
    return json.dump({**_HEAD, "object": "chat.completion.chunk", "choices": [delta]}).decode()


def error(code: int, message: str, kind: str | None = None, param: str | None = None) -> web.Response:
    body = {"message": message, "type": "invalid_request_error", "param": param, "code": kind}
    return reply({"error": body}, code)


def reply(body: Any, code: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=json.dump(body), status=code, content_type="application/json", headers=headers)


_HEAD = {"id": "chatcmpl-1", "created": 1_760_000_000, "model": "tiny-test-model-2026-01-01"}
_USAGE = {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}


def _content(body: dict[str, Any]) -> str:
    if "response_format" not in body:
        return PROSE
    return json.dump(schema_answer(body["response_format"]["json_schema"]["schema"])).decode()


async def _stream(
    request: web.Request, body: dict[str, Any], content: str, finish_reason: str, refusal: str | None
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    await response.prepare(request)
    # As Azure begins: an event without choices.
    events = [
        json.dump({**_HEAD, "model": "", "object": "", "choices": [], "prompt_filter_results": []}).decode()
    ]
    events += [chunk(content[start : start + 6]) for start in range(0, len(content), 6)]
    if refusal:
        events.append(chunk(delta={"refusal": refusal}))
    events.append(chunk(finish_reason=finish_reason))
    if body.get("stream_options", {}).get("include_usage"):
        events.append(
            json.dump({**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE}).decode()
        )
    wire = "".join(f"data: {event}\r\n\r\n" for event in (*events, "[DONE]")).encode()
    for start in range(0, len(wire), 100):  # events arrive cut anywhere
        await response.write(wire[start : start + 100])
    await response.write_eof()
    return response
