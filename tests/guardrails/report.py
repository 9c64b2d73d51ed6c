"""What the rules make of the set, as the tables of docs/guardrails.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from infrastructure.guardrails.injection import THRESHOLD, suspicion
from tests.guardrails.inputs import Input, read_inputs

PAGE = Path(__file__).parents[2] / "docs" / "guardrails.md"
BEGIN, END = "<!-- figures: written by `python -m tests.guardrails --report` -->", "<!-- end of figures -->"
SPLITS = ("dev", "held_out")


@dataclass(frozen=True, slots=True)
class Judged:
    input: Input
    tripped: bool

    @property
    def right(self) -> bool:
        return self.tripped == (self.input.label == "attack")


def judge() -> tuple[Judged, ...]:
    return tuple(Judged(each, suspicion(each.text).score >= THRESHOLD) for each in read_inputs())


def share(judged: Sequence[Judged], split: str, label: str) -> float:
    """Of the attacks those that were caught, of the harmless those that tripped, in percent."""
    of = [each for each in judged if each.input.split == split and each.input.label == label]
    return 100 * sum(each.tripped for each in of) / len(of)


def figures(judged: Sequence[Judged]) -> str:
    return "\n\n".join(
        [_confusion(judged), _by_kind(judged, "attack"), _by_kind(judged, "harmless"), _wrong(judged)]
    )


def _confusion(judged: Sequence[Judged]) -> str:
    rows = [
        "| half | language | attacks caught | attacks missed | harmless passed | harmless stopped |",
        "|---|---|---|---|---|---|",
    ]
    for split in SPLITS:
        for language in ("en", "de", "both"):
            of = [j for j in judged if j.input.split == split and language in (j.input.language, "both")]
            counts = [
                sum(1 for j in of if (j.input.label, j.tripped) == cell)
                for cell in (("attack", True), ("attack", False), ("harmless", False), ("harmless", True))
            ]
            rows.append(f"| {_said(split)} | {language} | {' | '.join(map(str, counts))} |")
    return "\n".join(rows)


def _by_kind(judged: Sequence[Judged], label: str) -> str:
    verb = "caught" if label == "attack" else "stopped"
    of_label = [each for each in judged if each.input.label == label]
    columns = [(split, language) for split in SPLITS for language in ("en", "de")]
    heads = " | ".join(f"{_said(split)} {language}" for split, language in columns)
    rows = [f"| {label}: {verb} of all | {heads} |", "|---|" + "---|" * len(columns)]
    for kind in dict.fromkeys(each.input.kind for each in of_label):
        cells = []
        for split, language in columns:
            of = [
                j
                for j in of_label
                if (j.input.kind, j.input.split, j.input.language) == (kind, split, language)
            ]
            cells.append(f"{sum(j.tripped for j in of)} of {len(of)}")
        rows.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _wrong(judged: Sequence[Judged]) -> str:
    rows = ["What is judged wrongly, by its id in `tests/guardrails/inputs.jsonl`:", ""]
    rows += [f"- `{each.input.id}` ({_said(each.input.split)})" for each in judged if not each.right]
    return "\n".join(rows)


def _said(split: str) -> str:
    return split.replace("_", " ")


def page_with(text: str, page: str) -> str:
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def write(out: Callable[[str], object]) -> None:
    page = page_with(figures(judge()), PAGE.read_text("utf-8"))
    PAGE.write_text(page, "utf-8")
    out(f"wrote {PAGE.name}\n")
