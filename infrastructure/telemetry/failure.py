"""An exception as data: one line of JSON where a traceback would take many."""

from __future__ import annotations

import traceback
from typing import Any

from domain.errors import AgentError

_FRAMES = 20
_CHAIN = 5
_MESSAGE = 2_000


def describe(error: BaseException) -> dict[str, Any]:
    """Type, message and the innermost frames of an exception and of what caused it. No values of variables."""
    chain: list[dict[str, Any]] = []
    current: BaseException | None = error
    while current is not None and len(chain) < _CHAIN:
        chain.append(_one(current))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    first, *causes = chain
    return {**first, "causes": causes} if causes else first


def _one(error: BaseException) -> dict[str, Any]:
    said: dict[str, Any] = {"type": type(error).__qualname__, "message": _message(error)}
    if isinstance(error, AgentError):
        said["code"] = error.code
        said["details"] = error.details
    if isinstance(error, BaseExceptionGroup):
        said["exceptions"] = [describe(member) for member in error.exceptions[:_CHAIN]]
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    said["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return said


def _message(error: BaseException) -> str:
    try:
        return str(error)[:_MESSAGE]
    except Exception:  # noqa: BLE001  # its __str__ fails
        return "(no message)"
