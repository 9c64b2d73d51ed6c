from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.errors import PromptInvalid
from infrastructure.memory.model import ScriptedModel
from infrastructure.optimisation.candidates import Candidate
from infrastructure.optimisation.draft import OptimisationRecord, record_of, write
from infrastructure.optimisation.optimise import Outcome, optimise
from infrastructure.optimisation.parts import divide
from infrastructure.prompts.check import check_folder
from infrastructure.prompts.releases.authoring import release
from tests.unit.optimisation.making import MODEL, NAME, answering, bench_of, has_rule, subject_in, written

DAY = date(2026, 1, 2)


def chosen_by(found: Outcome) -> Candidate:
    assert found.choice.candidate
    return found.choice.candidate


async def optimised(folder: Path) -> tuple[Outcome, OptimisationRecord]:
    subject = subject_in(folder)
    bench = bench_of(subject, ScriptedModel(answering(has_rule)))
    found = await optimise(bench, bench.asker, divide(subject.cases.cases, 1))
    return found, record_of(found, subject, MODEL, MODEL, seed=1, seconds=1.234, day=DAY)


async def test_the_draft_is_the_next_minor_version_and_can_be_released(tmp_path: Path) -> None:
    root = written(tmp_path)
    release(root, "desk", "sort", "1.0.0")
    found, made = await optimised(tmp_path)
    path, whole = write(chosen_by(found), made, root, subject_in(tmp_path))
    assert path == root / NAME / "1.1.0.yaml"
    assert [problem for problem in check_folder(root) if problem.severity != "note"] == []
    assert release(root, "desk", "sort").sha256 == whole.prompt_hash


async def test_the_record_says_how_the_cases_were_divided_and_what_was_found(tmp_path: Path) -> None:
    root = written(tmp_path)
    found, made = await optimised(tmp_path)
    write(chosen_by(found), made, root, subject_in(tmp_path))
    record = OptimisationRecord.model_validate_json(
        (root / NAME / "evaluations" / "1.1.0.optimised.json").read_bytes()
    )
    assert (record.prompt, record.version, record.made_from) == (NAME, "1.1.0", "1.0.0")
    assert [len(part) for part in (record.training, record.validation, record.held_out)] == [7, 5, 8]
    assert record.held_out == tuple(case.id for case in divide(subject_in(tmp_path).cases.cases, 1).held_out)
    assert record.new_instruction
    assert record.result
    assert (record.result.before, record.result.after, record.result.difference) == (0.375, 1.0, 0.625)
    assert record.seconds == 1.2
    assert "paired by case" in record.result.compared


async def test_a_version_that_is_there_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = written(tmp_path)
    found, made = await optimised(tmp_path)
    link = os.link

    def late(source: Path, target: Path) -> None:
        target.write_text("by another")
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(PromptInvalid, match="is there already"):
        write(chosen_by(found), made, root, subject_in(tmp_path))
    assert (root / NAME / "1.1.0.yaml").read_text() == "by another"
    assert not (root / NAME / "evaluations").exists()


async def test_without_its_record_there_is_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = written(tmp_path)
    found, made = await optimised(tmp_path)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "chmod", full)
    with pytest.raises(OSError, match="No space"):
        write(chosen_by(found), made, root, subject_in(tmp_path))
    assert sorted(path.name for path in root.rglob("*")) == [
        "1.0.0.yaml",
        "cases.yaml",
        "desk",
        "evaluations",
        "sort",
    ]


async def test_it_begins_after_the_newest_draft(tmp_path: Path) -> None:
    root = written(tmp_path)
    found, made = await optimised(tmp_path)
    first, _ = write(chosen_by(found), made, root, subject_in(tmp_path))
    second, _ = write(chosen_by(found), made, root, subject_in(tmp_path))
    assert (first.name, second.name) == ("1.1.0.yaml", "1.2.0.yaml")
