"""Dead links in the project's Markdown: files and headings that a relative link names and that are not there."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).parents[1]
_LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


def dead_links(page: Path) -> Iterator[str]:
    """One line for each link of a page that leads nowhere. Links to other hosts are not followed."""
    text = _FENCE.sub("", page.read_text())
    for target in _LINK.findall(text):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield f"{page.relative_to(ROOT)}: {target}: no such file"
        elif anchor and file.suffix == ".md" and anchor not in _anchors(file):
            yield f"{page.relative_to(ROOT)}: {target}: no such heading"


def _anchors(page: Path) -> set[str]:
    """Headings as GitHub makes anchors of them."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def main() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    dead = [line for page in sorted(pages) for line in dead_links(page)]
    sys.stdout.write("".join(f"{line}\n" for line in dead) or f"{len(pages)} pages, no dead link\n")
    sys.exit(bool(dead))


if __name__ == "__main__":
    main()
