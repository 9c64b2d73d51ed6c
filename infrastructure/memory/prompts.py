"""Prompts without files, for tests of what uses them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from domain.chat import Message
from domain.errors import InvalidInput, PromptInvalid
from domain.json import JsonObject, dump
from domain.prompt import Prompt
from domain.semver import is_prerelease, precedence

_VARIABLE = re.compile(r"\{\{\$(\w+)\}\}")


class MemoryPrompts:
    def __init__(self, *prompts: Prompt) -> None:
        self._prompts = sorted(prompts, key=lambda prompt: (prompt.name, precedence(prompt.version)))

    def get(self, name: str) -> Prompt:
        versions = [one for one in self._prompts if one.name == name and not is_prerelease(one.version)]
        if not versions:
            raise PromptInvalid(f"there is no prompt {name}: give one to MemoryPrompts")
        return versions[-1]

    def all(self) -> Sequence[Prompt]:
        return tuple(self._prompts)


def simple_prompt(
    name: str,
    template: str,
    *,
    version: str = "1.0.0",
    output_schema: JsonObject | None = None,
    max_tokens: int = 400,
    timeout: float = 30.0,
) -> Prompt:
    """A prompt of one user message; each `{{$name}}` in the template is a required variable."""
    variables = tuple(dict.fromkeys(_VARIABLE.findall(template)))

    def render(values: Mapping[str, Any]) -> tuple[Message, ...]:
        if missing := [variable for variable in variables if values.get(variable) is None]:
            raise InvalidInput(
                f"prompt {name} {version} needs {', '.join(missing)}: give a value for each",
                errors=[{"field": variable, "message": "required by the prompt"} for variable in missing],
            )

        def value(match: re.Match[str]) -> str:
            given = values[match[1]]
            return given if isinstance(given, str) else dump(given).decode()

        return (Message("user", _VARIABLE.sub(value, template)),)

    return Prompt(
        name=name,
        version=version,
        content_hash=hashlib.sha256(template.encode()).hexdigest(),
        description=f"The prompt {name} of a test.",
        variables=variables,
        render=render,
        output_schema=output_schema,
        max_tokens=max_tokens,
        timeout=timeout,
    )
