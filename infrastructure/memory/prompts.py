"""Prompts without files, for tests of what uses them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from domain.chat import Message
from domain.errors import InvalidInput, PromptInvalid
from domain.json import JsonObject, dump
from domain.prompt import Prompt, PromptState, PromptVersion, served_version
from domain.semver import precedence

_VARIABLE = re.compile(r"\{\{\$(\w+)\}\}")


class MemoryPrompts:
    """Every version is a release, but for those that `drafts` and `deprecated` name as (name, version)."""

    def __init__(
        self,
        *prompts: Prompt,
        drafts: Collection[tuple[str, str]] = (),
        deprecated: Collection[tuple[str, str]] = (),
    ) -> None:
        self._prompts = sorted(prompts, key=lambda prompt: (prompt.name, precedence(prompt.version)))
        self._states: dict[tuple[str, str], PromptState] = {
            **{(prompt.name, prompt.version): "released" for prompt in prompts},
            **dict.fromkeys(drafts, "draft"),
            **dict.fromkeys(deprecated, "deprecated"),
        }

    def get(self, name: str) -> Prompt:
        served = self._served(name)
        if served is None:
            raise PromptInvalid(f"there is no prompt {name}: give one to MemoryPrompts")
        return self.version(name, served)

    def version(self, name: str, version: str) -> Prompt:
        self.state(name, version)
        return next(one for one in self._prompts if (one.name, one.version) == (name, version))

    def state(self, name: str, version: str) -> PromptState:
        try:
            return self._states[name, version]
        except KeyError:
            there = ", ".join(one.version for one in self._prompts if one.name == name) or "none"
            raise PromptInvalid(
                f"there is no version {version} of the prompt {name} (there are: {there}): give one to MemoryPrompts"
            ) from None

    def versions(self) -> Sequence[PromptVersion]:
        return tuple(
            PromptVersion(
                one.name,
                one.version,
                self.state(one.name, one.version),
                served=one.version == self._served(one.name),
            )
            for one in self._prompts
        )

    def all(self) -> Sequence[Prompt]:
        return tuple(self._prompts)

    def _served(self, name: str) -> str | None:
        return served_version({one: state for (of, one), state in self._states.items() if of == name})


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
        source=_source(name, template, variables, output_schema, max_tokens=max_tokens, timeout=timeout),
    )


def _source(
    name: str,
    template: str,
    variables: Sequence[str],
    output_schema: JsonObject | None,
    *,
    max_tokens: int,
    timeout: float,
) -> str:
    """What a file of this prompt could hold: JSON is YAML too."""
    return dump(
        {
            "name": name,
            "description": f"The prompt {name} of a test.",
            "template": template,
            "input_variables": [{"name": variable} for variable in variables],
            "output_variable": {"json_schema": dump(output_schema).decode()} if output_schema else None,
            "execution_settings": {"default": {"max_tokens": max_tokens, "timeout": timeout}},
        }
    ).decode()
