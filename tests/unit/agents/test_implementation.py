from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis.strategies import lists, sampled_from, text

from agents.implementation import AGENT, rules
from agents.implementation.models import DraftFile, DraftFinding, DraftRefactoring
from domain.entities.code import CodeFile, Language
from domain.event import Event
from domain.events.implementation import Finding
from infrastructure.testing import Model
from infrastructure.testing.platform import MemoryPlatform

LANGUAGES: tuple[Language, ...] = get_args(Language)
CASE = {
    "id": "TC-1",
    "title": "A used link is refused",
    "given": "a link that was used",
    "when": "it is opened again",
    "then": "it is refused",
    "priority": "high",
    "kind": "unit",
}
SPEC = {
    "spec_id": "SPEC-1",
    "feature_title": "Password reset",
    "summary": "Links work once.",
    "cases": [CASE],
}
PRICE = {"path": "shop/price.py", "language": "python", "content": "def gross(net):\n    return net * 1.19\n"}
CODE = {
    "explanation": "Keeps used links.",
    "files": [
        {"path": "src/links.py", "language": "python", "content": "USED = set()\n"},
        {"path": "../src/Links.py", "language": "python", "content": "import links\n"},
    ],
}


def draft(path: str, language: Language = "python") -> DraftFile:
    return DraftFile(path=path, language=language, content="x")


def finding(**said: Any) -> DraftFinding:
    about = {"file": 1, "line": 2, "severity": "error", "problem": "p", "suggestion": "s"}
    return DraftFinding.model_validate(about | said)


async def test_a_specification_that_was_generated_becomes_code() -> None:
    model = Model(generate_code=CODE)
    async with MemoryPlatform([AGENT], model=model) as platform:
        platform.publish(
            Event(
                id="1", source="/agents/test-planning", type="agents.testplanning.spec.generated", data=SPEC
            )
        )
        await platform.quiet()
        event = platform.events[-1]
    assert event.type == "agents.implementation.code.generated"
    assert event.causationid == "1"
    assert event.data["spec_id"] == "SPEC-1"
    assert event.data["language"] == "python"
    assert event.data["files"] == [
        {"path": "src/links.py", "language": "python", "content": "USED = set()\n"},
        {"path": "src/Links-2.py", "language": "python", "content": "import links\n"},
    ]
    assert "TC-1 A used link is refused (high, unit)" in model.told
    assert "You are a senior python developer" in model.told


async def test_over_http_language_and_guidance_can_be_chosen() -> None:
    asked = {"feature_title": "Reset", "cases": [CASE], "language": "go", "guidance": "No generics."}
    model = Model(generate_code=CODE)
    async with MemoryPlatform([AGENT], model=model) as platform:
        execution = await platform.execute("implementation", "generate-code", asked)
    assert execution.output["language"] == "go"
    assert execution.output["spec_id"] is None
    assert "You are a senior go developer" in model.told
    assert "No generics." in model.told


async def test_a_review_numbers_the_lines_and_the_code_decides_the_verdict() -> None:
    answer = {"summary": "Rounding.", "findings": [finding().model_dump()]}
    model = Model(review_code=answer)
    async with MemoryPlatform([AGENT], model=model) as platform:
        await platform.execute("implementation", "review-code", {"files": [PRICE]})
        event = platform.events[0]
    assert event.type == "agents.implementation.review.completed"
    assert event.data["verdict"] == "changes_requested"
    assert event.data["findings"][0]["line"] == 2
    assert "2     return net * 1.19" in model.told


async def test_refactorings_come_with_measures_and_the_cheapest_first() -> None:
    suggestions = [
        {"kind": "split", "title": "a", "rationale": "r", "effort": "large"},
        {"kind": "rename", "title": "b", "rationale": "r", "effort": "small"},
    ]
    model = Model(suggest_refactoring={"summary": "Fine.", "suggestions": suggestions})
    async with MemoryPlatform([AGENT], model=model) as platform:
        await platform.execute("implementation", "suggest-refactoring", {"file": PRICE})
        event = platform.events[0]
    assert event.type == "agents.implementation.refactoring.suggested"
    assert [one["title"] for one in event.data["suggestions"]] == ["b", "a"]
    assert event.data["measures"] == {
        "lines": 2,
        "longest_line": 21,
        "deepest_indentation": 4,
        "repeated_lines": 0,
    }
    assert '"longest_line": 21' in model.told


@pytest.mark.parametrize(
    ("written", "safe"),
    [
        ("src/app.py", "src/app.py"),
        ("./src//app.py", "src/app.py"),
        ("/etc/passwd", "etc/passwd.py"),
        ("../../secret.py", "secret.py"),
        ("a/../../b.py", "a/b.py"),
        ("C:\\temp\\app.py", "temp/app.py"),
        ("\\\\server\\share\\app.py", "server/share/app.py"),
        ("~/.ssh/id_rsa", ".ssh/id_rsa.py"),
        ("app", "app.py"),
        (".gitignore", ".gitignore.py"),
        ("", "file.py"),
        ("..", "file.py"),
        ("///", "file.py"),
        ("con.py", "_con.py"),
        ("src/NUL/x.py", "src/_NUL/x.py"),
        ("my file (1).py", "my-file-(1).py"),
        ("a\nb.py", "a-b.py"),
        ("größe/übung.py", "größe/übung.py"),
        ("価格.py", "価格.py"),
        ("e\u0301t\u00e9.py", "\u00e9t\u00e9.py"),
        ("ab:c?.py", "ab-c-.py"),
        ("x" * 80 + ".py", "x" * 57 + ".py"),
        ("-rf.py", "_-rf.py"),
        ("pages/[id].tsx", "pages/[id].tsx"),
        ("a/b/c/d/e/f/g/h.py", "c/d/e/f/g/h.py"),
        ("name.", "name.py"),
    ],
)
def test_paths_are_made_safe(written: str, safe: str) -> None:
    assert rules.safe_path(written, "python") == safe


