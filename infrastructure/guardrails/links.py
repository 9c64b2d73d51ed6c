"""Links and paths that an answer invented, or was told to write: they stand neither in the question nor in the list of hosts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

_LINK: Final = re.compile(r"(?:https?://|(?<![\w/.])www\.)[^\s\"'<>()\[\]{}|\\^`]{1,2000}", re.IGNORECASE)
_PATH: Final = re.compile(
    r"(?<![\w/.:~\\@-])(?:[A-Za-z]:\\|~?/|\.{1,2}/)?(?:[\w.@-]{1,64}[/\\]){1,12}[\w.@-]{0,63}\.[A-Za-z]\w{0,7}(?![\w/])"
)


def invented(answer: str, known: str, hosts: Sequence[str], *, paths: bool) -> Iterator[tuple[int, int]]:
    """Offsets in the answer. `known` is all that the model was asked; a host stands for those below it too."""
    for match in _LINK.finditer(answer):
        link = match[0].rstrip(".,;:!?*_")
        if link not in known and not _allowed(link, hosts):
            yield match.start(), match.start() + len(link)
    if paths:
        for match in _PATH.finditer(answer):
            if match[0] not in known:
                yield match.span()


def _allowed(link: str, hosts: Sequence[str]) -> bool:
    try:
        host = urlsplit(link if "://" in link else f"https://{link}").hostname or ""
    except ValueError:
        return False
    return any(host == allowed or host.endswith(f".{allowed}") for allowed in hosts)
