"""Random requests made from an OpenAPI document: its own kind of data, and what it forbids."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

CHECKS = [
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
]


@dataclass
class Fuzzed:
    """How many requests, and what they were answered: `statuses` by method and path."""

    requests: int = 0
    statuses: dict[str, Counter[int]] = field(default_factory=dict)


def fuzz(url: str, *, examples: int) -> Fuzzed:
    """`examples` of what fits and as many of what does not for each operation with a body, a few where there is but a path.

    Every answer has a documented status, content type, headers and schema; none is a 500.
    """
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    fuzzed = Fuzzed()
    with requests.Session() as session:
        for result in schema.get_all_operations():
            operation: Any = result.ok()  # type: ignore[union-attr]  # raises what is wrong with the document
            if operation.path.endswith("/events/stream"):
                continue  # it never ends
            _exercise(
                operation, GenerationMode.POSITIVE, examples if _has_body(operation) else 5, session, fuzzed
            )
            if _has_body(operation):  # elsewhere any text will do, so there is nothing to get wrong
                _exercise(operation, GenerationMode.NEGATIVE, examples, session, fuzzed)
    return fuzzed


def _has_body(operation: Any) -> bool:
    return len(operation.body) > 0


def _exercise(
    operation: Any, mode: GenerationMode, examples: int, session: requests.Session, fuzzed: Fuzzed
) -> None:
    statuses = fuzzed.statuses.setdefault(f"{operation.method.upper()} {operation.path}", Counter())

    @settings(
        max_examples=examples,
        phases=[Phase.generate, Phase.shrink],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def exercise(case: Any) -> None:
        response = case.call(session=session, timeout=20)
        fuzzed.requests += 1
        statuses[response.status_code] += 1
        assert response.status_code != 500, response.text
        case.validate_response(response, checks=CHECKS)

    exercise()
