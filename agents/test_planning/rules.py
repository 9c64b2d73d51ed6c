"""What needs no model: numbering, adding up, counting."""

from __future__ import annotations

from collections.abc import Sequence

from agents.test_planning.models import AnalyzeCoverage, DraftCase, DraftLevel
from domain.entities.specification import Case
from domain.events.testplanning import CoverageFigures, LevelShare

LISTED = 50


def numbered(drafts: Sequence[DraftCase]) -> tuple[Case, ...]:
    """TC-1, TC-2, …; a case that repeats another word for word is left out."""
    distinct = list(dict.fromkeys(drafts))
    return tuple(Case(id=f"TC-{number}", **draft.model_dump()) for number, draft in enumerate(distinct, 1))


def shared_out(drafts: Sequence[DraftLevel]) -> tuple[LevelShare, ...]:
    """One entry a level, with shares that add up to 100 by largest remainder; without any share all get the same."""
    levels: dict[str, DraftLevel] = {}
    for draft in drafts:
        known = levels.get(draft.level)
        share = draft.share_percent + (known.share_percent if known else 0)
        levels[draft.level] = (known or draft).model_copy(update={"share_percent": share})
    weights = [level.share_percent for level in levels.values()]
    if sum(weights) == 0:
        weights = [1] * len(weights)
    shares = [weight * 100 // sum(weights) for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(weights[i] * 100 % sum(weights)))
    for i in by_remainder[: 100 - sum(shares)]:
        shares[i] += 1
    return tuple(
        LevelShare(level=level.level, focus=level.focus, share_percent=share)
        for level, share in zip(levels.values(), shares, strict=True)
    )


def coverage(asked: AnalyzeCoverage) -> CoverageFigures:
    ids = [requirement.id for requirement in asked.requirements]
    referred = dict.fromkeys(reference for case in asked.cases for reference in case.covers)
    uncovered = [name for name in ids if name not in referred]
    covered = len(ids) - len(uncovered)
    return CoverageFigures(
        requirements=len(ids),
        covered=covered,
        covered_percent=round(covered * 100 / len(ids), 1),
        uncovered=tuple(uncovered),
        unknown=tuple(name for name in referred if name not in ids)[:LISTED],
        aimless=tuple(case.title for case in asked.cases if not set(case.covers) & set(ids))[:LISTED],
    )
