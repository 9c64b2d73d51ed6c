"""Semantic versions, compared as https://semver.org says (precedence: item 11); build metadata is refused."""

from __future__ import annotations

import re
from typing import TypeAlias

_NUMBER = r"(0|[1-9]\d*)"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*)"
    r"(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*))*))?",
    re.ASCII,
)

Precedence: TypeAlias = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


def precedence(version: str) -> Precedence:
    """A key that sorts versions: numbers by value, a pre-release before its release.

    Raises:
        ValueError: it is no semantic version, or has build metadata.

    """
    match = _VERSION.fullmatch(version)
    if not match:
        raise ValueError(f"{version!r} is not a semantic version such as 1.0.0 or 1.1.0-rc.1")
    major, minor, patch, pre = match.groups()
    parts = tuple(
        (False, int(part), "") if part.isdigit() else (True, 0, part)
        for part in (pre or "").split(".")
        if part
    )
    return int(major), int(minor), int(patch), not pre, parts


def is_prerelease(version: str) -> bool:
    return "-" in version
