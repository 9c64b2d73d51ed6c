"""The stand-in behind Azure OpenAI's rules: path, API version, key or token, deployment, strict schemas.

The rules are those of the service's REST specification and of its documentation on structured outputs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.stand_ins.openai_server import OpenAIServer, error, refuse_input, refuse_messages, reply

DEPLOYMENT = "gpt-for-tests"
API_VERSION = "2025-04-01-preview"
AZURE_KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
TOKEN = "entra-token-1"

_FIELDS = {
    "model", "messages", "max_completion_tokens", "temperature", "top_p", "seed", "response_format", "stream",
    "stream_options",
}  # fmt: skip
_STRICT_KEYWORDS = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs",
    "description", "title",
}  # fmt: skip


@dataclass
class AzureOpenAIServer(OpenAIServer):
    """`endpoint` is what AZURE_OPENAI_ENDPOINT takes. It also gives out tokens as a managed identity's endpoint does.

    A resource has two keys, each good at any time: `keys`.
    """

    token_requests: list[dict[str, str]] = field(default_factory=list)
    token_lifetime: int = 86_400
    keys: list[str] = field(default_factory=lambda: [AZURE_KEY])

    @property
    def endpoint(self) -> str:
        return self.url.removesuffix("/v1")

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/openai/deployments/{deployment}/chat/completions", self._chat),
            web.post("/openai/deployments/{deployment}/embeddings", self._embed),
            web.get("/msi/token", self._token),
        ]

    def refuse(self, request: web.Request, body: dict[str, Any]) -> web.Response | None:
        if refusal := _refuse_caller(request, self.keys):
            return refusal
        if "max_tokens" in body:
            return error(
                400,
                "Unsupported parameter: 'max_tokens' is not supported with this model.",
                "unsupported_parameter",
                "max_tokens",
            )
        if unknown := set(body) - _FIELDS:
            return error(400, f"Unrecognized request argument supplied: {min(unknown)}")
        return refuse_messages(body) or _refuse_schema(body)

    def refuse_texts(self, request: web.Request, body: dict[str, Any]) -> web.Response | None:
        return _refuse_caller(request, self.keys) or refuse_input(body)

    async def _token(self, request: web.Request) -> web.Response:
        """App Service's endpoint of the managed identity, which azure-identity asks over plain HTTP."""
        self.token_requests.append(dict(request.query))
        if request.headers.get("X-IDENTITY-HEADER") != "identity-secret":
            return reply({"statusCode": 401, "message": "no identity header"}, 401)
        resource = request.query.get("resource", "")
        lifetime = str(self.token_lifetime)
        return reply(
            {"access_token": TOKEN, "expires_in": lifetime, "resource": resource, "token_type": "Bearer"}
        )


def _refuse_caller(request: web.Request, keys: list[str]) -> web.Response | None:
    if not _let_in(request, keys):
        return reply(
            {
                "error": {
                    "code": "401",
                    "message": "Access denied due to invalid subscription key or wrong API endpoint.",
                }
            },
            401,
        )
    if request.query.get("api-version") != API_VERSION:
        return reply({"error": {"code": "404", "message": "Resource not found"}}, 404)
    if request.match_info["deployment"] != DEPLOYMENT:
        message = "The API deployment for this resource does not exist."
        return reply({"error": {"code": "DeploymentNotFound", "message": message}}, 404)
    return None


def _let_in(request: web.Request, keys: list[str]) -> bool:
    key, bearer = request.headers.get("api-key"), request.headers.get("Authorization")
    return key in keys if key is not None else bearer == f"Bearer {TOKEN}"


def _refuse_schema(body: dict[str, Any]) -> web.Response | None:
    if "response_format" not in body:
        return None
    wanted = body["response_format"]["json_schema"]
    problem = _problem(wanted["schema"], ()) if wanted.get("strict") else "strict must be true"
    if problem is None:
        return None
    return error(
        400, f"Invalid schema for response_format '{wanted['name']}': {problem}", param="response_format"
    )


def _problem(schema: dict[str, Any], path: tuple[str, ...]) -> str | None:
    """The first thing in which a schema breaks the rules of strict mode."""
    if unknown := set(schema) - _STRICT_KEYWORDS:
        return f"In context={path}, {min(unknown)!r} is not permitted."
    if schema.get("type") == "object" or "properties" in schema:
        if schema.get("additionalProperties") is not False:
            return f"In context={path}, 'additionalProperties' is required to be supplied and to be false."
        if sorted(schema.get("required", [])) != sorted(schema.get("properties", {})):
            return (
                f"In context={path}, 'required' is required to be an array including every key in properties."
            )
    inner: list[tuple[tuple[str, ...], Any]] = [
        (("properties", name), item) for name, item in schema.get("properties", {}).items()
    ]
    inner += [(("$defs", name), item) for name, item in schema.get("$defs", {}).items()]
    inner += [(("items",), schema["items"])] if "items" in schema else []
    inner += [(("anyOf", str(index)), item) for index, item in enumerate(schema.get("anyOf", []))]
    return next((found for where, item in inner if (found := _problem(item, path + where))), None)
