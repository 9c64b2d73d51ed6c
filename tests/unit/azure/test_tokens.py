from __future__ import annotations

import base64
import hashlib
import hmac
import time
from urllib.parse import quote_plus

import pytest

from cli.local.azure.servicebus.tokens import KEY, KEY_NAME, checked

TOPIC = "amqp://127.0.0.1:3900/agents.tests.happened"


def signed(resource: str, *, key: str = KEY, name: str = KEY_NAME, lives: float = 60) -> str:
    """As Microsoft's clients write it."""
    expiry = int(time.time() + lives)
    text = f"{quote_plus(resource)}\n{expiry}".encode()
    signature = base64.b64encode(hmac.digest(key.encode(), text, hashlib.sha256)).decode()
    return (
        f"SharedAccessSignature sr={quote_plus(resource)}&sig={quote_plus(signature)}&se={expiry}&skn={name}"
    )


def test_a_signature_by_the_key_opens_the_entity_it_names() -> None:
    claim = checked(signed(TOPIC), TOPIC)
    assert claim is not None
    assert claim.entity == "agents.tests.happened"


def test_the_topic_s_signature_opens_its_subscriptions_and_the_namespace_s_all() -> None:
    assert checked(signed(TOPIC), f"{TOPIC}/Subscriptions/app")
    assert checked(signed("amqp://127.0.0.1:3900/"), TOPIC)


@pytest.mark.parametrize(
    "token",
    [
        signed(TOPIC, key="another"),
        signed(TOPIC, name="another"),
        signed(TOPIC, lives=-1),
        signed("amqp://127.0.0.1:3900/agents.tests"),
        signed(f"{TOPIC}/Subscriptions/app"),
        "SharedAccessSignature sr=x",
        "",
    ],
    ids=["key", "name", "expired", "beginning of the name", "narrower", "cut off", "empty"],
)
def test_anything_else_opens_nothing(token: str) -> None:
    assert checked(token, TOPIC) is None
