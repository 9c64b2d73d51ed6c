"""A prompt: a versioned template, the variables it takes, the answer it asks for, and its limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from domain.chat import ChatRequest, Message, Origin
from domain.json import JsonObject
from domain.semver import is_prerelease, precedence

PromptState: TypeAlias = Literal["draft", "released", "deprecated"]
"""A release never changes; a draft may; what is deprecated is served only when nothing else is."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of a prompt, checked and compiled.

    `name` is the folder's name, `version` a semantic version, `content_hash` the SHA-256 of the file in hex.
    `render` takes values for `variables` and gives the messages; it raises `InvalidInput` when a required one is missing.
    `output_schema` is the bounded JSON Schema of the answer, None for free text. `source` is the file's text.
    """

    name: str
    version: str
    content_hash: str
    description: str
    variables: tuple[str, ...]
    render: Callable[[Mapping[str, Any]], tuple[Message, ...]]
    output_schema: JsonObject | None
    max_tokens: int
    timeout: float
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    source: str = ""


def request_for(
    prompt: Prompt, values: Mapping[str, Any], *, seed: int | None = None, origin: Origin | None = None
) -> ChatRequest:
    """The request that a prompt makes of a model, the same for work and for whoever measures it.

    `seed` stands in for the prompt's own.

    Raises:
        InvalidInput, PromptInvalid: the values do not fit.

    """
    return ChatRequest(
        messages=prompt.render(values),
        max_tokens=prompt.max_tokens,
        output_schema=prompt.output_schema,
        output_name=prompt.name.replace("-", "_"),
        temperature=prompt.temperature,
        top_p=prompt.top_p,
        seed=prompt.seed if seed is None else seed,
        timeout=prompt.timeout,
        origin=origin,
        untrusted=dict(values),
    )


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """One line of a registry's list: nothing of the version has to be read for it.

    `served`: whether it is the one that `get` gives. `because` says why it is deprecated, where somebody said so.
    """

    name: str
    version: str
    state: PromptState
    served: bool
    because: str | None = None


def served_version(states: Mapping[str, PromptState], *, drafts: bool = False) -> str | None:
    """Which version of one prompt is served; None when there is none but pre-releases.

    The newest release; without any, the newest deprecated one, for it was reviewed once; without that the newest draft.
    With `drafts`, as in development, the newest draft where it is newer than all of these, and pre-releases too.
    """

    def newest(state: PromptState, *, prereleases: bool = False) -> str | None:
        found = [one for one in states if states[one] == state and (prereleases or not is_prerelease(one))]
        return max(found, key=precedence, default=None)

    served = newest("released") or newest("deprecated") or newest("draft")
    draft = newest("draft", prereleases=True) if drafts else None
    if draft and (served is None or precedence(draft) > precedence(served)):
        return draft
    return served
