"""`${NAME}` and `${NAME:-otherwise}` in the values of a file, from the environment. What is not set is an error, not empty."""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class UnsetVariable(ValueError):
    """A variable that has no value, and no other was given for that case."""


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """The text with its references replaced; an empty variable counts as not set.

    Raises:
        UnsetVariable: naming it.
        ValueError: a `${` that begins no reference.

    """

    def value(reference: re.Match[str]) -> str:
        name, otherwise = reference.groups()
        if found := environment.get(name):
            return found
        if otherwise is None:
            raise UnsetVariable(
                f"the environment variable {name} is not set — set it, or write ${{{name}:-VALUE}} for the value to take then"
            )
        return str(otherwise)

    if "${" in _REFERENCE.sub("", text):
        raise ValueError(
            "has a ${ that begins no ${NAME} — write ${NAME} or ${NAME:-VALUE}, with letters, digits and _"
        )
    return _REFERENCE.sub(value, text)
