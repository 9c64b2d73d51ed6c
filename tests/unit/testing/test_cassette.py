from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.implementation import AGENT
from domain.chat import ChatRequest, Message
from domain.errors import ModelUnavailable, Rejected
from domain.events.implementation import CodeGenerated
from domain.events.testplanning import SpecGenerated
from infrastructure.memory.model import ScriptedModel
from infrastructure.testing import Cassette, platform, smallest
from infrastructure.testing.cassette import scrub

SPEC = smallest(SpecGenerated)
SECRETS = [
    "Bearer abcdef0123456789",
    "sk-proj-0123456789abcdef",
    "ghp_0123456789abcdef0123",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "api_key=very-secret-value",
    '"api-key": "very-secret-value"',
    "X-API-Key: 0123-very-secret",
    "password: hunter2hunter2",
    "redis://user:hunter2@cache/0",
    "maria.muster+tag@sub.example.co.uk",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE0123\n-----END RSA PRIVATE KEY-----",
]


def asked(text: str, name: str = "say", **more: Any) -> ChatRequest:
    return ChatRequest(messages=(Message("user", text),), max_tokens=100, output_name=name, **more)


def recording(path: Path, *answers: Any) -> Cassette:
    return Cassette(path, record=True, real=lambda: ScriptedModel(list(answers)))


async def test_what_was_recorded_is_replayed_with_its_model_and_tokens(tmp_path: Path) -> None:
    path = tmp_path / "a/b.yaml"
    first = await recording(path, "Hello.").complete(asked("Say hello."))
    pieces: list[str] = []
    again = await Cassette(path).complete(asked("Say hello.", timeout=1.0), pieces.append)
    assert again == first
    assert again.text == "".join(pieces) == "Hello."
    assert again.usage.input_tokens == 3


async def test_what_is_recorded_already_is_not_asked_again(tmp_path: Path) -> None:
    cassette = recording(tmp_path / "c.yaml", "Once.")
    assert await cassette.complete(asked("x")) == await cassette.complete(asked("x"))


async def test_an_unknown_request_is_refused_with_the_nearest_one_and_how_to_record(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    cassette = recording(path, "1", "2")
    await cassette.complete(asked("Rules.\nSay hello to Max.", temperature=0.2))
    await cassette.complete(asked("Entirely other words about the weather.", "weather"))
    with pytest.raises(Rejected) as caught:
        await Cassette(path).complete(asked("Rules.\nSay hello to Maria.", temperature=0.2))
    assert "-Say hello to Max.\n+Say hello to Maria." in caught.value.message
    assert "weather" not in caught.value.message
    assert "AGENTS_RECORD=1" in caught.value.message
    with pytest.raises(Rejected, match="it is empty or absent"):
        await Cassette(tmp_path / "none.yaml").complete(asked("x"))


@pytest.mark.parametrize(
    "parameter", [{"temperature": 0.5}, {"seed": 1}, {"output_schema": {"type": "object"}}]
)
async def test_another_parameter_is_another_request(tmp_path: Path, parameter: dict[str, Any]) -> None:
    await recording(tmp_path / "c.yaml", "1").complete(asked("x"))
    with pytest.raises(Rejected):
        await Cassette(tmp_path / "c.yaml").complete(asked("x", **parameter))


@pytest.mark.parametrize("secret", SECRETS)
async def test_no_secret_is_ever_written_neither_asked_nor_answered(tmp_path: Path, secret: str) -> None:
    path = tmp_path / "c.yaml"
    text = f"Here it is:\n{secret}\nand so on."
    await recording(path, text).complete(asked(text))
    written = path.read_text()
    for part in secret.replace('"', " ").split():
        if any(word in part for word in ("secret", "0123", "hunter2", "EXAMPLE", "eyJ", "maria", "abcdef")):
            assert part not in written
    assert "and so on." in written
    assert (await Cassette(path).complete(asked(text))).text == scrub(text)


def test_ordinary_text_stays_as_it_is() -> None:
    text = "Task-based tokens: 5 of 7, risk-averse; see https://example.com/a?b=1 and the key point."
    assert scrub(text) == text


async def test_errors_of_the_real_model_are_raised_and_not_recorded(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with pytest.raises(ModelUnavailable):
        await recording(path, ModelUnavailable("down")).complete(asked("x"))
    assert not path.exists()


async def test_a_handler_that_asks_what_was_never_recorded_fails_at_once_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    async with platform(AGENT, model=Cassette(path, record=True, real=ScriptedModel)) as p:
        (await p.publish(SPEC)).one(CodeGenerated)
    async with platform(AGENT, model=Cassette(path)) as p:
        (await p.publish(SPEC)).one(CodeGenerated)
        other = await p.publish(SPEC.model_copy(update={"feature_title": "Something else"}))
    with pytest.raises(AssertionError, match=r"(?s)holds no answer .*\+.*Something else.*AGENTS_RECORD=1"):
        other.completed()
