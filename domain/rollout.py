"""How much of a prompt's work each of its versions gets, and which version a chain of work is given: data and pure functions.

A hundred buckets are dealt out among the versions. The hash of a chain's correlation id finds its bucket, so that a chain
stays with one version, and a bucket changes hands only where a share has to grow.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from domain.documents import Kept
from domain.semver import precedence

BUCKETS = 100
"""A share is a whole number of per cent."""
ROLLED_BACK = ".prompt.rolled-back"
"""How the topics end on which agents tell of versions that were taken back."""
KEPT = 50
"""Versions that were taken back and are remembered, of all prompts of an agent."""
DEARER = 25
"""Per cent by which a candidate may cost more than the baseline, where nobody said anything else."""

Shares: TypeAlias = Mapping[str, int]
"""Version → per cent."""
Criterion: TypeAlias = Literal["failures", "validity", "cost", "by hand"]


class Split(BaseModel):
    """`revision` is the experiment: it is new with each change that a person makes, and figures are compared within it.

    `salt` stays while buckets may stay where they are. `dearer` is how much more a candidate may cost, in per cent.
    """

    model_config = ConfigDict(frozen=True)

    revision: int
    salt: int
    baseline: str
    buckets: dict[str, tuple[int, ...]]
    dearer: int = DEARER
    at: str

    @property
    def shares(self) -> dict[str, int]:
        return {version: len(buckets) for version, buckets in self.buckets.items()}

    @property
    def candidates(self) -> list[str]:
        """Those that get work, and are compared with the baseline."""
        return [version for version, share in self.shares.items() if share and version != self.baseline]

    @property
    def label(self) -> str:
        """What an execution records of it: `r3:1.0.0=90,1.1.0=10`."""
        return f"r{self.revision}:" + ",".join(f"{v}={share}" for v, share in self.shares.items())


class TakenBack(BaseModel):
    """A version that gets no more work, and why. `announced`: the event of it is out."""

    model_config = ConfigDict(frozen=True)

    prompt: str
    version: str
    revision: int
    baseline: str
    share: int
    criterion: Criterion
    because: str
    at: str
    announced: bool = False


class Splits(Kept):
    """All splits of one agent: one small document, which every replica looks at. `revision` counts for all of them."""

    revision: int = 0
    splits: dict[str, Split] = Field(default_factory=dict)
    taken_back: tuple[TakenBack, ...] = ()


def bucket_of(sticky: str, prompt: str, salt: int) -> int:
    """The same for the same chain, prompt and experiment; evenly spread over 0 to 99."""
    digest = blake2b(f"{salt}/{prompt}/{sticky}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % BUCKETS


def revision_of(label: str | None) -> int:
    """Of which revision a recorded label is; 0 where there was no split."""
    return int(label[1 : label.index(":")]) if label else 0


def with_split(splits: Splits, prompt: str, shares: Shares, *, dearer: int, at: str) -> Splits:
    """A person's change: a new experiment. The shares are known to be right."""
    before, revision = splits.splits.get(prompt), splits.revision + 1
    # While the baseline stays there is something to be moved as little as possible; else everything is dealt out anew.
    goes_on = before is not None and before.baseline in shares and len(before.shares) > 1
    baseline = before.baseline if before is not None and before.baseline in shares else _largest(shares)
    split = Split(
        revision=revision,
        salt=before.salt if before is not None and goes_on else revision,
        baseline=baseline,
        buckets=_dealt(shares, before.buckets if before is not None and goes_on else {baseline: _ALL}),
        dearer=dearer,
        at=at,
    )
    return splits.model_copy(
        update={"revision": revision, "splits": {**splits.splits, prompt: split}},
    )


def without_split(splits: Splits, prompt: str) -> Splits:
    left = {name: split for name, split in splits.splits.items() if name != prompt}
    return splits.model_copy(update={"splits": left})


def take_back(
    splits: Splits, prompt: str, revision: int, versions: Mapping[str, str], *, criterion: Criterion, at: str
) -> Splits | None:
    """Give the buckets of versions to the baseline, each with its reason. None when there is nothing to take: somebody else
    did it, or a person has decided otherwise meanwhile.
    """
    split = splits.splits.get(prompt)
    if split is None or split.revision != revision:
        return None
    taken = [
        TakenBack(
            prompt=prompt,
            version=version,
            revision=revision,
            baseline=split.baseline,
            share=split.shares[version],
            criterion=criterion,
            because=because,
            at=at,
        )
        for version, because in versions.items()
        if split.shares.get(version) and version != split.baseline
    ]
    if not taken:
        return None
    gone = {one.version for one in taken}
    shares = {version: 0 if version in gone else share for version, share in split.shares.items()}
    shares[split.baseline] += sum(one.share for one in taken)
    moved = split.model_copy(update={"buckets": _dealt(shares, split.buckets)})
    return splits.model_copy(
        update={
            "splits": {**splits.splits, prompt: moved},
            "taken_back": (*splits.taken_back, *taken)[-KEPT:],
        }
    )


def announced(splits: Splits, one: TakenBack) -> Splits | None:
    """The same with this one's event known to be out; None where it was known."""
    told = tuple(
        known.model_copy(update={"announced": True}) if _same(known, one) else known
        for known in splits.taken_back
    )
    return splits.model_copy(update={"taken_back": told}) if told != splits.taken_back else None


_ALL = tuple(range(BUCKETS))


def _dealt(shares: Shares, before: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Each version keeps what it may of what it had; only what is then left over is dealt out."""
    kept = {version: before.get(version, ())[:share] for version, share in shares.items()}
    taken = {bucket for buckets in kept.values() for bucket in buckets}
    free = iter([bucket for bucket in _ALL if bucket not in taken])
    return {
        version: (*kept[version], *(next(free) for _ in range(share - len(kept[version]))))
        for version, share in shares.items()
    }


def _largest(shares: Shares) -> str:
    """Among equals the lowest version: it is what people knew before."""
    return min(shares, key=lambda version: (-shares[version], precedence(version)))


def _same(one: TakenBack, other: TakenBack) -> bool:
    return (one.prompt, one.version, one.revision) == (other.prompt, other.version, other.revision)
