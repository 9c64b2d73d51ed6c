"""Following an issuer's keys: rotation, outages, and how often it is asked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

from domain.errors import Unavailable
from infrastructure.identity import issuer as module
from infrastructure.identity.caller import Refused
from infrastructure.identity.issuer import Issuer
from tests.support.issuer import LocalIssuer


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COOLDOWN", 0.05)


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  # the issuer is in another thread
        await asyncio.sleep(0.01)


async def test_keys_are_asked_for_at_the_first_need_and_then_known(issuer: LocalIssuer) -> None:
    ours = Issuer(issuer.url)
    assert await ours.check() == f"no keys of {issuer.url}: its keys were not asked for yet"
    for kid in ("rsa", "ec", "ed") * 3:
        await ours.key(kid)
    assert issuer.questions == 1
    assert await ours.check() is None


async def test_many_who_come_at_once_share_one_question(issuer: LocalIssuer) -> None:
    issuer.slow = 0.05
    ours = Issuer(issuer.url)
    await asyncio.gather(*(ours.key("rsa") for _ in range(50)))
    assert issuer.questions == 1


@pytest.mark.usefixtures("impatient")
async def test_a_new_key_is_found_by_the_first_who_shows_it(issuer: LocalIssuer) -> None:
    ours = Issuer(issuer.url)
    await ours.key("rsa")
    generation = ours.generation
    issuer.rotate("next")
    await asyncio.sleep(0.06)
    await ours.key("next")
    assert ours.generation == generation + 1
    with pytest.raises(Refused):
        await ours.key("rsa")


async def test_unknown_kids_make_one_question_in_ten_seconds(issuer: LocalIssuer) -> None:
    ours = Issuer(issuer.url)
    for number in range(200):
        with pytest.raises(Refused, match="does not publish"):
            await ours.key(f"k{number}")
    assert issuer.questions == 1


@pytest.mark.usefixtures("impatient")
async def test_while_the_issuer_is_down_known_keys_work_and_unknown_ones_wait(issuer: LocalIssuer) -> None:
    ours = Issuer(issuer.url)
    await ours.key("rsa")
    issuer.down = True
    await asyncio.sleep(0.06)
    with pytest.raises(Unavailable) as unavailable:
        await ours.key("next")
    assert unavailable.value.retry_after == 0.05
    await ours.key("rsa")
    assert await ours.check() is None
    issuer.down = False
    issuer.rotate("next")
    await asyncio.sleep(0.06)
    await ours.key("next")


@pytest.mark.usefixtures("impatient")
async def test_keys_are_followed_in_the_background(
    issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY", 0.06)
    issuer.down = True
    ours = Issuer(issuer.url)
    following = asyncio.create_task(ours.follow())
    async with asyncio.timeout(60):
        await until(lambda: bool(issuer.asked))
        assert await ours.check() is not None
        issuer.down = False
        await until(lambda: "rsa" in ours._keys)
        assert await ours.check() is None
        issuer.rotate("next")
        await until(lambda: "next" in ours._keys)
    following.cancel()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"issuer": "https://login.example/{tenantid}/v2.0"}, "names another issuer.*set AGENTS_OIDC_ISSUER to it"),
    "no issuer": ({"issuer": None}, "names another issuer"),
    "keys on plain http elsewhere": ({"jwks_uri": "http://evil.example/keys"}, "no https:// address"),
    "keys in a file": ({"jwks_uri": "file:///etc/passwd"}, "no https:// address"),
    "keys behind a password": ({"jwks_uri": "https://me:secret@evil.example/"}, "no https:// address"),
    "no keys": ({"jwks_uri": None}, "no https:// address"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
async def test_a_discovery_that_cannot_be_believed_is_told_by_readyz(issuer: LocalIssuer, name: str) -> None:
    issuer.discovery, says = WRONG[name]
    ours = Issuer(issuer.url)
    with pytest.raises(Unavailable):
        await ours.key("rsa")
    problem = await ours.check()
    assert problem is not None
    assert re.search(says, problem)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"<html>", "answers no JSON"),
        (b"[]", "answers no JSON object"),
        (b'{"keys": "none"}', "holds no key that can be used"),
        (b'{"keys": []}', "holds no key that can be used"),
        (b'"' + b"x" * 600_000 + b'"', "answers more than 524288 bytes"),
        (b"[" * 100_000, "answers no JSON"),
        ("http://127.0.0.1:1/elsewhere", "answers 302"),
        (None, "answers 503"),
    ],
)
async def test_keys_that_cannot_be_read_are_told_by_readyz(
    issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch, answer: Any, says: str
) -> None:
    told = issuer.answer
    monkeypatch.setattr(issuer, "answer", lambda path: answer if path == "/keys" else told(path))
    ours = Issuer(issuer.url)
    with pytest.raises(Unavailable):
        await ours.key("rsa")
    assert says in str(await ours.check())


async def test_an_issuer_that_is_not_there_is_told_by_readyz(issuer: LocalIssuer) -> None:
    ours = Issuer("http://127.0.0.1:1")
    with pytest.raises(Unavailable):
        await ours.key("rsa")
    assert "http://127.0.0.1:1/.well-known/openid-configuration does not answer" in str(await ours.check())


async def test_an_issuer_that_is_silent_is_given_up(
    issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    issuer.slow = 0.3
    ours = Issuer(issuer.url)
    with pytest.raises(Unavailable):
        await ours.key("rsa")
    assert "does not answer" in str(await ours.check())
