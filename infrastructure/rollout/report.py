"""The report on a prompt: its split, the figures of its versions with their intervals, and how candidates compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from math import isfinite

from domain.figures import Counts, Mean, mean_of
from domain.json import JsonObject
from domain.ports.prompts import PromptRegistry
from domain.rollout import Split
from domain.semver import precedence
from domain.sequential import Interval, Rate, mean_interval, rate_interval
from domain.verdict import ALPHA, compare, failures, invalid
from infrastructure.rollout.live import LiveRollout

LATEST = 20
"""Versions that a report tells of, beside those that are split."""
_MEANS = ("seconds", "input_tokens", "output_tokens", "cost", "feedback")

Evaluated = Callable[[str, str], float | None]
"""The score of a prompt's version in its evaluation, None where there is none."""


async def report(
    rollout: LiveRollout, prompts: PromptRegistry, prompt: str, evaluated: Evaluated
) -> JsonObject:
    """Raise `Unavailable`, `DocumentUnreadable`; `PromptInvalid` for an unknown prompt."""
    splits = await rollout.splits.refresh()
    split = splits.splits.get(prompt)
    taken = [one for one in splits.taken_back if one.prompt == prompt]
    states = {one.version: one.state for one in prompts.versions() if one.name == prompt}
    serving = split.baseline if split else prompts.get(prompt).version
    shares = split.shares if split else {serving: 100}
    latest = [version for version in sorted(states, key=precedence) if states[version] != "draft"][-LATEST:]
    sheets = {
        version: await rollout.figures.sheet(prompt, version)
        for version in sorted({*latest, *shares}, key=precedence)
    }
    experiment = {
        version: sheet.revisions.get(str(split.revision), {}) if split else {}
        for version, sheet in sheets.items()
    }
    return {
        "prompt": prompt,
        "baseline": serving,
        "split": described(split) if split else None,
        "versions": [
            {
                "version": version,
                "state": states.get(version, "unknown"),
                "share": shares.get(version, 0),
                "evaluation": evaluated(prompt, version),
                "total": figures(sheet.total),
                "experiment": figures(experiment[version]) if version in shares and split else None,
                "comparison": _comparison(split, version, experiment),
                "taken_back": [one.model_dump(mode="json") for one in taken if one.version == version],
            }
            for version, sheet in sheets.items()
        ],
    }


def described(split: Split) -> JsonObject:
    """A split as the API tells it."""
    return {
        "revision": split.revision,
        "baseline": split.baseline,
        "shares": split.shares,
        "dearer": split.dearer,
        "label": split.label,
        "at": split.at,
    }


def figures(counts: Mapping[str, float]) -> JsonObject:
    """Counters as people read them: each rate and mean with the interval in which it lies, at all times at once, with 95 %."""
    executions, answered = round(counts.get("executions", 0)), round(counts.get("answered", 0))
    return {
        "executions": executions,
        "valid": _rate(Rate(answered - invalid(counts).count, answered)),
        "repaired": _rate(Rate(round(counts.get("repaired", 0)), answered)),
        "failed": _rate(failures(counts)),
        "failed_otherwise": round(counts.get("others_fault", 0)),
        **{name: _mean(mean_of(counts, name)) for name in _MEANS},
    }


def _comparison(split: Split | None, version: str, experiment: Mapping[str, Counts]) -> JsonObject | None:
    """How a candidate compares, also one that was taken back: its figures stay those of the experiment."""
    if split is None or version == split.baseline or version not in split.buckets:
        return None
    findings = compare(
        experiment[version],
        experiment[split.baseline],
        dearer=split.dearer,
        candidates=len(split.buckets) - 1,
    )
    return {
        "worse": [finding.criterion for finding in findings if finding.worse],
        "findings": [asdict(finding) | {"worse": finding.worse} for finding in findings],
    }


def _rate(rate: Rate) -> JsonObject:
    return {
        "count": rate.count,
        "of": rate.of,
        "rate": rate.value if rate.of else None,
        **_ends(rate_interval(rate, ALPHA)),
    }


def _mean(mean: Mean) -> JsonObject:
    return {"n": mean.n, "mean": mean.mean if mean.n else None, **_ends(mean_interval(mean, ALPHA))}


def _ends(interval: Interval) -> JsonObject:
    """None for an end that is nowhere yet."""
    return {
        "low": interval.low if isfinite(interval.low) else None,
        "high": interval.high if isfinite(interval.high) else None,
    }
