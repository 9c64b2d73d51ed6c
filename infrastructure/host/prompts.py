"""The agent's prompts over HTTP, to read: versions and states, one version whole, two compared, an input rendered.

Releasing and deprecating change files that are reviewed and committed, so they are commands (`agents prompts`), not routes.
"""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from agents.runtime.agent import Agent
from domain.errors import PromptInvalid
from domain.json import JsonObject
from domain.ports.prompts import PromptRegistry
from domain.prompt import Prompt, PromptVersion
from infrastructure.host.access import needs
from infrastructure.host.openapi import requests, responses
from infrastructure.host.requests import HttpError, read_json_object, shown
from infrastructure.host.results import json_response
from infrastructure.host.service import service_of
from infrastructure.host.settings import Settings
from infrastructure.identity.roles import Permission
from infrastructure.prompts.reading.definition import read_definition
from infrastructure.prompts.releases.comparison import compare


def add_prompts(app: FastAPI, agent: Agent, settings: Settings) -> None:
    root = f"/api/{agent.name}/prompts"
    one = f"{root}/{{name}}/versions/{{version}}"

    @app.get(root, tags=["prompts"], responses=responses.PROMPTS)
    @needs(Permission.READ_PROMPTS)
    async def prompts(request: Request) -> Response:
        """Every prompt: the version that is served with its hash and limits, and all versions with their states."""
        registry = service_of(request).ports.prompts
        by_name: dict[str, list[PromptVersion]] = {}
        for version in registry.versions():
            by_name.setdefault(version.name, []).append(version)
        return json_response({"prompts": [_listed(registry, *item) for item in by_name.items()]})

    @app.get(one, tags=["prompts"], responses=responses.PROMPT)
    @needs(Permission.READ_PROMPTS)
    async def prompt(request: Request, name: str, version: str) -> Response:
        """One version: its template, variables, settings and the schema of its answers, and the text of its file."""
        registry = service_of(request).ports.prompts
        found = _version(registry, name, version)
        return json_response(_whole(found) | _state(registry, found))

    @app.get(
        f"{one}/diff",
        tags=["prompts"],
        responses=responses.PROMPT_DIFF,
        openapi_extra=requests.AGAINST,
        operation_id="prompt-diff",
    )
    @needs(Permission.READ_PROMPTS)
    async def diff(request: Request, name: str, version: str) -> Response:
        """What a version changes against another, with the step in semantic versions that each change needs."""
        if unknown := set(request.query_params) - {"against"}:
            raise HttpError(400, "malformed", f"there is no filter {shown(min(unknown))}; there is against")
        registry = service_of(request).ports.prompts
        new = _version(registry, name, version)
        versions = [known for known in registry.versions() if known.name == name]
        served = next((known.version for known in versions if known.served), version)
        old = _version(registry, name, request.query_params.get("against") or served)
        comparison = compare(old, new, [known.version for known in versions])
        return json_response({"name": name, **comparison.as_json()})

    @app.post(
        f"{one}/render",
        tags=["prompts"],
        responses=responses.RENDERED,
        openapi_extra=requests.VALUES,
        operation_id="prompt-render",
    )
    @needs(Permission.TRY_PROMPTS)
    async def render(request: Request, name: str, version: str) -> Response:
        """The messages that a version makes of values for its variables. No model is asked."""
        found = _version(service_of(request).ports.prompts, name, version)
        values = await read_json_object(request, settings.max_body_bytes)
        messages = [{"role": one.role, "content": one.content} for one in found.render(values)]
        return json_response({"messages": messages})


def _version(registry: PromptRegistry, name: str, version: str) -> Prompt:
    """The version; 404 for one that is not there, while one that cannot be used stays `prompt_invalid`."""
    try:
        registry.state(name, version)
    except PromptInvalid:
        there = [one.version for one in registry.versions() if one.name == name]
        what = f"{shown(name)} {shown(version)}" if there else shown(name)
        raise HttpError(404, "unknown_prompt", f"there is no prompt {what}", versions=there) from None
    return registry.version(name, version)


def _listed(registry: PromptRegistry, name: str, versions: list[PromptVersion]) -> JsonObject:
    served = registry.get(name) if any(one.served for one in versions) else None
    return {
        "name": name,
        "version": served.version if served else None,
        "hash": served.content_hash if served else None,
        "description": served.description if served else "",
        "variables": list(served.variables) if served else [],
        "max_tokens": served.max_tokens if served else None,
        "versions": [
            {"version": one.version, "state": one.state, "served": one.served, "because": one.because}
            for one in versions
        ],
    }


def _state(registry: PromptRegistry, prompt: Prompt) -> JsonObject:
    known = next(
        one for one in registry.versions() if (one.name, one.version) == (prompt.name, prompt.version)
    )
    return {"state": known.state, "served": known.served, "because": known.because}


def _whole(prompt: Prompt) -> JsonObject:
    definition = read_definition(prompt.source)
    return {
        "name": prompt.name,
        "version": prompt.version,
        "hash": prompt.content_hash,
        "description": prompt.description,
        "template_format": definition.template_format,
        "template": definition.template,
        "variables": [
            {
                "name": variable.name,
                "description": variable.description,
                "required": variable.must_be_given,
                "default": variable.default,
            }
            for variable in definition.variables.values()
        ],
        "settings": {
            "max_tokens": prompt.max_tokens,
            "timeout": prompt.timeout,
            "temperature": prompt.temperature,
            "top_p": prompt.top_p,
            "seed": prompt.seed,
        },
        "output_schema": prompt.output_schema,
        "source": prompt.source,
    }
