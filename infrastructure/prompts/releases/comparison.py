"""Two versions of a prompt side by side, for people and programs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from difflib import unified_diff

from domain.json import JsonObject
from domain.prompt import Prompt
from infrastructure.prompts.reading.definition import read_definition
from infrastructure.prompts.releases.changes import Change, Step, changes, needed_step
from infrastructure.prompts.releases.steps import least_version


@dataclass(frozen=True, slots=True)
class Comparison:
    """`step` and `least` are None when nothing differs: the least step, and the version, that the changes need.

    `template` is a unified diff of the two templates.
    """

    old: str
    new: str
    changes: tuple[Change, ...]
    step: Step | None
    least: str | None
    template: str

    def as_json(self) -> JsonObject:
        return {
            "from": self.old,
            "to": self.new,
            "changes": [asdict(change) for change in self.changes],
            "step": self.step,
            "least_version": self.least,
            "template_diff": self.template,
        }


def compare(old: Prompt, new: Prompt, taken: Collection[str]) -> Comparison:
    """What `new` does otherwise than `old`; `taken` are the versions there are."""
    found = changes(old, new)
    step = needed_step(found) if found else None
    least = least_version(old.version, step, set(taken) - {new.version}) if step else None
    before, after = (read_definition(prompt.source).template.splitlines() for prompt in (old, new))
    lines = unified_diff(before, after, old.version, new.version, lineterm="")
    return Comparison(old.version, new.version, found, step, least, "".join(f"{line}\n" for line in lines))
