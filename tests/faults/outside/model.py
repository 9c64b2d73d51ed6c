"""A model server with manners that can be set: how long it takes, and what it does wrong to whom."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from domain import json
from infrastructure.memory.schema_answer import schema_answer
from tests.faults.outside.chains import MARKER, Seen

MODEL = "stand-in"
KEY = "sk-of-the-fault-suite"
VARYING = {"explanation", "body"}
"""Fields of the answers that hold the number of the call: two runs of one piece of work never look alike."""


@dataclass
class Model:
    """`delay` is drawn between two bounds (s). `faults` maps a run to the kinds of faults its chains meet, chain i the
    kind i mod n; an empty list ends them.
    """

    seen: Seen
    rng: random.Random
    delay: tuple[float, float] = (0.05, 0.3)
    faults: dict[str, list[str]] = field(default_factory=dict)
    last_fault: float = 0.0
    _calls: int = 0
    _answers: dict[str, list[bytes]] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/models", self._list), web.post("/v1/chat/completions", self._chat)]

    async def _list(self, _: web.Request) -> web.Response:
        return _json({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        at = time.monotonic()
        raw = await request.read()
        body = json.parse(raw)
        prompt = str(body["response_format"]["json_schema"]["name"])
        found = MARKER.search(raw)
        self._calls += 1
        answer = self._answer(prompt, body)
        if found is None:
            self.seen.unknown["model call"] += 1
            return _body(answer)
        run, number = found[1].decode(), int(found[2])
        before = self.seen.call(self.seen.runs[run][found[0].decode()], prompt, at)
        await asyncio.sleep(self.rng.uniform(*self.delay))
        kinds = self.faults.get(run)
        if kinds and (kind := kinds[number % len(kinds)]) and before < FEW.get(kind, before + 1):
            self.last_fault = time.monotonic()
            return await KINDS[kind](request, answer)
        return _body(answer)

    def _answer(self, prompt: str, body: dict[str, Any]) -> bytes:
        if prompt not in self._answers:
            content = schema_answer(body["response_format"]["json_schema"]["schema"])
            for name in VARYING & set(content):
                content[name] = f"{name} of call @CALL@"
            choice = {
                "index": 0,
                "message": {"role": "assistant", "content": json.dump(content).decode()},
                "finish_reason": "stop",
            }
            whole = {
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1_760_000_000, "model": MODEL,
                "choices": [choice], "usage": {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19},
            }  # fmt: skip
            self._answers[prompt] = json.dump(whole).split(b"@CALL@")
        return str(self._calls).encode().join(self._answers[prompt])


async def _500(_: web.Request, __: bytes) -> web.StreamResponse:
    return _json({"error": {"message": "internal", "code": "internal"}}, 500)


async def _400(_: web.Request, __: bytes) -> web.StreamResponse:
    return _json({"error": {"message": "cannot read this input", "code": "bad_input"}}, 400)


async def _429(_: web.Request, __: bytes) -> web.StreamResponse:
    return _json({"error": {"message": "slow down", "code": "rate_limited"}}, 429, {"Retry-After": "1"})


async def _hang(request: web.Request, _: bytes) -> web.StreamResponse:
    """Silence for a while, then the connection is gone."""
    await asyncio.sleep(4)
    return await _reset(request, b"")


async def _reset(request: web.Request, _: bytes) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _drip(request: web.Request, answer: bytes) -> web.StreamResponse:
    """All of the answer, in twenty pieces over two seconds."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(answer)
    await response.prepare(request)
    step = len(answer) // 20 + 1
    for start in range(0, len(answer), step):
        await response.write(answer[start : start + step])
        await asyncio.sleep(0.1)
    await response.write_eof()
    return response


async def _garbage(_: web.Request, __: bytes) -> web.StreamResponse:
    return _body(b"<html>\xff\xfe it is raining")


async def _truncated(request: web.Request, answer: bytes) -> web.StreamResponse:
    """Half of the answer, and then the connection ends."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(answer)
    await response.prepare(request)
    await response.write(answer[: len(answer) // 2])
    return await _reset(request, b"")


async def _wrong_answer(_: web.Request, __: bytes) -> web.StreamResponse:
    """A proper completion whose content does not fit the schema that was asked for."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": '{"weather": "rain"}'},
        "finish_reason": "stop",
    }
    return _json({"id": "chatcmpl-1", "object": "chat.completion", "model": MODEL, "choices": [choice]})


FAULTS = {
    "500": _500, "429": _429, "hang": _hang, "reset": _reset, "drip": _drip, "garbage": _garbage,
    "truncated": _truncated, "wrong-answer": _wrong_answer,
}  # fmt: skip
KINDS = {**FAULTS, "400": _400}
"""A 400 is of one input: as a fault of the server it would never end."""
FEW = {"wrong-answer": 2, "hang": 1}
"""Kinds that a chain meets so often per prompt and no more: wrong answers are not the server's but the work's failure."""


def _json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=json.dump(body), status=status, content_type="application/json", headers=headers)


def _body(content: bytes) -> web.Response:
    return web.Response(body=content, content_type="application/json")
