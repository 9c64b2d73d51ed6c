"""What somebody may have meant by a name that does not exist."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(wrong: str, known: Iterable[str]) -> str:
    """A hint: the most alike of the known names, else all of them."""
    names = list(known)
    alike = get_close_matches(wrong, names, n=1, cutoff=0.5)
    return f"did you mean {alike[0]}?" if alike else f"there are: {', '.join(names) or 'none'}"
