"""What every registry of prompts does, run on files and in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from domain.chat import Message
from domain.errors import InvalidInput, PromptInvalid
from domain.ports.prompts import PromptRegistry
from infrastructure.memory.prompts import MemoryPrompts, simple_prompt
from infrastructure.prompts.registry import load_prompts

Make: TypeAlias = Callable[[list[tuple[str, str, str]]], PromptRegistry]


@pytest.fixture(params=["files", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    def in_memory(prompts: list[tuple[str, str, str]]) -> PromptRegistry:
        return MemoryPrompts(
            *(simple_prompt(name, template, version=version) for name, version, template in prompts)
        )

    def on_files(prompts: list[tuple[str, str, str]]) -> PromptRegistry:
        for name, version, template in prompts:
            (tmp_path / name).mkdir(exist_ok=True)
            text = f"name: {name}\ntemplate: |\n  {template}\nexecution_settings: {{default: {{max_tokens: 400}}}}\n"
            (tmp_path / name / f"{version}.yaml").write_text(text)
        return load_prompts(tmp_path)

    return on_files if request.param == "files" else in_memory


def test_get_gives_the_highest_version_that_is_no_prerelease(make: Make) -> None:
    registry = make([("ask", version, "hi") for version in ("1.9.0", "1.10.0", "2.0.0-rc.1", "0.9.0")])
    assert registry.get("ask").version == "1.10.0"


def test_a_prompt_that_has_prereleases_only_is_not_there(make: Make) -> None:
    with pytest.raises(PromptInvalid, match="there is no prompt ask"):
        make([("ask", "1.0.0-rc.1", "hi")]).get("ask")


def test_an_unknown_prompt_is_named(make: Make) -> None:
    with pytest.raises(PromptInvalid, match="there is no prompt tell"):
        make([("ask", "1.0.0", "hi")]).get("tell")


def test_all_lists_every_version_by_name_and_version(make: Make) -> None:
    registry = make(
        [("b", "1.0.0", "x"), ("a", "1.10.0", "x"), ("a", "1.9.0", "x"), ("a", "1.10.0-rc.1", "x")]
    )
    assert [(prompt.name, prompt.version) for prompt in registry.all()] == [
        ("a", "1.9.0"),
        ("a", "1.10.0-rc.1"),
        ("a", "1.10.0"),
        ("b", "1.0.0"),
    ]


def test_a_prompt_renders_its_variables_as_data(make: Make) -> None:
    prompt = make([("ask", "1.0.0", "Say {{$what}} to {{$who}}, {{$what}}")]).get("ask")
    assert prompt.variables == ("what", "who")
    assert len(prompt.content_hash) == 64
    assert prompt.render({"what": "{{$who}} \\1", "who": "Jürgen 様"}) == (
        Message("user", "Say {{$who}} \\1 to Jürgen 様, {{$who}} \\1"),
    )


def test_a_missing_value_is_an_error_of_the_input_that_names_the_field(make: Make) -> None:
    prompt = make([("ask", "1.0.0", "Say {{$what}}")]).get("ask")
    with pytest.raises(InvalidInput, match="needs what") as caught:
        prompt.render({"what": None})
    assert caught.value.details["errors"] == [{"field": "what", "message": "required by the prompt"}]


def test_any_version_is_given_by_its_number(make: Make) -> None:
    registry = make([("ask", version, version) for version in ("1.0.0", "1.1.0", "2.0.0-rc.1")])
    for version in ("1.0.0", "1.1.0", "2.0.0-rc.1"):
        assert registry.version("ask", version).render({}) == (Message("user", version),)


@pytest.mark.parametrize(
    ("name", "version", "there"), [("ask", "1.2.0", "1.0.0, 1.10.0"), ("tell", "1.0.0", "none")]
)
def test_an_unknown_version_is_named_beside_those_there_are(
    make: Make, name: str, version: str, there: str
) -> None:
    registry = make([("ask", "1.10.0", "hi"), ("ask", "1.0.0", "hi")])
    for asked in (registry.version, registry.state):
        with pytest.raises(
            PromptInvalid,
            match=rf"there is no version {version} of the prompt {name} .*\(there are: {there}\)",
        ):
            asked(name, version)


def test_the_list_says_which_version_is_served(make: Make) -> None:
    registry = make([("ask", version, "hi") for version in ("2.0.0-rc.1", "1.9.0", "1.10.0")])
    assert [(one.name, one.version, one.served) for one in registry.versions()] == [
        ("ask", "1.9.0", False),
        ("ask", "1.10.0", True),
        ("ask", "2.0.0-rc.1", False),
    ]
    assert {registry.state("ask", one.version) for one in registry.versions()} == {
        one.state for one in registry.versions()
    }
