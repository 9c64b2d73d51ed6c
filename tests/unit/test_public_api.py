"""docs/api.md lists the public names, and the packages say the same."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import BaseModel

from agents.runtime import Agent, Context

PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text()
LISTED = {
    module: set(re.findall(r"`(\w+)`", names))
    for module, names in re.findall(r"^\| `([\w.]+)` \| (.*) \|$", PAGE.split("\n## ")[0], re.MULTILINE)
}


def test_the_page_lists_the_modules_that_agents_are_written_against() -> None:
    assert list(LISTED) == [
        "agents.runtime", "domain.event", "domain.entities.values", "domain.errors", "infrastructure.testing",
    ]  # fmt: skip


@pytest.mark.parametrize("module", ["agents.runtime", "infrastructure.testing"])
def test_a_package_exports_exactly_what_is_listed(module: str) -> None:
    assert set(import_module(module).__all__) == LISTED[module]


@pytest.mark.parametrize("module", LISTED)
def test_every_listed_name_is_there(module: str) -> None:
    there = vars(import_module(module))
    assert {name for name in LISTED[module] if name not in there} == set()


def test_every_value_type_is_listed() -> None:
    values = import_module("domain.entities.values")
    own = {name for name, one in vars(values).items() if getattr(one, "__module__", "") == values.__name__}
    assert own <= LISTED["domain.entities.values"]


@pytest.mark.parametrize(("kind", "heading"), [(Agent, "Agent"), (Context, "Context")])
def test_every_public_method_is_described(kind: type, heading: str) -> None:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    methods = {name for name, one in vars(kind).items() if callable(one) and not name.startswith("_")}
    internal = {"reactions_to"}
    assert {name for name in methods - internal if f".{name}" not in section} == set()


def test_what_is_public_is_documented_and_typed() -> None:
    for module, names in LISTED.items():
        for name in names:
            one = getattr(import_module(module), name)
            if isinstance(one, type) and not issubclass(one, (BaseModel, Exception)):
                assert one.__doc__, f"{module}.{name}"
