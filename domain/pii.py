"""Personal data that has a form: addresses, account and card numbers. Names have none, and are not found.

Every pattern is linear, and a number counts only when its check digits are right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Final

_LETTERS_AS_NUMBERS: Final = {ord(letter): str(int(letter, 36)) for letter in ascii_uppercase}
_DOUBLED: Final = tuple(sum(divmod(2 * digit, 10)) for digit in range(10))


@dataclass(frozen=True, slots=True)
class Personal:
    """One find; `start` and `end` are offsets in the text."""

    kind: str
    start: int
    end: int
    text: str


def iban_is_valid(text: str) -> bool:
    """ISO 13616: the digits of the turned-round number, letters as 10 to 35, leave 1 when divided by 97."""
    compact = text.replace(" ", "").upper()
    if not 15 <= len(compact) <= 34:
        return False
    return int((compact[4:] + compact[:4]).translate(_LETTERS_AS_NUMBERS)) % 97 == 1


def card_is_valid(text: str) -> bool:
    """ISO/IEC 7812: Luhn's sum."""
    digits = text.replace(" ", "").replace("-", "")
    length = 15 if digits[0] == "3" else 16  # American Express; all others that the pattern lets through
    if len(digits) != length:
        return False
    doubled = (_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def german_tax_id_is_valid(text: str) -> bool:
    """Identifikationsnummer (§ 139b AO): ISO 7064 mod 11,10, one digit two or three times in the first ten."""
    digits = [int(character) for character in text if character.isdigit()]
    if len(digits) != 11 or digits[0] == 0 or not 2 <= max(map(digits[:10].count, digits[:10])) <= 3:
        return False
    product = 10
    for digit in digits[:10]:
        total = (digit + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == digits[10]


def _always(_: str) -> bool:
    return True


_KINDS: Final[dict[str, tuple[str, re.Pattern[str], Callable[[str], bool]]]] = {
    "email": (
        "@",
        re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}", re.ASCII),
        _always,
    ),
    "iban": (
        "",
        re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
        iban_is_valid,
    ),
    "card": (
        "",
        re.compile(r"(?<![\d.-])(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|3[47]\d\d|6(?:011|5\d\d))(?:[ -]?\d{2,6}){2,5}(?![\d-])"),
        card_is_valid,
    ),
    "tax_id": ("", re.compile(r"(?<!\d)[1-9]\d(?: ?\d{3}){3}(?!\d)"), german_tax_id_is_valid),
    "phone": (
        "",
        re.compile(r"(?<![\w+.-])(?:\+|00)[1-9]\d{0,2}[ ./-]?(?:\(0\)[ ]?)?\(?\d{1,5}\)?(?:[ ./-]?\d{2,5}){1,5}(?![\w-])"),
        _always,
    ),
}  # fmt: skip
KINDS: Final = tuple(_KINDS)
_DIGITS: Final = re.compile(r"\d[\d ()./-]{3}")
"""What every number that is looked for has somewhere."""


def find_personal(text: str, kinds: Sequence[str] = KINDS) -> Iterator[Personal]:
    """From left to right; where two kinds overlap, the one that begins first, and of these the first of `KINDS`."""
    if "@" not in text and not _DIGITS.search(text):
        return
    found = [
        Personal(kind, match.start(), match.end(), match[0])
        for kind in kinds
        if _KINDS[kind][0] in text
        for match in _KINDS[kind][1].finditer(text)
        if _KINDS[kind][2](match[0])
    ]
    end = 0
    for each in sorted(found, key=lambda find: (find.start, KINDS.index(find.kind))):
        if each.start >= end:
            yield each
            end = each.end
