"""The `traceparent` of W3C Trace Context (https://www.w3.org/TR/trace-context/): which span caused this."""

from __future__ import annotations

import re
from typing import NamedTuple

_FORM = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})(?P<span_id>[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<later>-.*)?"
)


class TraceContext(NamedTuple):
    trace_id: int
    span_id: int
    sampled: bool

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{self.sampled:02x}"


def parse_traceparent(text: str) -> TraceContext | None:
    """None when the text is not a valid traceparent: it is then as if there were none. Later versions are read as 00."""
    form = _FORM.fullmatch(text)
    if form is None or (form["later"] and form["version"] == "00"):
        return None
    return TraceContext(int(form["trace_id"], 16), int(form["span_id"], 16), bool(int(form["flags"], 16) & 1))
