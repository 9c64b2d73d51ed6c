"""A text as its reader understands it: without disguise, and what is encoded in it decoded.

Everything is linear in the text's length: each decoding is a part of the text that it came from, and is looked into once more only.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

_DEPTH: Final = 2

# Soft hyphen, combining grapheme joiner, zero-width and directional marks, invisible operators, variation selectors, BOM.
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufe00-\ufe0f\ufeff]"
)
_FOREIGN: Final = re.compile(r"[^\x00-\x7f]+")
_TAG_BLOCK: Final = 0xE0000
"""Unicode tag characters spell ASCII that nobody sees, and that models read."""

# Letters that look like Latin ones (after casefold and NFKC); umlauts as they are written on other keyboards.
_LOOKALIKES: Final = str.maketrans(
    {
        **dict(zip("аеорсхуіјѕһԁԛԝвкмнтгпиъь", "aeopcxyijshdqwbkmhtrnubb", strict=True)),
        **dict(zip("αβγεηικνορτυχως", "abyenikvoptuxws", strict=True)),
        **dict(zip("ıɑɡɩʋ", "iagiv", strict=True)),
        "ä": "ae", "ö": "oe", "ü": "ue", "’": "'", "‘": "'", "“": '"', "”": '"', "„": '"',
    }
)  # fmt: skip
_LEET: Final = str.maketrans("4@310!5$7", "aaeioisst")
# Patterns that are looked for everywhere begin with what is rare in a text: that is found many times faster.
_LEET_WORD: Final = re.compile(r"(?<=[a-z])[0-9@$!]{1,2}[a-z]")
_SPELT: Final = re.compile(r"(?<!\w)[^\W_]([ .\-_*|/])[^\W_](?:\1[^\W_])+(?!\w)")
_SPELT_END: Final = re.compile(r"([ .\-_*|/])[^\W_]\1[^\W_](?!\w)")
"""What every word that is spelt out ends with."""
_WRAPPED: Final = re.compile(
    r"(?:\n(?<=[A-Za-z0-9+/]{40}\n)|\r\n(?<=[A-Za-z0-9+/]{40}\r\n))(?=[A-Za-z0-9+/=]{4})"
)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_ODD: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")
_LINE: Final = 40
"""Characters from which a line of base64 may go on in the next."""
_HEX: Final = re.compile(r"[0-9a-fA-F]{16,}")
_PERCENT: Final = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_ESCAPES: Final = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")

# Stems of what an injection says, however written: a text that has none of them is not turned round.
_TELLTALE: Final = (
    "ignor", "instruct", "prompt", "system", "rules", "anweisung", "regeln", "vorgabe", "vergiss", "password", "kennwort",
    "restrict", "einschraenk",
)  # fmt: skip
_ROT13: Final = tuple(codecs.encode(stem, "rot13") for stem in _TELLTALE)
_BACKWARDS: Final = tuple(stem[::-1] for stem in _TELLTALE)


def plain(text: str) -> str:
    """Lower case, in compatibility form, without invisible characters, look-alikes as the letters that they look like."""
    if text.isascii():
        return text.lower()
    return _FOREIGN.sub(lambda run: _folded(run[0]), unicodedata.normalize("NFKC", text).casefold())


@lru_cache(maxsize=4096)
def _folded(run: str) -> str:
    shown = "".join(
        chr(ord(c) - _TAG_BLOCK) if _TAG_BLOCK + 32 <= ord(c) < _TAG_BLOCK + 127 else c for c in run
    )
    return _INVISIBLE.sub("", shown).lower().translate(_LOOKALIKES)


def readings(text: str, depth: int = _DEPTH) -> Iterator[tuple[str, str]]:
    """How a text can be read, each with the way to it: `plain` first, then what can be decoded from it."""
    simple = plain(text)
    yield "plain", simple
    if _LEET_WORD.search(simple):
        odd = " ".join([word for word in simple.split() if _LEET_WORD.search(word)])
        if _holds(odd.translate(_LEET), _TELLTALE):
            yield "leetspeak", simple.translate(_LEET)
    if _SPELT_END.search(simple) and _SPELT.search(simple):
        joined = _SPELT.sub(lambda run: run[0][::2], simple)
        if _holds(joined, _TELLTALE):
            yield "spelt out", joined
    if _holds(simple, _ROT13):
        yield "rot13", codecs.encode(simple, "rot13")
    if _holds(simple, _BACKWARDS):
        yield "backwards", simple[::-1]
    if depth:
        for way, decoded in _decoded(text):
            for deeper, reading in readings(decoded, depth - 1):
                yield way if deeper == "plain" else f"{way}, {deeper}", reading


def _holds(text: str, stems: tuple[str, ...]) -> bool:
    return bool([stem for stem in stems if stem in text])


def _decoded(text: str) -> Iterator[tuple[str, str]]:
    if runs := _BASE64.findall(text):
        if any(len(run) >= _LINE for run in runs):
            runs = _BASE64.findall(_WRAPPED.sub("", text))
        if parts := [part for run in runs if (part := _readable(_from_base64, run))]:
            yield "base64", "\n".join(parts)
        hexadecimal = [found[: len(found) & ~1] for run in runs for found in _HEX.findall(run)]
        if parts := [part for run in hexadecimal if (part := _readable(bytes.fromhex, run))]:
            yield "hex", "\n".join(parts)
    if "%" in text and (unquoted := _PERCENT.sub(_unquoted, text)) != text:
        yield "percent encoding", unquoted
    if "&" in text and (unescaped := html.unescape(text)) != text:
        yield "HTML entities", unescaped
    if "\\" in text and _ESCAPES.search(text):
        yield "escapes", _ESCAPES.sub(lambda escape: chr(int(escape[1] or escape[2], 16)), text)


def _unquoted(run: re.Match[str]) -> str:
    return bytes.fromhex(run[0].replace("%", "")).decode("utf-8", errors="replace")


def _from_base64(run: str) -> bytes:
    run = run.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    run = run[: len(run) - 1] if len(run) % 4 == 1 else run
    return base64.b64decode(run + "=" * (-len(run) % 4))


def _readable(decode: Callable[[str], bytes], run: str) -> str | None:
    """What was meant to be read is text nearly throughout: words, blanks and few signs; random bytes are not."""
    try:
        raw = decode(run)
    except (binascii.Error, ValueError):
        return None
    text = raw.decode("utf-8", errors="replace")
    odd = len(_ODD.findall(text))
    return text if odd * 10 <= len(text) else None
