"""The OpenAPI document of an agent, and a page to read it by."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html

from infrastructure.host.access import needs
from infrastructure.host.results import json_response
from infrastructure.identity.roles import Permission

_PATH = "/openapi.json"


def add_document(app: FastAPI) -> None:
    @app.get(_PATH, include_in_schema=False)
    @needs(Permission.READ_AGENT)
    async def document(request: Request) -> Response:  # noqa: ARG001  # as every route of ours
        return json_response(app.openapi())

    @app.get("/docs", include_in_schema=False)
    @needs(Permission.READ_AGENT)
    async def page(request: Request) -> Response:  # noqa: ARG001
        return get_swagger_ui_html(openapi_url=_PATH, title=app.title)
