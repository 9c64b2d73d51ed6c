"""The code checks that come with the platform: each takes a value and the case's input, and says what is wrong."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Final

from infrastructure.evaluation.checks.kind import Decide, NotRun
from infrastructure.evaluation.path import text_of

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"')\]]+", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_SLACK = 1  # percent: rounded shares may miss 100 by so much
_ENUMERATION = 3  # up to here a number may count steps, weeks or the like

# The most frequent words that the other language does not have ("in", "an", "die", "was", "war" are left out).
_GERMAN = """der das und ist nicht mit ein eine einen einem einer es sich auf für von dem den des zu sie ich wird werden wenn
wurde oder auch aus bei nach über vor durch kann können muss nur noch kein keine keinen als wie im am zum zur bis dass sind hat
haben ihr ihre alle mehr seit ohne beim vom bitte dann aber um soll"""
_ENGLISH = """the and is are not with of to it its that this for on be been has have had by at from or as can cannot will when after
which but no there their they than then should must does do all you your we our please if into any may only"""
_WORDS: Final = {"German": frozenset(_GERMAN.split()), "English": frozenset(_ENGLISH.split())}


def python_parses(value: Any, _: Mapping[str, Any]) -> str | None:
    """Of a text, that it is Python; of files (objects with language and content), that those in Python are."""
    for name, source in _sources(value):
        try:
            ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            return f"{name}{line} is no Python: {getattr(error, 'msg', error)}"
    return None


def gherkin_parses(value: Any, _: Mapping[str, Any]) -> str | None:
    """Of a text, that it is a Gherkin feature; of test cases (title, given, when, then), that each makes a scenario."""
    try:
        from gherkin.errors import ParserError  # noqa: PLC0415 - of the extra `evaluation`
        from gherkin.parser import Parser  # noqa: PLC0415
    except ImportError:
        raise NotRun("gherkin-official is not installed: pip install 'my-agents[evaluation]'") from None
    for source in _features(value):
        try:
            document: Any = Parser().parse(source)
        except ParserError as error:
            return f"no Gherkin: {' '.join(str(error).split())}"
        feature = document.get("feature")
        scenarios = [
            child["scenario"] for child in (feature or {}).get("children", []) if "scenario" in child
        ]
        if not all(scenario["steps"] for scenario in scenarios) or not scenarios:
            return "a scenario without steps" if scenarios else "no scenario in it"
        if not isinstance(value, str) and [len(scenario["steps"]) for scenario in scenarios] != [3]:
            return f"a case makes more than one step of its given, when or then: {source!r}"
    return None


def paths_are_safe(value: Any, _: Mapping[str, Any]) -> str | None:
    """Of a path or of files with a path: relative, with forward slashes, inside the folder, none twice."""
    files = value if isinstance(value, list) else [value]
    paths = [str(file.get("path", "")) if isinstance(file, dict) else str(file) for file in files]
    for path in paths:
        parts = PurePosixPath(path).parts
        outside = not parts or path.startswith(("/", "~")) or ".." in parts or re.match(r"[A-Za-z]:", path)
        if outside or "\\" in path or not path.isprintable():
            return f"{path!r} is no relative path inside the repository"
    twice = {path for path in paths if paths.count(path) > 1}
    return f"twice the same path: {', '.join(sorted(twice))}" if twice else None


def numbers_are_given(value: Any, given: Mapping[str, Any]) -> str | None:
    """Every number stands in the input too: nothing was computed or invented. 0 to 3 may count something."""
    known = set(_numbers(text_of(dict(given))))
    invented = [
        number for number in _numbers(text_of(value)) if number not in known and number > _ENUMERATION
    ]
    return f"numbers that nobody gave: {', '.join(f'{one:g}' for one in invented)}" if invented else None


def links_are_given(value: Any, given: Mapping[str, Any]) -> str | None:
    """Every link stands in the input too."""
    known = text_of(dict(given))
    invented = [link for link in _LINK.findall(text_of(value)) if link.rstrip(".,;:!?") not in known]
    return f"links that nobody gave: {', '.join(invented)}" if invented else None


def shares_add_up(value: Any, _: Mapping[str, Any]) -> str | None:
    """Of objects with a share in percent (`share_percent`), that together they are everything."""
    total = sum(item.get("share_percent", 0) for item in value if isinstance(item, dict))
    return None if abs(total - 100) <= _SLACK else f"the shares add up to {total} %"


def _in_language(language: str, value: Any, _: Mapping[str, Any]) -> str | None:
    """By the language's most frequent words: right for sentences, not for single words."""
    words = [word.casefold() for word in _WORD.findall(text_of(value))]
    counts = {name: sum(word in frequent for word in words) for name, frequent in _WORDS.items()}
    others = max(count for name, count in counts.items() if name != language)
    return None if counts[language] > others else f"it does not read like {language}"


FUNCTIONS: Final[dict[str, Decide]] = {
    "python_parses": python_parses,
    "gherkin_parses": gherkin_parses,
    "paths_are_safe": paths_are_safe,
    "numbers_are_given": numbers_are_given,
    "links_are_given": links_are_given,
    "shares_add_up": shares_add_up,
    "in_german": partial(_in_language, "German"),
    "in_english": partial(_in_language, "English"),
}


def _sources(value: Any) -> Iterator[tuple[str, str]]:
    for file in value if isinstance(value, list) else [value]:
        if isinstance(file, dict):
            if file.get("language", "python") == "python":
                yield str(file.get("path", "it")), str(file.get("content", ""))
        else:
            yield "it", str(file)


def _features(value: Any) -> Iterator[str]:
    for case in value if isinstance(value, list) else [value]:
        if isinstance(case, dict):
            yield (
                f"Feature: a case\n  Scenario: {case.get('title', '')}\n    Given {case.get('given', '')}\n"
                f"    When {case.get('when', '')}\n    Then {case.get('then', '')}\n"
            )
        else:
            yield str(case)


def _numbers(text: str) -> Iterator[float]:
    """Read both ways where a mark may be a decimal point or a separator of thousands: 1.500 and 1,5."""
    for found in _NUMBER.findall(text):
        whole, mark, last = found.replace(",", ".").rpartition(".")
        if mark and len(last) == 3:
            yield float(found.replace(",", "").replace(".", ""))
        else:
            yield float(f"{whole.replace('.', '')}.{last}" if mark else last)
