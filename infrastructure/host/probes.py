"""What asks whether the process lives and works: probes for whoever restarts it, metrics for whoever watches it."""

from __future__ import annotations

import asyncio
import logging

from fastapi import FastAPI, Request, Response

from domain.json import dump
from infrastructure.host.access import needs, open_to_all
from infrastructure.host.openapi import responses
from infrastructure.host.service import Check
from infrastructure.identity.roles import Permission

log = logging.getLogger(__name__)

CHECK_SECONDS = 3.0


def add_probes(app: FastAPI) -> None:
    @app.get("/healthz", tags=["probes"], responses=responses.ALIVE)
    @open_to_all
    async def alive() -> Response:
        """The process lives."""
        return Response(dump({"status": "alive"}), media_type="application/json")

    @app.get("/readyz", tags=["probes"], responses=responses.READY)
    @open_to_all
    async def ready(request: Request) -> Response:
        """Sidecar, subscription, state, model and prompts, each by name; 503 while one of them is not ready."""
        checks: dict[str, Check] = request.app.state.service.checks
        problems = await asyncio.gather(*(_checked(name, check) for name, check in checks.items()))
        body = {
            "status": "not ready" if any(problems) else "ready",
            "checks": {name: problem or "ok" for name, problem in zip(checks, problems, strict=True)},
        }
        return Response(dump(body), 503 if any(problems) else 200, media_type="application/json")

    @app.get("/metrics", tags=["probes"], responses=responses.METRICS)
    @needs(Permission.READ_AGENT)
    async def metrics(request: Request) -> Response:
        """In Prometheus' text format."""
        body, content_type = request.app.state.metrics()
        return Response(body, media_type=content_type)


async def _checked(name: str, check: Check) -> str | None:
    """What is wrong, also when the check itself fails: a probe answers in any case, and soon."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} s"
    except Exception as error:
        log.exception("the check of the %s failed", name)
        return f"the check failed with {type(error).__name__}; see the log"
