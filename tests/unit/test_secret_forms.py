"""One list of credentials by their form, and everything that must not show them."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest

from domain.chat import ChatRequest, Message
from domain.secret_forms import SECRET_FORMS, secrets_in
from infrastructure.guardrails.guarded import GuardedModel
from infrastructure.guardrails.rules import Guardrails, Guards, Plain
from infrastructure.memory.model import ScriptedModel
from infrastructure.memory.telemetry import MemoryTelemetry
from infrastructure.telemetry.logs import JsonForm
from infrastructure.testing import Cassette

# Put together here, so that no scanner of secrets takes this file for a leak.
PEM = "MIIEpAIBAAKCAQEA7bq" * 8
PLANTED = {
    "AWS access key id": ["AKIA" + "Z7QK3M5N2P4R6T8V", "ASIA" + "Z7QK3M5N2P4R6T8V"],
    "GitHub token": ["ghp_" + "a1B2" * 9, "ghs_" + "a1B2" * 9, "github_pat_" + "a1B2" * 8],
    "GitLab token": ["glpat-" + "a1B2c3D4e5F6g7H8i9J0"],
    "Slack token": ["xoxb-" + "123456789012-abcdefGHIJ"],
    "Google API key": ["AIza" + "Sy0123456789abcdefghijklmnopqrstuvw"],
    "Stripe key": ["sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"],
    "OpenAI or Anthropic key": ["sk-proj-" + "a1B2c3D4" * 4, "sk-ant-" + "a1B2c3D4" * 4],
    "registry token": ["npm_" + "a1B2" * 9, "pypi-" + "AgEIcHlwaS5vcmc" * 4],
    "API key of an agent": ["agk_" + "881471ce7e9e_" + "0YabbaDDexI8tFg7aATYiQZozI7-1XpsriSgzqstvgs"],
    "private key": [f"-----BEGIN RSA PRIVATE KEY-----\n{PEM}\n-----END RSA PRIVATE KEY-----"],
    "JSON Web Token": ["eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"],
    "Azure storage or bus key": ["AccountKey=" + "a1B2c3D4" * 10 + "abcdef==", "SharedAccessKey=" + "a1B2c3D" * 6 + "a="],
    "Azure SAS": ["https://x.blob.core.windows.net/c?sv=1&sig=" + "a1B2c3D4" * 6],
    "user:password@host": ["amqp://worker:" + "hT7kQ9zLw2Xr" + "@broker:5672"],
}  # fmt: skip
"""Of each form what an issuer might have written."""
ALL = [secret for secrets in PLANTED.values() for secret in secrets]


def hidden_part(secret: str) -> str:
    """What must stand nowhere: of a value with a name or an address around it the value alone."""
    for around in ("AccountKey=", "SharedAccessKey=", "&sig=", "worker:"):
        secret = secret.partition(around)[2] or secret
    return PEM if PEM in secret else secret.partition("@")[0].rstrip("=")


async def in_a_log(secret: str, folder: Path) -> str:
    del folder
    record = logging.makeLogRecord(
        {"msg": "it said: %s", "args": (f"use {secret} here",), "note": f"or {secret} there"}
    )
    stream = io.StringIO(JsonForm("devops").format(record))
    return stream.read()


async def in_a_cassette(secret: str, folder: Path) -> str:
    text = f"use {secret} here"
    path = folder / "c.yaml"
    cassette = Cassette(path, record=True, real=lambda: ScriptedModel([f"never use {secret} again"]))
    await cassette.complete(ChatRequest((Message("user", text),), 100))
    return path.read_text()


async def in_a_guarded_answer(secret: str, folder: Path) -> str:
    del folder
    guards = Guardrails(Guards(secrets=Plain("redact")), {})
    model = GuardedModel(ScriptedModel([f"use {secret} here"]), guards, MemoryTelemetry())
    return (await model.complete(ChatRequest((Message("user", "Which one?"),), 1000))).text


def test_of_every_form_something_is_planted_that_has_it() -> None:
    assert PLANTED.keys() == {form.name for form in SECRET_FORMS}
    for form in SECRET_FORMS:
        for begun in (False, True):
            assert all(list(secrets_in(secret, begun=begun)) for secret in PLANTED[form.name]), form.name


@pytest.mark.parametrize("output", [in_a_log, in_a_cassette, in_a_guarded_answer])
@pytest.mark.parametrize("secret", ALL)
async def test_no_output_shows_it(output: object, secret: str, tmp_path: Path) -> None:
    assert callable(output)
    shown = await output(secret, tmp_path)
    assert hidden_part(secret)[:20] not in shown
    assert "use" in shown


async def test_a_cassette_hides_a_key_that_was_cut_short_and_a_key_with_a_head_too(tmp_path: Path) -> None:
    encrypted = (
        f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{PEM}\n-----END RSA PRIVATE KEY-----"
    )
    for number, secret in enumerate(["ghp_" + "a1B2" * 5, "sk-" + "a1B2c3D4e5", encrypted]):
        folder = tmp_path / str(number)
        assert hidden_part(secret)[:12] not in await in_a_cassette(secret, folder)


@pytest.mark.parametrize(
    "text",
    [
        "a task-based and risk-averse plan",
        "disk-image of host-01",
        "://example.com/a?b=1",
        "the basic key: none",
        "sk-learn",
    ],
)
async def test_ordinary_text_stays(text: str, tmp_path: Path) -> None:
    for output in (in_a_log, in_a_cassette, in_a_guarded_answer):
        assert text in await output(text, tmp_path)


@pytest.mark.timeout(60)  # a quadratic pattern takes minutes
@pytest.mark.parametrize("begun", [False, True])
def test_no_text_takes_long(begun: bool) -> None:
    for piece in (
        "-----BEGIN PRIVATE KEY-----",
        "sk-",
        "://a:",
        "eyJ",
        "eyJ-",
        "eyJaaaaaaaaaaa.",
        "AccountKey=",
        "xoxb-a",
    ):
        list(secrets_in(piece * (400_000 // len(piece)), begun=begun))
