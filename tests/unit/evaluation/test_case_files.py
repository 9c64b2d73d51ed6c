"""Case files broken in every way we know: each problem with its place, what is wrong and the cure, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from infrastructure.evaluation.cases import MAX_FILE, read_cases
from infrastructure.evaluation.subjects import CasesInvalid, Unknown, load, prompts_in
from tests.unit.evaluation.making import CASES, NAME, PROMPT, a_prompt, subject_in, written


def problems(text: str | bytes) -> list[str]:
    raw = text if isinstance(text, bytes) else text.encode()
    read = read_cases(raw, file="cases.yaml", prompt=a_prompt())
    assert (read.cases is None) == bool(read.problems)
    return [str(problem).removeprefix("cases.yaml:") for problem in read.problems]


def test_a_good_file_has_no_problems() -> None:
    read = read_cases(CASES.encode(), file="cases.yaml", prompt=a_prompt())
    assert read.problems == ()
    assert read.cases
    assert (read.cases.margin, read.cases.threshold) == (0.1, 0.5)
    assert [case.id for case in read.cases.cases] == ["printer", "browser"]
    assert [check.name for check in read.cases.cases[0].checks] == [
        "category equals hardware",
        "reasons contains smoke",
    ]


def test_checks_in_the_head_hold_for_every_case() -> None:
    head = "checks:\n  - {at: reasons, length: {min: 1}}\n"
    read = read_cases((head + CASES).encode(), file="cases.yaml", prompt=a_prompt())
    assert read.cases
    assert [case.checks[0].name for case in read.cases.cases] == ["reasons length is at least 1"] * 2


BROKEN = {
    "typo in the head": ("margin: 0.1", "margn: 0.1", ["1:1: error: the key `margn` of a case file is unknown — do you mean `margin`?"]),
    "margin out of range": ("margin: 0.1", "margin: 5", ["1:9: error: `margin` is 5 — write a number from 0 to 1"]),
    "typo in a case": ("tags: [english]", "tag: [english]", ["5:5: error: the key `tag` of a case is unknown — do you mean `tags`?"]),
    "duplicate id": (
        "id: browser", "id: printer", ["11:9: error: the id printer is taken, by the case in line 4 — give it another"],
    ),
    "no id": ("- id: printer\n    tags", "- tags", ["4:5: error: a case without `id` — give it a short name, such as id: printer-on-fire"]),
    "id with blanks": (
        "id: printer", "id: a b", ["4:9: error: the id 'a b' — use letters, digits, `-`, `_` and `.`, at most 80"],
    ),
    "unknown variable": (
        "title: Printer smokes",
        "titel: Printer smokes",
        [
            "7:7: error: the variable titel is unknown — do you mean `title`?",
            "7:7: error: the prompt needs title — give a value for each",
        ],
    ),
    "input of a wrong kind": (
        "input:\n      title: Printer smokes",
        "input: Printer smokes",
        ["6:12: error: `input` is a text — write the prompt's variables: title, impact"],
    ),
    "no input": (
        "    input:\n      title: Printer smokes\n",
        "",
        ["4:5: error: a case without `input` — write the prompt's variables: title, impact"],
    ),
    "unknown check and bad regex": (
        "{at: reasons, contains: smoke}",
        "{at: reasons, contain: smoke}\n      - {at: reasons, regex: '('}",
        [
            "10:23: error: the check `contain` is unknown — do you mean `contains`?",
            ("11:30: error: the regular expression does not compile: missing ), unterminated subpattern at position 0 — "
            "correct it, or quote it with '…'"),
        ],
    ),
    "checks of a wrong kind": (
        "checks:\n      - {at: category, equals: software}",
        "checks: software",
        ["16:13: error: `checks` is a text — write a list: - {at: …, equals: …}"],
    ),
    "no checks": (
        "    checks:\n      - {at: category, equals: software}\n",
        "",
        ["11:5: error: a case without checks — say what holds for a good answer: checks: …"],
    ),
    "tags of a wrong kind": (
        "tags: [english]",
        "tags: [1]",
        ["5:12: error: `tags` is a whole number — write a text, in quotes where YAML takes it for another"],
    ),
    "no YAML": (
        "cases:",
        "cases: [",
        ["4:3: error: this is no YAML: block sequence entries are not allowed in this context — check indentation, colons and quotes here and just above"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told_with_place_and_cure(name: str) -> None:
    old, new, said = BROKEN[name]
    assert old in CASES
    found = problems(CASES.replace(old, new, 1))
    if name == "no YAML":
        assert [one.split(" ")[1:5] for one in found] == [one.split(" ")[1:5] for one in said]
    else:
        assert found == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: error: the file is empty — write margin: … and cases: …: see docs/evaluation.md"),
        ("margin: 0.1\n", "1:1: error: no `cases` — write a list: - id: …"),
        ("cases: []\n", "1:8: error: `cases` is empty — write a list: - id: …"),
        ("cases: {}\n", "1:8: error: `cases` is an object — write a list: - id: …"),
        ("[]\n", "1:1: error: a case file is a list — write it with the keys description, margin, threshold, checks, cases"),
        (b"\xff", "1:1: error: byte 0xff is not UTF-8 — save the file as UTF-8"),
        ("x" * (MAX_FILE + 1), "1:1: error: 1,048,577 bytes, 1,048,576 are allowed — take out what is not needed"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_told_so(text: str | bytes, said: str) -> None:
    assert problems(text) == [said]


def test_all_problems_of_a_file_are_told_at_once() -> None:
    broken = (
        CASES.replace("margin", "margn")
        .replace("equals: hardware", "equals: hardwear")
        .replace("id: browser", "id: printer")
    )
    assert [one.split(":")[0] for one in problems(broken)] == ["1", "9", "11"]


def test_a_prompts_newest_version_is_loaded_with_its_cases(tmp_path: Path) -> None:
    folder = written(tmp_path, "1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1")
    assert list(prompts_in(folder)) == [NAME]
    assert subject_in(folder).prompt.version == "1.10.0"
    assert subject_in(folder, "2.0.0-rc.1").prompt.version == "2.0.0-rc.1"
    with pytest.raises(
        Unknown, match=r"no version 3\.0\.0 in .*; there are 1\.0\.0, 1\.9\.0, 1\.10\.0, 2\.0\.0-rc\.1"
    ):
        subject_in(folder, "3.0.0")


def test_cases_that_fit_the_newest_version_measure_an_older_one_too(tmp_path: Path) -> None:
    folder = written(tmp_path, "1.0.0")
    older = PROMPT.replace(
        "  - name: impact\n    description: Who is hit.\n    is_required: false\n    default: person\n", ""
    )
    (folder / NAME / "0.9.0.yaml").write_text(older.replace(" ({{$impact}})", ""))
    assert [case.id for case in subject_in(folder, "0.9.0").cases.cases] == ["printer", "browser"]


def test_cases_that_fit_no_version_are_refused(tmp_path: Path) -> None:
    folder = written(tmp_path, cases=CASES.replace("title", "titel"))
    with pytest.raises(CasesInvalid, match="the variable titel is unknown"):
        load(folder, NAME)


def test_a_prompt_without_cases_says_what_to_write(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / NAME / "cases.yaml").unlink()
    with pytest.raises(Unknown, match=r"desk/sort has no cases: write .*/desk/sort/cases\.yaml"):
        load(folder, NAME)
