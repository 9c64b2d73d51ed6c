"""Records and the gate: what a release needs, and everything for which it is refused, without a model."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from domain import json
from domain.chat import ChatRequest
from domain.errors import ModelUnavailable
from infrastructure.evaluation import record
from infrastructure.evaluation.answers import Asker, ModelName
from infrastructure.evaluation.check import main, problems_in
from infrastructure.evaluation.gate import why_not
from infrastructure.evaluation.results import Evaluation
from infrastructure.evaluation.run import evaluate
from infrastructure.memory.model import Script, ScriptedModel
from tests.unit.evaluation.making import CASES, MODEL, NAME, answer, good, subject_in, written

DAY = date(2026, 11, 22)


def poor(_: ChatRequest) -> str:
    return answer("hardware", "who knows")


async def measured(
    folder: Path, version: str, script: Script = good, model: ModelName = MODEL, *, repeat: int = 1
) -> Evaluation:
    subject = subject_in(folder, version)
    return await evaluate(subject, subject.cases.cases, Asker(ScriptedModel(script), model), repeat=repeat)


async def recorded(
    folder: Path, version: str, script: Script = good, model: ModelName = MODEL, *, repeat: int = 1
) -> Path:
    evaluation = await measured(folder, version, script, model, repeat=repeat)
    return record.write(record.record_of(evaluation, DAY), folder / NAME)


def released(folder: Path, *versions: str, deprecated: str = "") -> None:
    lines = []
    for version in versions:
        digest = hashlib.sha256((folder / NAME / f"{version}.yaml").read_bytes()).hexdigest()
        lines.append(
            f"{NAME}/{version} sha256:{digest}{' deprecated it was too slow' if version == deprecated else ''}\n"
        )
    (folder / "prompts.lock").write_text("".join(sorted(lines)))


def refusal(folder: Path, version: str) -> str | None:
    found = why_not(folder, "desk", "sort", version)
    return found.replace(str(folder), "prompts") if found else None


async def test_a_record_says_what_was_measured_and_is_the_same_each_time(tmp_path: Path) -> None:
    folder = written(tmp_path)
    file = await recorded(folder, "1.0.0", poor)
    subject = subject_in(folder)
    assert file == folder / NAME / "evaluations" / "1.0.0.json"
    assert json.parse(file.read_bytes()) == {
        "prompt": "desk/sort",
        "version": "1.0.0",
        "prompt_hash": subject.prompt.content_hash,
        "cases_hash": subject.cases.content_hash,
        "model": {"provider": "scripted", "name": "tiny", "digest": "0" * 64},
        "judge": None,
        "date": "2026-11-22",
        "settings": {"max_tokens": 100, "temperature": 0.2, "top_p": None},
        "n": 2,
        "repeat": 1,
        "seed": 1,
        "score": 0.25,
        "scores": {"printer": 0.5, "browser": 0.0},
    }
    before = file.read_bytes()
    assert (await recorded(folder, "1.0.0", poor)).read_bytes() == before
    assert before.endswith(b"}\n")
    assert before.count(b"\n") > 20


async def test_no_record_of_an_evaluation_that_is_not_whole(tmp_path: Path) -> None:
    folder = written(tmp_path)
    subject = subject_in(folder)
    some = await evaluate(subject, subject.cases.cases[:1], Asker(ScriptedModel(good), MODEL))
    with pytest.raises(ValueError, match="only some of its cases were run"):
        record.record_of(some, DAY)

    def half_down(request: ChatRequest) -> str | Exception:
        return ModelUnavailable("gone") if "Printer" in request.messages[-1].content else good(request)

    down = await measured(folder, "1.0.0", half_down)
    with pytest.raises(ValueError, match="the model could not be asked for 1 of its cases"):
        record.record_of(down, DAY)
    judged = written(tmp_path / "judged", cases=CASES.replace("contains: smoke", "judge: {rubric: good}"))
    with pytest.raises(ValueError, match="some checks were not run: there is no judge"):
        record.record_of(await measured(judged, "1.0.0"), DAY)


async def test_a_write_that_fails_leaves_the_old_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path)
    file = await recorded(folder, "1.0.0")
    before = file.read_bytes()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    evaluation = await measured(folder, "1.0.0", poor)
    monkeypatch.setattr(os, "fdopen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        record.write(record.record_of(evaluation, DAY), folder / NAME)
    assert [one.name for one in file.parent.iterdir()] == ["1.0.0.json"]
    assert file.read_bytes() == before


async def test_a_first_release_needs_a_record_and_no_more(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert refusal(folder, "1.0.0") == (
        "desk/sort 1.0.0 has no evaluation record: run `agents prompts eval desk/sort --version 1.0.0 --record`"
    )
    await recorded(folder, "1.0.0", poor)
    assert refusal(folder, "1.0.0") is None


@pytest.mark.parametrize(
    ("file", "old", "new", "why"),
    [
        ("1.0.0.yaml", "Sort tickets.", "Sort them.", "desk/sort 1.0.0 was changed since it was evaluated"),
        ("cases.yaml", "smokes", "burns", "the cases of desk/sort were changed since 1.0.0 was evaluated"),
        (
            "evaluations/1.0.0.json",
            '"score": 1.0',
            '"score": 0.9',
            "was edited, its score is not the mean of its cases",
        ),
        ("evaluations/1.0.0.json", '"version": "1.0.0"', '"version": "1.0.1"', "is one of desk/sort 1.0.1"),
        ("evaluations/1.0.0.json", '"browser"', '"brwser"', "is not of all cases"),
        (
            "evaluations/1.0.0.json",
            '"n": 2',
            '"n": "two"',
            "is no evaluation record: n: Input should be a valid integer",
        ),
        ("evaluations/1.0.0.json", "{", "[", "is no evaluation record: the file: Invalid JSON"),
    ],
)
async def test_a_record_of_other_files_or_an_edited_one_is_refused(
    tmp_path: Path, file: str, old: str, new: str, why: str
) -> None:
    folder = written(tmp_path)
    await recorded(folder, "1.0.0")
    text = (folder / NAME / file).read_text()
    assert old in text
    (folder / NAME / file).write_text(text.replace(old, new, 1))
    assert why in str(refusal(folder, "1.0.0"))


async def test_a_release_must_not_be_worse_than_its_predecessor_beyond_the_margin(tmp_path: Path) -> None:
    folder = written(tmp_path, "1.0.0", "1.1.0")
    await recorded(folder, "1.0.0", good)
    await recorded(folder, "1.1.0", poor)
    assert refusal(folder, "1.1.0") is None, "without a release there is no predecessor"
    released(folder, "1.0.0")
    assert refusal(folder, "1.1.0") == (
        "desk/sort 1.1.0 scores 0.25, 1.0.0 1.00: the margin of 0.1 in cases.yaml is passed "
        "(cannot tell: -0.75 [-1.00, +1.00] over 2 cases; worst: browser, printer): "
        "mend the prompt; widen the margin only if the loss is meant"
    )
    (folder / NAME / "cases.yaml").write_text(CASES.replace("margin: 0.1", "margin: 0.75"))
    await recorded(folder, "1.0.0", good)
    await recorded(folder, "1.1.0", poor)
    assert refusal(folder, "1.1.0") is None


BOTH = (
    ": measure both, `agents prompts eval desk/sort --version 1.0.0 --record` "
    "and `agents prompts eval desk/sort --version 1.1.0 --record`"
)


async def test_records_that_cannot_be_compared_say_how_to_make_them_so(tmp_path: Path) -> None:
    folder = written(tmp_path, "1.0.0", "1.1.0")
    released(folder, "1.0.0")
    await recorded(folder, "1.1.0")
    assert refusal(folder, "1.1.0") == f"its predecessor 1.0.0 has no evaluation record{BOTH}"
    await recorded(folder, "1.0.0", model=replace(MODEL, digest="1" * 64))
    assert refusal(folder, "1.1.0") == (
        "its predecessor 1.0.0 was evaluated with scripted/tiny (111111111111), this with scripted/tiny (000000000000)"
        + BOTH
    )
    judged = record.path_of(folder / NAME, "1.0.0")
    await recorded(folder, "1.0.0")
    judged.write_text(judged.read_text().replace('"judge": null', '"judge": "scripted/strict"'))
    assert refusal(folder, "1.1.0") == (
        f"its predecessor 1.0.0 was judged by scripted/strict, this by no model{BOTH}"
    )
    await recorded(folder, "1.0.0", repeat=2)
    assert refusal(folder, "1.1.0") == (
        f"its predecessor 1.0.0 was evaluated with --repeat 2, this with 1{BOTH}"
    )
    await recorded(folder, "1.0.0")
    (folder / NAME / "cases.yaml").write_text(CASES.replace("smokes", "burns"))
    await recorded(folder, "1.1.0")
    assert refusal(folder, "1.1.0") == f"its predecessor 1.0.0 was evaluated by other cases{BOTH}"


async def test_the_predecessor_is_the_highest_release_below_that_is_in_use(tmp_path: Path) -> None:
    folder = written(tmp_path, "1.0.0", "1.1.0", "1.2.0", "2.0.0")
    await recorded(folder, "1.0.0", poor)
    await recorded(folder, "1.1.0", good)
    await recorded(folder, "1.2.0", poor)
    released(folder, "1.0.0", "1.1.0", "2.0.0", deprecated="1.1.0")
    assert refusal(folder, "1.2.0") is None
    released(folder, "1.0.0", "1.1.0", "2.0.0")
    assert "1.1.0 1.00: the margin" in str(refusal(folder, "1.2.0"))
    released(folder, "1.1.0", deprecated="1.1.0")
    assert "1.1.0 1.00: the margin" in str(refusal(folder, "1.2.0"))


def test_what_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert refusal(folder, "9.9.9") == "there is no version 9.9.9 in prompts/desk/sort; there are 1.0.0"
    (folder / NAME / "cases.yaml").write_text(CASES.replace("equals", "equal"))
    assert "the check `equal` is unknown — do you mean `equals`?" in str(refusal(folder, "1.0.0"))
    (folder / NAME / "cases.yaml").unlink()
    assert "desk/sort has no cases" in str(refusal(folder, "1.0.0"))


EIGHT = CASES + "".join(
    f"  - {{id: more-{number}, input: {{title: x}}, checks: [{{at: category, equals: other}}]}}\n"
    for number in range(6)
)


async def test_the_check_is_content_with_releases_that_were_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path, "1.0.0", "1.1.0", cases=EIGHT)
    await recorded(folder, "1.0.0")
    (folder / NAME / "cases.yaml").write_text(EIGHT + "# a case more, one day\n")
    await recorded(folder, "1.1.0")
    released(folder, "1.0.0", "1.1.0")
    assert list(problems_in(folder)) == []
    assert main([str(folder)]) == 0
    assert capsys.readouterr().out == ""


async def test_the_check_names_every_release_without_its_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path, "1.0.0", "1.1.0", cases=EIGHT)
    released(folder, "1.0.0", "1.1.0")
    assert main([str(folder)]) == 1
    assert capsys.readouterr().out.replace(str(folder), "prompts").splitlines() == [
        (
            "prompts/desk/sort/evaluations/1.0.0.json: no evaluation record of this release: "
            "run `agents prompts eval desk/sort --version 1.0.0 --record`"
        ),
        (
            "prompts/desk/sort/evaluations/1.1.0.json: desk/sort 1.1.0 has no evaluation record: "
            "run `agents prompts eval desk/sort --version 1.1.0 --record`"
        ),
    ]
    await recorded(folder, "1.0.0", good)
    await recorded(folder, "1.1.0", poor)
    assert ["the margin of 0.1 in cases.yaml is passed" in problem for problem in problems_in(folder)] == [
        True
    ]


def test_the_check_names_broken_case_files_and_releases_with_too_few_or_none(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert list(problems_in(folder)) == [], "a draft owes nothing"
    released(folder, "1.0.0")
    assert any(
        ": error: 2 cases — write at least 8 for a release" in problem for problem in problems_in(folder)
    )
    (folder / NAME / "cases.yaml").write_text(CASES.replace("equals", "equal"))
    assert len(list(problems_in(folder))) == 2
    (folder / NAME / "cases.yaml").unlink()
    assert [problem.endswith("released without cases: write cases.yaml (docs/evaluation.md)") for problem in problems_in(folder)] == [True]  # fmt: skip
    assert main([str(tmp_path / "nowhere")]) == 1
