"""The OpenAPI document of an agent, put together from its routes."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from domain.json import JsonObject
from infrastructure.host.access import needed, needs
from infrastructure.host.openapi.inputs import Inputs
from infrastructure.host.openapi.schemas import SCHEMAS
from infrastructure.host.openapi.shapes import REF
from infrastructure.host.results import json_response
from infrastructure.identity.roles import Permission

_HTTP_VALIDATION = REF + "HTTPValidationError"
_PATH = "/openapi.json"
_SECURITY = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "dapr-api-token",
        "description": "The APP_API_TOKEN: the sidecar's.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of the OpenID Connect issuer that the agent is told of, or an API key (`agk_…`). "
        "On loopback, where neither is configured, nothing is asked for. Each operation's `x-permission` must be among the "
        "permissions of the caller's roles (docs/security.md).",
    },
}


def install_document(app: FastAPI, given: Inputs) -> None:
    """Serve a document whose components hold every task's input, and a page to read it by."""

    def document() -> JsonObject:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            for operation in (one for path in schema["paths"].values() for one in path.values()):
                # FastAPI adds its own 422 to whatever has a parameter; ours are texts, and any text will do.
                if _HTTP_VALIDATION in str(operation["responses"].get("422")):
                    del operation["responses"]["422"]
            for route in app.routes:
                _tell_permission(schema["paths"], route)
            components = schema.setdefault("components", {})
            components["schemas"] = given.definitions | SCHEMAS
            components["securitySchemes"] = _SECURITY
            schema["security"] = [{}, *({name: []} for name in _SECURITY)]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way

    @app.get(_PATH, include_in_schema=False)
    @needs(Permission.READ_AGENT)
    async def served(request: Request) -> Response:  # noqa: ARG001  # as every route of ours
        return json_response(app.openapi())

    @app.get("/docs", include_in_schema=False)
    @needs(Permission.READ_AGENT)
    async def page(request: Request) -> Response:  # noqa: ARG001
        return get_swagger_ui_html(openapi_url=_PATH, title=app.title)


def _tell_permission(paths: JsonObject, route: BaseRoute) -> None:
    if not (isinstance(route, APIRoute) and route.include_in_schema):
        return
    permission = needed(route)
    for method in route.methods or ():
        told: JsonObject = {"security": []} if permission is None else {"x-permission": permission.value}
        paths[route.path_format][method.lower()] |= told
