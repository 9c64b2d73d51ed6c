"""Lengths of time as people write them: `250ms`, `20s`, `5m`, `1h`, `7d`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


def _seconds(value: Any) -> Any:
    found = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if found is None or not 0 < float(found[1]) * _SECONDS[found[2]] <= 366 * 86_400:
        raise ValueError(
            "is no length of time — write a number with its unit, such as 250ms, 20s, 5m, 1h or 7d"
        )
    return float(found[1]) * _SECONDS[found[2]]


Seconds = Annotated[float, BeforeValidator(_seconds)]
