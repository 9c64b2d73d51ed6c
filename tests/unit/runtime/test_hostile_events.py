"""Messages made to harm: each is answered, becomes one dead letter, and costs little."""

from __future__ import annotations

import base64
import time

import pytest

from infrastructure.testing.platform import MemoryPlatform
from tests.unit.runtime.sample import Sample, said

HEAD = b'{"specversion":"1.0","id":"1","source":"/x","type":"agents.sample.word.said",'


@pytest.mark.parametrize(
    "message",
    [
        HEAD + b'"data_base64":5}',
        HEAD + b'"data_base64":["eA=="]}',
        HEAD + b'"data_base64":null,"id":""}',
        HEAD + b'"data_base64":"\\u00fc"}',
        HEAD + b'"data_base64":"no base64"}',
        HEAD + b'"data_base64":"' + base64.b64encode(b'{"word":1e400}') + b'"}',
        HEAD + b'"data":{"word":"hi","slow":1e400}}',
        HEAD + b'"data":{"word":' + b"9" * 5000 + b"}}",
        HEAD + b'"data":[' + b"{}," * 1_000_000 + b"{}]}",
    ],
    ids=lambda message: repr(message[len(HEAD) : len(HEAD) + 30]),
)
async def test_a_message_that_cannot_be_used_becomes_one_dead_letter(message: bytes) -> None:
    sample = Sample()
    async with MemoryPlatform([sample.agent]) as platform:
        begin = time.process_time()
        platform.broker.send("agents.sample.word.said", message)
        platform.publish(said("after", event_id="2"))
        await platform.quiet(0.05)
        causes = [e.data["cause"] for e in platform.events if e.type == "agents.sample.dead-letter"]
        assert causes == ["unreadable"]
        assert platform.events[-1].type in {"agents.sample.word.shouted", "agents.sample.dead-letter"}
        assert len(sample.runs) == 1
        assert time.process_time() - begin < 4
