"""Logging: one JSON object a line for machines, coloured lines for people at a terminal.

Code logs by the standard library alone: `logging.getLogger(__name__).info("claimed", extra={"task": name})`. What is
bound by `domain.log_context`, and the ids of the current span, are on every line by themselves.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from pydantic_core import to_json

from domain.log_context import bound
from infrastructure.telemetry.current import current_span
from infrastructure.telemetry.failure import describe
from infrastructure.telemetry.redaction import redact, redact_text

MAX_LINE = 60_000
"""Bytes of a line. At 64 KiB the Dapr CLI stops reading an app's output, which freezes the app."""

_CUT = 4_000
"""Characters that each text keeps when a line is too long."""

_STANDARD = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName", "color_message"}


def configure_logging(agent: str, level: str, *, human: bool, stream: TextIO | None = None) -> None:
    """Send every logger's lines to `stream` (standard output), in one form. Start uvicorn with `log_config=None`.

    `agent` is on every line; `level` is a name such as `info`.

    Raises:
        ValueError: there is no such level.

    """
    names = logging.getLevelNamesMapping()
    if level.upper() not in names:
        raise ValueError(f"the log level {level!r} is unknown: use one of {', '.join(names).lower()}")
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(HumanForm(agent, colors=handler.stream.isatty()) if human else JsonForm(agent))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    logging.captureWarnings(capture=True)


class JsonForm(logging.Formatter):
    def __init__(self, agent: str) -> None:
        super().__init__()
        self._agent = agent

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record, self._agent)
        if record.exc_info and record.exc_info[1]:
            fields["exception"] = redact(describe(record.exc_info[1]))
        line = _dump(fields)
        return (line if len(line) <= MAX_LINE else _dump(_cut(fields, len(line)))).decode()


class HumanForm(logging.Formatter):
    def __init__(self, agent: str, *, colors: bool) -> None:
        # Only people at a terminal pay for loading it.
        import structlog.dev as structlog  # noqa: PLC0415

        super().__init__()
        self._agent = agent
        # The plain traceback shows no values of variables: prompts and keys may be among them.
        self._render = structlog.ConsoleRenderer(
            colors=colors,
            sort_keys=False,
            timestamp_key="time",
            exception_formatter=structlog.plain_traceback,
        )

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: _visible(value) for name, value in _fields(record, self._agent).items()}
        line = {"time": fields.pop("timestamp")[11:23], "event": fields.pop("message"), **fields}
        if record.exc_info and record.exc_info[1]:
            line["exc_info"] = record.exc_info
        return redact_text(str(self._render(None, record.levelname, line)))[:MAX_LINE]


def _fields(record: logging.LogRecord, agent: str) -> dict[str, Any]:
    """What a line says, secrets masked."""
    fields: dict[str, Any] = {
        "timestamp": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": redact_text(_message(record)[:MAX_LINE]),
        "agent": agent,
        **bound(),
    }
    span = current_span()
    if span and span.traceparent:
        _, fields["trace_id"], fields["span_id"], _ = span.traceparent.split("-")
    given = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
    return {**fields, **redact(given)} if given else fields


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  # a wrong format string, or an argument that cannot be shown: say what is there
        return f"{record.msg} {tuple(type(argument).__name__ for argument in record.args or ())}"


def _dump(fields: dict[str, Any]) -> bytes:
    try:
        return to_json(fields, inf_nan_mode="strings")
    except ValueError:  # a lone surrogate, which UTF-8 does not have
        return to_json({ascii(name)[1:-1]: ascii(value) for name, value in fields.items()})


def _cut(fields: dict[str, Any], length: int) -> dict[str, Any]:
    """The fields of a line that is too long, shortened: first fields count, each text has its limit."""
    short: dict[str, Any] = {"truncated_bytes": length}
    room = MAX_LINE - len(_dump(short))
    for name, value in fields.items():
        text = value if isinstance(value, str) else _dump({name: value}).decode()
        piece = {name[:_CUT]: value if len(text) <= _CUT else f"{text[:_CUT]}…"}
        room -= len(_dump(piece))
        if room > 0:
            short |= piece
    return short


def _visible(value: Any) -> Any:
    return value.translate(_VISIBLE) if isinstance(value, str) else value


_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), 127)}
"""Control characters, which would move a terminal's cursor, as text. Tab and line feed stay."""
