"""What differs between two versions of a prompt, and the step in semantic versions that each difference needs.

docs/prompts.md has the rule as a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

from domain.json import JsonObject, dump
from domain.prompt import Prompt
from domain.semver import precedence
from infrastructure.prompts.fit import refused_answers
from infrastructure.prompts.reading.definition import Definition, read_definition

Step: TypeAlias = Literal["patch", "minor", "major"]
STEPS: Final[tuple[Step, ...]] = ("patch", "minor", "major")
Kind: TypeAlias = Literal["variables", "schema", "settings", "structure", "wording"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: what it is about, the least step it needs, and a sentence."""

    kind: Kind
    step: Step
    text: str


def changes(old: Prompt, new: Prompt) -> tuple[Change, ...]:
    """What `new` does otherwise than `old`, the largest steps first."""
    if old.source == new.source:
        return ()
    before, after = read_definition(old.source), read_definition(new.source)
    found = [
        *_variables(before, after),
        *_schema(before.output_schema, after.output_schema, old.version),
        *_settings(before, after),
        *_template(before, after),
        *_descriptions(before, after),
    ]
    found = found or [Change("wording", "patch", "the file's form changed, and nothing that it says")]
    return tuple(sorted(found, key=lambda change: -STEPS.index(change.step)))


def needed_step(found: Iterable[Change]) -> Step:
    """The largest step that one of the changes needs; without changes a patch."""
    return max((change.step for change in found), key=STEPS.index, default="patch")


def step_between(old: str, new: str) -> Step:
    """The step from one version to a higher one: of which of the three numbers is the first that differs."""
    before, after = precedence(old), precedence(new)
    return "major" if before[0] != after[0] else "minor" if before[1] != after[1] else "patch"


def next_version(version: str, step: Step) -> str:
    """The version that follows by a step; a pre-release that leads up to such a step becomes its release."""
    major, minor, patch, is_release, _ = precedence(version)
    if step == "major":
        major += is_release or (minor, patch) != (0, 0)
        return f"{major}.0.0"
    if step == "minor":
        minor += is_release or patch != 0
        return f"{major}.{minor}.0"
    return f"{major}.{minor}.{patch + is_release}"


def _variables(old: Definition, new: Definition) -> Iterator[Change]:
    for name in old.variables.keys() - new.variables.keys():
        yield Change("variables", "major", f"the variable {name} was removed")
    for name, variable in new.variables.items():
        before = old.variables.get(name)
        if before is None and variable.must_be_given:
            yield Change("variables", "major", f"the required variable {name} was added")
        elif before is None:
            yield Change("variables", "minor", f"the optional variable {name} was added")
        elif variable.must_be_given and not before.must_be_given:
            yield Change("variables", "major", f"the variable {name} became required")
        elif before.must_be_given and not variable.must_be_given:
            yield Change("variables", "minor", f"the variable {name} became optional")
        elif before.default != variable.default:
            yield Change(
                "variables",
                "minor",
                f"the default of {name} is {variable.default!r}, it was {before.default!r}",
            )


def _schema(old: JsonObject | None, new: JsonObject | None, version: str) -> Iterator[Change]:
    if old is None and new is None:
        return
    if old is None or new is None:
        now, then = ("free text", "an object") if new is None else ("an object", "free text")
        yield Change("schema", "major", f"the answer is {now}, it was {then}")
        return
    refused = list(refused_answers(new, old, f"the schema of {version}"))
    yield from (Change("schema", "major", text) for text in refused)
    if not refused and dump(_without_words(new)) != dump(_without_words(old)):
        yield Change(
            "schema", "minor", "the answer's schema changed, and allows nothing that it did not allow"
        )


def _settings(old: Definition, new: Definition) -> Iterator[Change]:
    before, after = asdict(old.settings), asdict(new.settings)
    for name, value in after.items():
        if value != before[name]:
            yield Change("settings", "minor", f"{name} is {_said(value)}, it was {_said(before[name])}")


def _template(old: Definition, new: Definition) -> Iterator[Change]:
    if old.template_format != new.template_format:
        text = f"the template's format is {new.template_format}, it was {old.template_format}"
        yield Change("structure", "minor", text)
    elif old.structure != new.structure:
        yield Change(
            "structure", "minor", "the template's messages, variables or blocks changed, or their order"
        )
    elif old.template != new.template:
        yield Change("wording", "patch", "the template's wording changed")


def _descriptions(old: Definition, new: Definition) -> Iterator[Change]:
    described = {name: variable.description for name, variable in old.variables.items()}
    if old.description != new.description:
        yield Change("wording", "patch", "the description changed")
    for name, variable in new.variables.items():
        if variable.description != described.get(name, variable.description):
            yield Change("wording", "patch", f"the description of {name} changed")
    words_before = (old.output_description, dump(old.output_schema))
    if words_before != (new.output_description, dump(new.output_schema)) and dump(
        _without_words(old.output_schema)
    ) == dump(_without_words(new.output_schema)):
        yield Change("wording", "patch", "the answer's description changed")


def _without_words(schema: Any) -> Any:
    """A schema without titles and descriptions, which no server holds an answer to."""
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in ("title", "description")}
    if isinstance(properties := kept.get("properties"), dict):
        kept["properties"] = {name: _without_words(value) for name, value in properties.items()}
    if "items" in kept:
        kept["items"] = _without_words(kept["items"])
    if isinstance(required := kept.get("required"), list):
        kept["required"] = sorted(map(str, required))
    return dict(sorted(kept.items()))


def _said(value: object) -> str:
    return "not set" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
