from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from domain.trace_context import parse_traceparent

VALID = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("text", "sampled"), [(VALID, True), (VALID[:-1] + "0", False), (VALID[:-2] + "03", True)]
)
def test_a_traceparent_is_read(text: str, sampled: bool) -> None:
    context = parse_traceparent(text)
    assert context == (0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, sampled)


def test_a_context_is_written_as_it_was_read() -> None:
    context = parse_traceparent(VALID)
    assert context is not None
    assert context.traceparent == VALID


def test_a_later_version_may_say_more() -> None:
    assert parse_traceparent("cc" + VALID[2:] + "-what-comes-later") == parse_traceparent(VALID)
    assert parse_traceparent(VALID + "-what-comes-later") is None


@given(
    st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-x)?", fullmatch=True)
    | st.text(max_size=80)
)
def test_it_agrees_with_opentelemetry(text: str) -> None:
    theirs = get_current_span(
        TraceContextTextMapPropagator().extract({"traceparent": text.strip()})
    ).get_span_context()
    ours = parse_traceparent(text.strip())
    assert (ours is not None) == theirs.is_valid
    if ours:
        assert ours == (theirs.trace_id, theirs.span_id, theirs.trace_flags.sampled)
