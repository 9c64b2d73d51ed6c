"""Every kind of check: what passes, what fails and why, and what is refused in a case file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from infrastructure.evaluation.checks import KINDS
from infrastructure.evaluation.checks.kind import NotRun, Rubric
from infrastructure.evaluation.checks.shipped import FUNCTIONS
from tests.unit.evaluation.making import check_of, problems_of

FEATURE = "Feature: Login\n  Scenario: it works\n    Given a user\n    When he signs in\n    Then he is in\n"
STEPS = {"title": "A used link", "given": "a used link", "when": "it is opened", "then": "it is refused"}


def why(check: str, value: Any, given: dict[str, Any] | None = None) -> str | None:
    decide = check_of(check).test.decide
    assert not isinstance(decide, Rubric)
    return decide(value, given or {})


PASSES = [
    ("equals: network", "network"),
    ("equals: 1", 1.0),
    ("equals: [a, {b: 1}]", ["a", {"b": 1}]),
    ("equals: null", None),
    ("equals: true", True),
    ("one_of: [low, medium]", "medium"),
    ("one_of: [1, 2]", 2),
    ("range: {min: 0, max: 49}", 49),
    ("range: {min: 0.5}", 0.5),
    ("contains: vpn", "The VPN is down"),
    ("contains: [a, b]", ["only a", {"deep": "and B"}]),
    ("contains_any: [x, ß]", "Straße"),
    ("not_contains: [PWNED]", "fine"),
    ("regex: '^\\w+$'", "word"),
    ("regex: '7'", 17),
    ("not_regex: '\\d'", "no digit"),
    ("length: {min: 2, max: 3}", ["a", "b"]),
    ("length: {max: 3, unit: words}", "one two three"),
    ("length: {min: 3}", "abc"),
    ("length: {max: 5, unit: words}", ["one two", "three"]),
    ("code: python_parses", "x = 1\n"),
    ("code: python_parses", [{"path": "a.ts", "language": "typescript", "content": "let a = {"}]),
    ("code: paths_are_safe", ["src/a.py", "tests/b.py"]),
    ("code: shares_add_up", [{"share_percent": 67}, {"share_percent": 32}]),
    ("code: in_german", "Der Drucker ist seit heute nicht zu erreichen."),
    ("code: in_english", ["The printer is not reachable", "since this morning"]),
]

FAILS = [
    ("equals: network", "hardware", "it is hardware"),
    ("equals: 1", True, "it is True"),
    ("one_of: [low, medium]", "high", "it is high"),
    ("range: {max: 49}", 50, "it is 50"),
    ("range: {max: 49}", "many", "it is no number but many"),
    ("range: {max: 49}", True, "it is no number but True"),
    ("contains: [a, b]", "only a", "it does not contain b"),
    ("contains_any: [x, y]", "neither", "it contains none of them"),
    ("not_contains: [pwned, b]", ["PWNED"], "it contains pwned"),
    ("regex: '^x'", "y", "nothing matches"),
    ("not_regex: '\\d+'", "in 45 minutes", "“45” matches"),
    ("length: {max: 1}", ["a", "b"], "it has 2 items"),
    ("length: {min: 2, unit: words}", "one", "it has 1 words"),
    ("length: {min: 2}", "a", "it has 1 characters"),
    ("code: python_parses", "def f(:\n", "it, line 1 is no Python: invalid syntax"),
    (
        "code: python_parses",
        [{"path": "a.py", "language": "python", "content": "x = 1\ny = ="}],
        "a.py, line 2 is no Python: invalid syntax",
    ),
    ("code: paths_are_safe", ["../a.py"], "'../a.py' is no relative path inside the repository"),
    ("code: paths_are_safe", "/etc/passwd", "'/etc/passwd' is no relative path inside the repository"),
    ("code: paths_are_safe", "C:\\a.py", "'C:\\\\a.py' is no relative path inside the repository"),
    ("code: paths_are_safe", [{"path": ""}], "'' is no relative path inside the repository"),
    ("code: paths_are_safe", ["a.py", "a.py"], "twice the same path: a.py"),
    ("code: shares_add_up", [{"share_percent": 70}], "the shares add up to 70 %"),
    ("code: in_german", "The printer is not reachable.", "it does not read like German"),
    ("code: in_english", "", "it does not read like English"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "value"), PASSES)
def test_a_check_passes(check: str, value: Any) -> None:
    assert why(check, value) is None


@pytest.mark.parametrize(("check", "value", "reason"), FAILS)
def test_a_check_fails_and_says_why(check: str, value: Any, reason: str) -> None:
    assert why(check, value) == reason


def test_numbers_must_stand_in_the_input_and_small_ones_may_count() -> None:
    given = {"text": "1,240.50 euros in 12 days", "figures": {"done": 85.7}}
    assert why("code: numbers_are_given", "85,7 percent, 1240.5 euros, 12 days, 2 of 3", given) is None
    assert why("code: numbers_are_given", "86 percent of 12", given) == "numbers that nobody gave: 86"


def test_links_must_stand_in_the_input() -> None:
    given = {"text": "see https://example.com/a"}
    assert why("code: links_are_given", "It is at https://example.com/a.", given) is None
    assert (
        why("code: links_are_given", "at www.evil.example/x", given)
        == "links that nobody gave: www.evil.example/x"
    )


def test_a_function_of_ones_own_decides_from_the_value_and_the_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_checks_of_a_test.py").write_text(
        "def echo(value, given):\n    return None if value == given['wanted'] else 'it differs'\n"
        "def broken(value, given):\n    return 1 / 0\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert why("code: 'own_checks_of_a_test:echo'", "a", {"wanted": "a"}) is None
    assert why("code: 'own_checks_of_a_test:echo'", "a", {"wanted": "b"}) == "it differs"
    with pytest.raises(
        NotRun, match=r"own_checks_of_a_test:broken raised ZeroDivisionError: division by zero: mend"
    ):
        why("code: 'own_checks_of_a_test:broken'", "a")


def test_gherkin_parses_as_a_feature_or_as_test_cases() -> None:
    pytest.importorskip("gherkin")
    assert why("code: gherkin_parses", FEATURE) is None
    assert why("code: gherkin_parses", [STEPS, STEPS]) is None
    broken = FEATURE + "    nonsense\n"
    assert str(why("code: gherkin_parses", broken)).startswith("no Gherkin: Parser errors: (6:5)")
    assert why("code: gherkin_parses", "Feature: x\n  Scenario: a\n    b\n") == "a scenario without steps"
    assert why("code: gherkin_parses", "Feature: x\n") == "no scenario in it"
    assert "makes more than one step" in str(
        why("code: gherkin_parses", [{**STEPS, "given": "a link\n    And a user"}])
    )


def test_similar_tells_the_same_from_something_else() -> None:
    pytest.importorskip("wordllama")
    check = "similar: {to: The VPN connection drops every five minutes for the whole team, at_least: 0.5}"
    assert why(check, "Team loses its VPN session about every five minutes") is None
    assert str(why(check, "The invoice shows a wrong total")).startswith("its similarity is 0.0")


@pytest.mark.parametrize(
    ("module", "check", "package"),
    [
        ("gherkin.parser", "code: gherkin_parses", "gherkin-official"),
        ("wordllama", "similar: {to: x}", "wordllama"),
    ],
)
def test_without_its_package_a_check_is_not_run(
    module: str, check: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from infrastructure.evaluation.checks import similar  # noqa: PLC0415 - its cache is emptied

    similar._embedding.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(NotRun, match=rf"{package} is not installed: pip install 'my-agents\[evaluation\]'"):
        why(check, FEATURE)


REFUSED = {
    "{at: category, equal: hardware}": ["16: error: the check `equal` is unknown — do you mean `equals`?"],
    "{at: categry, equals: hardware}": [
        "6: error: the path leads nowhere: answer has no `categry`; it has category, reasons — correct it"
    ],
    "{at: category.name, equals: x}": [
        "6: error: the path leads nowhere: answer.category has no `name`; it has no properties — correct it"
    ],
    "{at: 'category[0]', equals: x}": ["6: error: the path leads nowhere: answer.category is no list — correct it"],
    "{at: 'reasons[x]', contains: x}": [
        "6: error: the path cannot be read from `[x]` on — write it like files[0].path or files[*].content"
    ],
    "{at: category, equals: hardwear}": [
        ("24: error: no answer can pass: it is hardwear, wanted is one of hardware, software, other — "
        "take a value that the prompt's schema allows")
    ],
    "{at: category, one_of: [hardware, 7]}": [
        "35: error: no answer can pass: it is integer, wanted is string — take a value that the prompt's schema allows"
    ],
    "{at: category}": [f"1: error: a check that checks nothing — add one of {', '.join(KINDS)}"],
    "{at: category, equals: other, contains: o}": [
        "31: error: one check does equals and contains — make each its own check"
    ],
    "{at: reasons, regex: '(['}": [
        ("22: error: the regular expression does not compile: unterminated character set at position 1 — "
        "correct it, or quote it with '…'")
    ],
    "{at: reasons, length: {}}": ["23: error: `length` has no bound — write {min: …}, {max: …} or both"],
    "{at: reasons, length: {max: 2, unit: word}}": ["38: error: the unit word is unknown — do you mean `words`?"],
    "{at: reasons, length: {min: 3, max: 2}}": ["23: error: `length` from 3 to 2 is empty — swap the two"],
    "{at: reasons, length: {mx: 2}}": [
        "24: error: the key `mx` of `length` is unknown — do you mean `max`?",
        "23: error: `length` has no bound — write {min: …}, {max: …} or both",
    ],
    "{range: {min: a}}": ["15: error: `range.min` is a text — write a number of any size"],
    "{range: {min: 2, max: 1}}": ["9: error: `range` from 2 to 1 is empty — swap the two"],
    "{range: {}}": ["9: error: `range` has no bound — write {min: …}, {max: …} or both"],
    "{contains: []}": ["12: error: `contains` is an empty list — name at least one text"],
    "{contains: 5}": [
        "12: error: `contains` is a whole number — write a text, in quotes where YAML takes it for another"
    ],
    "{one_of: low}": ["10: error: `one_of` is a text — list the values, as [low, medium]"],
    "{equals: 010}": ["10: error: the number 010 — write it plainly, or as a text in quotes"],
    "{code: python_parse}": ["8: error: the code check python_parse is unknown — do you mean `python_parses`?"],
    "{code: 'no.such:thing'}": [
        "8: error: no.such:thing cannot be imported: No module named 'no' — write module:function, as it is on Python's path"
    ],
    "{code: 'json:__name__'}": ["8: error: json:__name__ is no function — name a function of the value and the case's input"],
    "{similar: {at_least: 0.5}}": ["11: error: `similar` has no `to` — write the text that the answer should resemble"],
    "{similar: {to: x, at_least: 2}}": ["29: error: `similar.at_least` is 2 — write a number from 0 to 1"],
    "{judge: {at_least: 4}}": [
        "9: error: `judge` has no `rubric` — say what a good answer does, in one or two sentences"
    ],
    "{judge: {rubric: x, at_least: 9}}": ["31: error: `judge.at_least` is 9 — write a number from 1 to 5"],
    "[]": ["1: error: a check is a list — write {at: …, equals: …}"],
}  # fmt: skip


@pytest.mark.parametrize("check", REFUSED)
def test_a_check_that_cannot_work_is_refused_with_its_place_and_cure(check: str) -> None:
    assert problems_of(check) == REFUSED[check]


def test_the_guide_names_every_check_and_every_shipped_function() -> None:
    guide = (Path(__file__).parents[3] / "docs/evaluation.md").read_text()
    for name in (*KINDS, *FUNCTIONS):
        assert f"`{name}`" in guide
