"""Prompt injection, scored by rules: meanings that stand close together, and forms that only a forger of messages writes.

Rules see what came from outside, never a prompt's own template. They are no security boundary: a paraphrase that they do not know
passes (docs/guardrails.md says how many do).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from infrastructure.guardrails.plain import readings
from infrastructure.guardrails.vocabulary import PHRASES, meanings

THRESHOLD: Final = 1.0
Positions: TypeAlias = Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """`score` from 0; an injection from `THRESHOLD`. `rules` are the names of those that spoke, `reading` how the text was read."""

    score: float
    rules: tuple[str, ...]
    reading: str


@dataclass(frozen=True, slots=True)
class Rule:
    """All `meanings` within `window` words; `ordered`: one after the other, each so close to the one before."""

    name: str
    weight: float
    meanings: tuple[str, ...]
    window: int = 8
    ordered: bool = False
    needed: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needed", frozenset(self.meanings))


RULES: Final = (
    Rule("override", 1.0, ("ignore", "prior", "instruction"), window=5, ordered=True),
    Rule("override", 1.0, ("ignore", "your", "instruction"), window=5, ordered=True),
    Rule("override", 1.0, ("ignore", "system", "instruction"), window=5, ordered=True),
    Rule("override", 1.0, ("ignore", "instruction", "above"), window=4, ordered=True),
    Rule("override", 1.0, ("ignore", "instruction", "you"), window=4, ordered=True),
    Rule("override", 1.0, ("ignore", "instruction", "system"), window=4, ordered=True),
    Rule("override", 1.0, ("your", "instruction", "ignore"), window=5, ordered=True),
    Rule("override", 1.0, ("prior", "instruction", "ignore"), window=4, ordered=True),
    Rule("override", 1.0, ("ignore", "prior", "told"), window=7),
    Rule("override", 1.0, ("ignore", "you", "told"), window=7),
    Rule("override", 0.5, ("ignore", "instruction"), window=6),
    Rule("override", 1.0, ("ignore", "everything"), window=2, ordered=True),
    Rule("override", 1.0, ("ignore", "prior", "tasks"), window=3, ordered=True),
    Rule("override", 1.0, ("change", "your", "instruction"), window=3, ordered=True),
    Rule("new task", 1.0, ("your", "new", "task"), window=3, ordered=True),
    Rule("new task", 0.5, ("new", "task"), window=2, ordered=True),
    Rule("new task", 1.0, ("praise", "next", "tasks"), window=14, ordered=True),
    Rule("new task", 0.5, ("nothing_else",)),
    Rule("new task", 0.5, ("instead", "answer"), window=10, ordered=True),
    Rule("new task", 0.5, ("from_now",)),
    Rule("new task", 0.5, ("from_now", "you"), window=6),
    Rule("role", 1.0, ("role", "unbound"), window=12),
    Rule("role", 1.0, ("role", "without", "instruction"), window=8, ordered=True),
    Rule("role", 1.0, ("you", "unbound"), window=8),
    Rule("role", 0.5, ("role", "ai"), window=6),
    Rule("role", 0.5, ("role", "you"), window=2),
    Rule("role", 0.5, ("now_are",)),
    Rule("role", 1.0, ("act",)),
    Rule("role", 0.5, ("role", "excuse"), window=6),
    Rule("role", 0.5, ("role", "secret"), window=16),
    Rule("extraction", 1.0, ("reveal", "your", "given"), window=4, ordered=True),
    Rule("extraction", 1.0, ("reveal", "given", "told"), window=8, ordered=True),
    Rule("extraction", 1.0, ("reveal", "text_above"), window=6),
    Rule("extraction", 1.0, ("reveal", "whole", "given"), window=3, ordered=True),
    Rule("extraction", 1.0, ("reveal", "system", "given"), window=3, ordered=True),
    Rule("extraction", 0.5, ("given", "you", "reveal"), window=5, ordered=True),
    Rule("extraction", 0.5, ("given", "whole"), window=8),
    Rule("extraction", 0.5, ("reveal", "secret"), window=6, ordered=True),
    Rule("indirect", 1.0, ("to", "ai", "demand"), window=8, ordered=True),
    Rule("indirect", 0.5, ("ai", "reader", "demand"), window=8, ordered=True),
    Rule("indirect", 0.5, ("ai", "before_answer"), window=16),
    Rule("verdict", 0.5, ("demand", "verdict"), window=10),
    Rule("exfiltration", 1.0, ("send", "data", "web"), window=9, ordered=True),
    Rule("exfiltration", 1.0, ("send", "web", "data"), window=9, ordered=True),
    Rule("exfiltration", 1.0, ("send", "data", "carrier"), window=10),
    Rule("exfiltration", 0.5, ("secret", "carrier"), window=10),
    Rule("tool", 1.0, ("call", "tool", "before_answer"), window=14),
    Rule("tool", 0.5, ("before_answer",)),
    Rule("tool", 0.5, ("call", "you", "tool"), window=5),
    Rule("command", 0.5, ("send", "command", "product"), window=14),
    Rule("encoded", 1.0, ("decode", "obey"), window=6),
    Rule("earlier turn", 0.5, ("agreed",)),
    Rule("earlier turn", 0.5, ("agreed", "you"), window=8),
    Rule("earlier turn", 0.5, ("agreed", "ignore"), window=12),
    Rule("harm", 0.5, ("make", "harm"), window=12),
    Rule("harm", 0.5, ("excuse", "harm"), window=24),
)


@dataclass(frozen=True, slots=True)
class Form:
    """A pattern in the text. It is looked for where one of `needs` stands in it, or a word means it: that is cheap to find out."""

    name: str
    weight: float
    pattern: re.Pattern[str]
    needs: tuple[str, ...]
    meaning: str


def _form(name: str, weight: float, pattern: str, *needs: str, meaning: str = "") -> Form:
    return Form(name, weight, re.compile(pattern, re.MULTILINE), needs, meaning)


_AI = r"(?:ai|ki|llm|gpt|language model|sprachmodell|model\b|modell\b|assistants?\b|assistent|chatbot)"
_AIS = ("ai", "ki", "llm", "gpt", "model", "assist", "chatbot", "copilot")
_OUR_TAGS = "ticket|file|specification|event|sprint|guidance|message|system|user|focus|goal|measures"

FORMS: Final = (
    _form("chat marks", 1.0, r"<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|eot_id|start_header_id)\b", "<|"),
    _form("chat marks", 1.0, r"\[/?inst\]|<</?sys>>", "inst]", "sys>>"),
    _form("tags", 0.5, rf"</(?:{_OUR_TAGS})>", "</"),
    _form("tags", 0.5, r"<(?:message|system|assistant|instructions?)\b[^<>]{0,80}>", "<mess", "<sys", "<ass", "<instr"),
    _form("turns", 0.5, r"^[ \t#*>-]{0,8}system(?: ?message| ?prompt)?[ \t#*]{0,8}:", "system"),
    _form("turns", 0.5, r"^[ \t#*>-]{0,8}(?:assistant|assistent|ai|ki)[^:\n]{0,30}:", *_AIS),
    _form("turns", 0.5, r"^[ \t#*>-]{0,8}(?:user|human|benutzer|nutzer)[ \t]{0,4}:", "user", "human", "nutzer"),
    _form(
        "end of data",
        0.6,
        r"\bend of (?:user ?)?(?:input|data|ticket|document|text|file)\b"
        r"|\bende (?:der|des) (?:benutzer|nutzer)?(?:eingabe|daten|tickets?|dokuments|textes|datei)\b",
        "end of", "ende de",
    ),
    _form("broken JSON", 1.0, r"[\"']\s{0,4}\}\s{0,4}\]\s{0,4},\s{0,4}[\"']role[\"']\s{0,4}:", "role"),
    _form(
        "tool call",
        1.0,
        r"[\"']tool_calls[\"']\s{0,4}:|</?(?:function|tool)_calls?>|^action input\s{0,4}:",
        "tool_call", "function_call", "action input",
    ),
    _form(
        "command",
        0.5,
        r"\brm -rf\b|\b(?:curl|wget)\b[^\n|]{0,120}\|\s{0,4}(?:ba|z)?sh\b|document\.cookie|169\.254\.169\.254"
        r"|\bdrop (?:the )?table\b",
        "rm -rf", "curl", "wget", "document.cookie", "169.254.", "drop ",
    ),
    _form(
        "addressed",
        0.5,
        r"(?:^|[.!?:(]\s?|-- |# |// |<!-- )(?:(?:assistant )?(?:instructions?|anweisung(?:en)?|hinweise?|note|message|nachricht) )?"
        rf"(?:to|for|an|fuer|if you are|falls du|wenn du)(?: the| any| all| an?| das| die| den| jedes| alle| eine?)? {_AI}",
        meaning="ai",
    ),
    _form(
        "addressed",
        0.5,
        r"(?:\b(?:ai|ki|llm|copilot|assistant|assistent|gpt|assistants|assistenten|ki-agenten|ai agents)\b|@copilot)[- ]?\w{0,12}\s?:",
        meaning="ai",
    ),
    _form(
        "hidden",
        0.5,
        r"<!--|font-size:\s?0|display:\s?none|color:\s?white|\bhidden\)|\bverborgen\)",
        "<!--", "font-size", "display:", "color:", "hidden)", "verborgen)",
    ),
)  # fmt: skip

_WORD: Final = re.compile(r"[^\W_]+|[.!?\n](?=\s|$)")
"""A word; and the end of a sentence, which counts as a word too, so that what is near stands in one sentence for the most part."""
_NEIGHBOURHOOD: Final = 60
"""Words within which hints add up: in a long text unrelated ones come together somewhere."""


def suspicion(text: str) -> Suspicion:
    """The worst place of the worst of all readings of a text."""
    worst = Suspicion(0.0, (), "plain")
    for way, reading in readings(text):
        score, rules = _score(reading)
        if score > worst.score:
            worst = Suspicion(score, rules, way)
    return worst


def _score(text: str) -> tuple[float, tuple[str, ...]]:
    positions = _positions(_WORD.findall(text))
    hits = [
        (place, index)
        for meaning in positions
        for index, rule in _RULES_FROM.get(meaning, ())
        if rule.needed <= positions.keys()
        for place in _places(rule, positions)
    ]
    wanted = {form for need, form in _NEEDS if need in text}
    wanted.update(index for index, form in enumerate(FORMS) if form.meaning in positions)
    found = [
        (match.start(), len(RULES) + index)
        for index in wanted
        for match in FORMS[index].pattern.finditer(text)
    ]
    if found:
        offsets = [match.start() for match in _WORD.finditer(text)]
        hits += [(bisect_left(offsets, offset), index) for offset, index in found]
    return _densest(sorted(hits)) if hits else (0.0, ())


def _densest(hits: Sequence[tuple[int, int]]) -> tuple[float, tuple[str, ...]]:
    """The largest sum of different rules within one neighbourhood, and their names."""
    best, best_rules = 0.0, frozenset[int]()
    inside: Counter[int] = Counter()
    score = 0.0
    start = 0
    for place, index in hits:
        if not inside[index]:
            score += _WEIGHTS[index]
        inside[index] += 1
        while hits[start][0] < place - _NEIGHBOURHOOD:
            gone = hits[start][1]
            inside[gone] -= 1
            if not inside[gone]:
                score -= _WEIGHTS[gone]
            start += 1
        if score > best:
            best, best_rules = score, frozenset(index for index, count in inside.items() if count)
    return best, tuple(dict.fromkeys(_NAMES[index] for index in sorted(best_rules)))


_RULES_FROM: Final[Mapping[str, Sequence[tuple[int, Rule]]]] = {
    first: [(index, rule) for index, rule in enumerate(RULES) if rule.meanings[0] == first]
    for first in {rule.meanings[0] for rule in RULES}
}
_NEEDS: Final = tuple((need, index) for index, form in enumerate(FORMS) for need in form.needs)
_WEIGHTS: Final = tuple(each.weight for each in (*RULES, *FORMS))
_NAMES: Final = tuple(each.name for each in (*RULES, *FORMS))


def _positions(words: Sequence[str]) -> Positions:
    """Where each meaning stands, counted in words."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    # Most words mean nothing, and many come again: each is looked up once.
    telling = {word: meant for word in set(words) if (meant := meanings(word)) or word in PHRASES}
    for place, word in [(place, word) for place, word in enumerate(words) if word in telling]:
        for meaning in telling[word]:
            found[meaning].append(place)
        for rest, meaning in PHRASES.get(word, ()):
            if tuple(words[place + 1 : place + 1 + len(rest)]) == rest:
                found[meaning].append(place)
    return found


