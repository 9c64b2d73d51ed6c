"""The OpenAPI document of an agent, put together from its routes."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from domain.json import JsonObject
from infrastructure.host.openapi.inputs import Inputs
from infrastructure.host.openapi.schemas import SCHEMAS
from infrastructure.host.openapi.shapes import REF

_HTTP_VALIDATION = REF + "HTTPValidationError"
_SECURITY = {
    "token": {"type": "apiKey", "in": "header", "name": "dapr-api-token"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


def install_document(app: FastAPI, given: Inputs) -> None:
    """Serve a document whose components hold every task's input."""

    def document() -> JsonObject:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            for operation in (one for path in schema["paths"].values() for one in path.values()):
                # FastAPI adds its own 422 to whatever has a parameter; ours are texts, and any text will do.
                if _HTTP_VALIDATION in str(operation["responses"].get("422")):
                    del operation["responses"]["422"]
            components = schema.setdefault("components", {})
            components["schemas"] = given.definitions | SCHEMAS
            components["securitySchemes"] = _SECURITY
            schema["security"] = [{}, *({name: []} for name in _SECURITY)]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way
