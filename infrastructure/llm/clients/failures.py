"""HTTP errors and broken connections of a model's server, as errors that say what to do."""

from __future__ import annotations

import math
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from domain import json
from domain.errors import (
    AgentError,
    ModelMisconfigured,
    ModelRateLimited,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
    Unavailable,
)
from infrastructure.llm.clients.credentials import ApiKey
from infrastructure.llm.clients.endpoint import Endpoint

_FILTERED = {"content_filter", "ResponsibleAIPolicyViolation", "content_policy_violation"}
_TOO_LONG = {"context_length_exceeded", "string_above_max_length"}
_UNKNOWN_MODEL = {"DeploymentNotFound", "model_not_found"}
Kind = TypeVar("Kind", bound=Unavailable)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a server's error body says; every server has its own idea of which parts are there."""

    message: str
    code: str = ""
    inner_code: str = ""
    param: str = ""


def failure(endpoint: Endpoint, status: int, headers: Mapping[str, str], body: bytes | str) -> AgentError:  # noqa: PLR0911 - a table, read from the top
    """The error for an HTTP status other than 200."""
    complaint = complaint_in(body)
    said = (
        f"It said: {_without_secrets(complaint.message, endpoint)}" if complaint.message else f"HTTP {status}"
    )
    server, model = endpoint.server, endpoint.model
    wait = retry_after(headers)
    if status in {400, 422} and _FILTERED & {complaint.code, complaint.inner_code}:
        return ModelRefused(f"the content filter of {server} refuses this input. {said}", status=status)
    if status == 413 or complaint.code in _TOO_LONG:
        return ModelRefused(f"the input is longer than {model} of {server} can take. {said}", status=status)
    if status == 400 and complaint.param.startswith("messages"):
        return ModelRefused(f"{server} refuses these messages. {said}", status=status)
    if status in {401, 403}:
        return _waits(
            ModelMisconfigured,
            f"{server} does not let us in ({status}): {endpoint.key_cure}",
            said,
            status=status,
        )
    if status == 404 and (complaint.code in _UNKNOWN_MODEL or model in complaint.message):
        return unknown_model(endpoint, status=status)
    if status == 404:
        return _waits(
            ModelMisconfigured,
            f"{server} has nothing at this path: {endpoint.address_cure}",
            said,
            status=status,
        )
    if status == 429:
        return _waits(
            ModelRateLimited, f"{server} is asked too often, or its quota is used up", said, retry_after=wait
        )
    if status == 408 or (
        status >= 500 and "invalid JSON schema" not in complaint.message
    ):  # Ollama's 500 for a bad schema
        return _waits(
            ModelUnavailable,
            f"{server} fails with status {status}",
            said,
            retry_after=wait,
            status=status,
            model=model,
        )
    return _waits(
        ModelMisconfigured,
        f"{server} refuses our request ({status}): its API, the model {model} and the prompt's settings do not fit",
        said,
        status=status,
        param=complaint.param,
    )


def unknown_model(endpoint: Endpoint, **details: Any) -> ModelMisconfigured:
    what = "deployment" if endpoint.query else "model"
    return _waits(
        ModelMisconfigured,
        f"{endpoint.server} has no {what} {endpoint.model!r}: {endpoint.model_cure}",
        model=endpoint.model,
        **details,
    )


def unreachable(endpoint: Endpoint, error: BaseException) -> ModelUnavailable:
    """The error for a connection that could not be made, or broke."""
    causes = list(_causes(error))
    server = endpoint.server
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return _waits(ModelUnavailable, f"{server} refuses connections: {endpoint.address_cure}")
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return _waits(
            ModelUnavailable, f"{server} cannot be found (DNS knows no such host): {endpoint.address_cure}"
        )
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return _waits(
            ModelUnavailable,
            f"no trusted TLS connection to {server}: {endpoint.address_cure}, or give Python its certificate authority "
            "(SSL_CERT_FILE)",
            excerpt(str(causes[-1])),
        )
    if any("timeout" in type(cause).__name__.lower() for cause in causes):
        return _waits(
            ModelUnavailable, f"{server} cannot be reached (no connection in time): {endpoint.address_cure}"
        )
    return _waits(
        ModelUnavailable,
        f"the connection to {server} broke",
        excerpt(str(error) or type(error).__name__),
        model=endpoint.model,
    )


def timed_out(endpoint: Endpoint, seconds: float) -> ModelTimeout:
    return ModelTimeout(
        f"{endpoint.model} of {endpoint.server} did not answer within {seconds:g} s: give the prompt a longer timeout, "
        "or fewer max_tokens",
        timeout=seconds,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from Azure's `retry-after-ms` or the standard header (seconds or a date)."""
    lower = {name.lower(): value for name, value in headers.items()}
    milliseconds = _number(lower.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    text = lower.get("retry-after", "")
    seconds = _number(text)
    if seconds is not None or not text:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def complaint_in(body: bytes | str) -> Complaint:
    """Read `{"error": {…}}`, `{"error": "…"}`, `{"message": "…"}` or plain text."""
    try:
        document = json.parse(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return Complaint(excerpt(body.decode(errors="replace") if isinstance(body, bytes) else body))
    error = document.get("error", document)
    if not isinstance(error, dict):
        return Complaint(excerpt(str(error)))
    inner = error.get("innererror") or error.get("inner_error") or {}
    return Complaint(
        message=excerpt(str(error.get("message") or "")),
        code=str(error.get("code") or ""),
        inner_code=str(inner.get("code") or "") if isinstance(inner, dict) else "",
        param=str(error.get("param") or ""),
    )


def excerpt(text: str, length: int = 300) -> str:
    """One printable line of a foreign text."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: length * 4]).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _waits(kind: type[Kind], ours: str, said: str = "", **more: Any) -> Kind:
    """`ours` is about the server, whoever asks it; what it said may repeat what it was asked."""
    return kind(f"{ours}. {said}" if said else ours, common=ours, **more)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return max(0.0, value) if math.isfinite(value) else None


def _without_secrets(text: str, endpoint: Endpoint) -> str:
    # Some servers repeat the wrong key that they were shown.
    secret = endpoint.credential.key.get_secret_value() if isinstance(endpoint.credential, ApiKey) else ""
    return text.replace(secret, "…") if secret else text


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from _causes(member)
        error = error.__cause__ or error.__context__