def _places(rule: Rule, positions: Positions) -> Iterator[int]:
    """Where a rule speaks whose meanings are all there: at each place of its rarest that has the others close by."""
    if rule.ordered:
        for start in positions[rule.meanings[0]]:
            if _chain(rule, positions, start):
                yield start
        return
    rarest = min(rule.meanings, key=lambda meaning: len(positions[meaning]))
    others = [meaning for meaning in rule.meanings if meaning != rarest]
    for place in positions[rarest]:
        if all(
            _between(positions[other], place - rule.window, place + rule.window) for other in others
        ) and any(
            all(_between(positions[other], start, start + rule.window) for other in others)
            for start in _starts(rule, positions, place)
        ):
            yield place


def _chain(rule: Rule, positions: Positions, place: int) -> bool:
    """Whether each meaning follows the one before; a word may be two of them. The nearest is the best: it leaves most room."""
    for meaning in rule.meanings[1:]:
        places = positions[meaning]
        index = bisect_left(places, place)
        if index == len(places) or places[index] > place + rule.window:
            return False
        place = places[index]
    return True


def _starts(rule: Rule, positions: Positions, place: int) -> Iterator[int]:
    """Where a window that holds a place may begin: at that place, or at another meaning before it."""
    yield place
    for meaning in rule.meanings:
        places = positions[meaning]
        for index in range(bisect_left(places, place - rule.window), bisect_left(places, place)):
            yield places[index]


def _between(places: Sequence[int], low: int, high: int) -> bool:
    index = bisect_left(places, low)
    return index < len(places) and places[index] <= high
