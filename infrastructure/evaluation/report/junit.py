"""JUnit's XML, as build servers read it: a suite per prompt, a test per case.

A case that the model could not be asked is an `error`, one with a check that was not run is `skipped`: neither passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from infrastructure.evaluation.path import text_of
from infrastructure.evaluation.results import CaseResult, Evaluation

_NOT_XML: Final = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535))


def junit(evaluations: Sequence[Evaluation]) -> bytes:
    root = Element("testsuites")
    for evaluation in evaluations:
        subject = evaluation.subject
        suite = SubElement(
            root,
            "testsuite",
            name=f"{subject.name} {subject.prompt.version}",
            tests=str(len(evaluation.cases)),
            failures=str(evaluation.count("failed")),
            errors=str(evaluation.count("error")),
            skipped=str(evaluation.count("not run")),
            time=f"{sum(map(_seconds, evaluation.cases)):.3f}",
        )
        properties = SubElement(suite, "properties")
        score = "" if evaluation.score is None else f"{evaluation.score:.4f}"
        for name, value in (
            ("model", str(evaluation.model)),
            ("score", score),
            ("seed", str(evaluation.seed)),
        ):
            SubElement(properties, "property", name=name, value=_clean(value))
        for one in evaluation.cases:
            _case(suite, subject.name, one)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _case(suite: Element, prompt: str, one: CaseResult) -> None:
    case = SubElement(
        suite, "testcase", classname=prompt.replace("/", "."), name=one.case.id, time=f"{_seconds(one):.3f}"
    )
    tag = {"failed": "failure", "error": "error", "not run": "skipped"}.get(one.outcome)
    problems = one.problems()
    if tag is not None:
        told = SubElement(case, tag, message=_clean(problems[0]))
        told.text = _clean("\n".join(problems))
    answers = [attempt.text for attempt in one.attempts if attempt.text is not None]
    if answers:
        SubElement(case, "system-out").text = _clean(text_of(answers))


def _seconds(one: CaseResult) -> float:
    return sum(attempt.seconds for attempt in one.attempts)


def _clean(text: str) -> str:
    return text.translate(_NOT_XML)
