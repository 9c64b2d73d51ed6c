"""The reports: JUnit for build servers, one HTML file for people. Hostile answers stay text in both."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

from domain.chat import ChatRequest
from domain.errors import ModelUnavailable
from infrastructure.evaluation.pairs import Pair, pair_as_json
from infrastructure.evaluation.report.html import Piece, difference, html
from infrastructure.evaluation.report.junit import junit
from infrastructure.evaluation.report.terminal import lines
from infrastructure.evaluation.results import Evaluation
from infrastructure.evaluation.run import evaluate
from infrastructure.memory.model import Script, ScriptedModel
from tests.unit.evaluation.making import CASES, answer, asker, good, subject_in, written

HOSTILE = "<script>alert(1)</script> & \x1b[31m \x00 ]]> \"'"
NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
MORE = """\
  - id: judged
    input: {title: Keyboard}
    checks: [{at: reasons, judge: {rubric: good}}]
  - id: down
    input: {title: Server}
    checks: [{at: category, equals: other}]
"""


def mixed(request: ChatRequest) -> str | Exception:
    text = request.messages[-1].content
    if "Server" in text:
        return ModelUnavailable("gone <b>")
    return answer("hardware", f"smoke {HOSTILE}".replace("\x00", ""))


async def measured(tmp_path: Path, version: str = "1.0.0", script: Script = mixed) -> Evaluation:
    subject = subject_in(written(tmp_path, "1.0.0", "1.1.0", cases=CASES + MORE), version)
    return await evaluate(subject, subject.cases.cases, asker(ScriptedModel(script)))


async def test_junit_tells_failures_errors_and_what_was_not_run_apart(tmp_path: Path) -> None:
    root = ET.fromstring(junit([await measured(tmp_path)]))  # noqa: S314 - our own
    suite = root[0]
    assert {name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped")} == {
        "name": "desk/sort 1.0.0",
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    outcomes = {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}
    assert outcomes == {
        "printer": ["system-out"],
        "browser": ["failure", "system-out"],
        "judged": ["skipped", "system-out"],
        "down": ["error"],
    }
    failure = suite.find("testcase[@name='browser']/failure")
    assert failure is not None
    assert failure.get("message") == "category equals software: it is hardware"


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


async def test_the_html_report_is_whole_needs_no_network_and_runs_nothing(tmp_path: Path) -> None:
    page = html([Pair(await measured(tmp_path))], None, NOW)
    tags = Tags(page).found
    assert not {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "object", "form"}
    assert [attributes["href"] for _, attributes in tags if "href" in attributes] == ["#p1"]
    assert not [
        attributes
        for _, attributes in tags
        if any(name.startswith("on") or name == "src" for name in attributes)
    ]
    assert "default-src 'none'" in page
    assert "url(" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "gone &lt;b&gt;" in page
    assert re.search(r'name="viewport" content="width=device-width', page)
    assert "prefers-color-scheme: dark" in page
    for case in ("printer", "browser", "judged", "down"):
        assert f"<b>{case}</b>" in page


async def test_the_html_report_shows_two_versions_side_by_side(tmp_path: Path) -> None:
    pair = Pair(await measured(tmp_path, "1.1.0", good), await measured(tmp_path, "1.0.0"))
    page = html([pair], None, NOW)
    assert "Answer of 1.0.0" in page
    assert "Answer of 1.1.0" in page
    assert "<del>hardware</del>" in page
    assert "<ins>software</ins>" in page
    assert "0.00 → 1.00" in page
    assert "with 1.0.0: <span" in page


def test_the_difference_of_two_texts_is_told_word_by_word() -> None:
    assert difference("the old house", "the new house") == (
        [Piece("the "), Piece("old", changed=True), Piece(" house")],
        [Piece("the "), Piece("new", changed=True), Piece(" house")],
    )
    long = "word " * 5000
    assert difference(long, long + "x") == ([Piece(long, changed=True)], [Piece(long + "x", changed=True)])


async def test_the_terminal_says_what_did_not_pass(tmp_path: Path) -> None:
    found = list(lines([Pair(await measured(tmp_path))], None))
    assert re.fullmatch(
        r"desk/sort 1\.0\.0  0\.50  1 of 4 cases pass, 1 fail, 1 with checks that were not run, 1 could not be asked, "
        r"\d+ tokens, median 0\.0 s",
        found[0].text,
    )
    assert [(line.mark, line.text) for line in found[1:]] == [
        ("failed", "browser 0.00  category equals software: it is hardware"),
        ("not run", "judged  reasons is judged 4 of 5: good: there is no judge"),
        ("error", "down  the answer fits the prompt's output schema: gone <b>"),
    ]


async def test_json_holds_the_comparison_and_its_method(tmp_path: Path) -> None:
    pair = Pair(await measured(tmp_path, "1.1.0", good), await measured(tmp_path, "1.0.0"))
    told = pair_as_json(pair)
    assert told["version"] == "1.1.0"
    assert told["against"]["version"] == "1.0.0"
    assert told["against"]["comparison"]["verdict"] == "cannot tell"
    assert "Hartigan" in told["against"]["comparison"]["method"]
    assert told["cases"][0]["attempts"][0]["checks"][1] == {
        "check": "category equals hardware",
        "outcome": "passed",
        "why": "",
    }