@given(text(max_size=90), sampled_from(LANGUAGES))
@example("..\\..\\", "python")
@example("\u2024\u2024/x", "python")
@example("a/" * 45, "go")
def test_no_path_leads_anywhere_else(written: str, language: Language) -> None:
    path = rules.safe_path(written, language)
    names = path.split("/")
    assert 1 <= len(path) <= 200 - len("-10")
    assert not PurePosixPath(path).is_absolute()
    assert all(names)
    assert not {".", ".."} & set(names)
    assert not set(path) & set('\\:*?"<>|\x00\r\n~$`')
    assert not any(name.startswith("-") or name.endswith((" ", ".")) for name in names)
    assert PurePosixPath(path).suffix


@given(
    lists(sampled_from(["a.py", "A.py", "./a.py", "a-2.py", "/a.py", "b/a.py", "a"]), min_size=1, max_size=9)
)
def test_paths_are_unique_even_where_case_does_not_count(paths: list[str]) -> None:
    files = rules.placed([draft(path) for path in paths])
    assert len({file.path.casefold() for file in files}) == len(paths)


@given(text(max_size=90))
def test_a_safe_path_stays_as_it_is(written: str) -> None:
    once = rules.safe_path(written, "python")
    assert rules.safe_path(once, "python") == once


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({}, ("shop/price.py", 2)),
        ({"line": 0}, ("shop/price.py", None)),
        ({"line": 3}, ("shop/price.py", None)),
        ({"file": 5}, ("shop/price.py", 2)),
    ],
)
def test_a_finding_is_put_where_it_can_be(said: dict[str, Any], place: tuple[str, int | None]) -> None:
    located = rules.located([finding(**said)], [CodeFile.model_validate(PRICE)])
    assert [(one.path, one.line) for one in located] == [place]


def test_of_several_files_a_finding_about_none_of_them_is_left_out() -> None:
    files = [CodeFile.model_validate(PRICE), CodeFile.model_validate({**PRICE, "path": "other.py"})]
    located = rules.located([finding(file=3), finding(file=2)], files)
    assert [one.path for one in located] == ["other.py"]


@pytest.mark.parametrize(
    ("severities", "verdict"),
    [
        ([], "approved"),
        (["info"], "comments"),
        (["warning", "info"], "comments"),
        (["info", "error"], "changes_requested"),
        (["critical"], "changes_requested"),
    ],
)
def test_the_worst_finding_decides_the_verdict(severities: list[Any], verdict: str) -> None:
    findings = [
        Finding(path="a", line=None, severity=severity, problem="p", suggestion="s")
        for severity in severities
    ]
    assert rules.verdict(findings) == verdict


@pytest.mark.parametrize(
    ("content", "measures"),
    [
        ("", (0, 0, 0, 0)),
        ("\n\n", (2, 0, 0, 0)),
        ("a = 1\n\tb = 2\n", (2, 9, 4, 0)),
        ("long_call(1)\n  long_call(1)\nlong_call(1)\nx\nx\n", (5, 14, 2, 2)),
        ("        \n", (1, 8, 0, 0)),
    ],
)
def test_a_file_is_measured(content: str, measures: tuple[int, int, int, int]) -> None:
    file = CodeFile.model_construct(path="a.py", language="python", content=content)
    measured = rules.measure(file)
    assert (
        measured.lines, measured.longest_line, measured.deepest_indentation, measured.repeated_lines
    ) == measures  # fmt: skip


def test_refactorings_of_the_same_effort_keep_their_order() -> None:
    drafts = [
        DraftRefactoring.model_validate({"kind": "other", "title": title, "rationale": "r", "effort": effort})
        for title, effort in [("a", "medium"), ("b", "small"), ("c", "medium")]
    ]
    assert [one.title for one in rules.cheapest_first(drafts)] == ["b", "a", "c"]


def test_every_language_has_a_suffix() -> None:
    assert set(rules.SUFFIXES) == set(LANGUAGES)


@pytest.mark.parametrize(
    ("content", "file"),
    [
        ("x = 1\n", "x = 1\n"),
        ("```python\nx = 1\n```", "x = 1\n"),
        ("\n```\nx = 1\ny = 2\n```\n", "x = 1\ny = 2\n"),
        ("```python\n```", "```python\n```"),
        ('TEXT = """\n```\ncode\n```\n"""\n', 'TEXT = """\n```\ncode\n```\n"""\n'),
    ],
)
def test_a_fence_around_a_file_is_taken_off(content: str, file: str) -> None:
    assert rules.unfenced(content) == file
