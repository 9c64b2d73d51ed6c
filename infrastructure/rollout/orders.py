"""What people order: split a prompt, promote a version, roll back, end a split. All problems are told, and nothing is half done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from domain.errors import InvalidInput, PromptInvalid
from domain.ports.prompts import PromptRegistry
from domain.prompt import Prompt
from domain.rollout import BUCKETS, DEARER, Split, Splits, with_split, without_split
from domain.semver import precedence
from infrastructure.rollout.live import LiveRollout

MOST_VERSIONS = 10
"""In one split: with more of them none would ever be seen to be worse."""
SHOWN = 5
"""Versions that a refusal names."""

Unfit = Callable[[Prompt], list[str]]
"""Why the agent cannot ask a prompt, a sentence each."""


class Orders:
    def __init__(self, agent: str, rollout: LiveRollout, prompts: PromptRegistry, unfit: Unfit) -> None:
        self._agent = agent
        self._rollout = rollout
        self._prompts = prompts
        self._unfit = unfit

    async def split(self, prompt: str, shares: Mapping[str, object], *, dearer: int = DEARER) -> Split:
        """Begin a new experiment with these shares, per cent by version, whatever was given for them.

        Raises:
            InvalidInput: `details["errors"]` names each problem and its cure.
            Unavailable, DocumentUnreadable: nothing was changed.

        """
        problems = [*self._problems(prompt, shares)]
        if problems:
            told = "; ".join(problem["problem"] for problem in problems)
            raise InvalidInput(f"the split of {self._agent}/{prompt} is refused: {told}", errors=problems)
        wanted = {version: int(str(percent)) for version, percent in shares.items()}
        return await self._set(prompt, wanted, dearer)

    async def promote(self, prompt: str, version: str) -> Split:
        """Give a version all the work. Raises as `split`."""
        return await self.split(prompt, {version: BUCKETS})

    async def roll_back(self, prompt: str, because: str) -> Split:
        """Give all the work to the baseline of the split. Raises as `split`."""
        splits = await self._rollout.splits.refresh()
        split = splits.splits.get(prompt)
        if split is None or not split.candidates:
            serving = split.baseline if split else self._prompts.get(prompt).version
            raise _refused(
                f"{self._agent}/{prompt} is not split: {serving} has all the work",
                f"`agents prompts promote {self._agent}/{prompt} VERSION` gives it to another version",
            )
        reasons = dict.fromkeys(split.candidates, because)
        await self._rollout.roll_back(prompt, reasons, "by hand")
        return self._rollout.splits.current.splits[prompt]

    async def end(self, prompt: str) -> None:
        """Let the registry say again which version serves. No split is no error. Raises `Unavailable`, `DocumentUnreadable`."""
        await self._rollout.splits.change(
            lambda splits: without_split(splits, prompt) if prompt in splits.splits else None
        )

    async def _set(self, prompt: str, shares: dict[str, int], dearer: int) -> Split:
        at = datetime.now(UTC).isoformat()
        change: Callable[[Splits], Splits] = partial(
            with_split, prompt=prompt, shares=shares, dearer=dearer, at=at
        )
        written = await self._rollout.splits.change(change)
        assert written is not None  # noqa: S101  # this change always wants a write
        return written.splits[prompt]

    def _problems(self, prompt: str, shares: Mapping[str, object]) -> list[dict[str, str]]:
        """By field, as for every invalid input."""
        found: list[dict[str, str]] = []

        def problem(field: str, text: str) -> None:
            found.append({"field": field, "problem": text})

        for version, percent in shares.items():
            field = f"shares.{version}"
            if why := self._why_not(prompt, version):
                problem(field, why)
            if isinstance(percent, bool) or not isinstance(percent, int) or not 0 <= percent <= BUCKETS:
                problem(field, f"{version}={percent!s:.20}: a share is a whole number of per cent, 0 to 100")
        numbers = [percent for percent in shares.values() if isinstance(percent, int)]
        if len(numbers) == len(shares) and sum(numbers) != BUCKETS:
            problem("shares", f"the shares make {sum(numbers)} %: they have to make 100")
        if len(shares) > MOST_VERSIONS:
            problem("shares", f"{len(shares)} versions: compare at most {MOST_VERSIONS} at a time")
        return found

    def _why_not(self, prompt: str, version: str) -> str | None:
        """Why a version may get no work, and what to do."""
        try:
            state = self._prompts.state(prompt, version)
            unfit = self._unfit(self._prompts.version(prompt, version)) if state == "released" else []
        except PromptInvalid:
            return f"there is no {prompt} {version:.40}; released are {self._released(prompt)}"
        place = f"{self._agent}/{prompt}"
        if state == "draft":
            return f"{version} is a draft (prompts/{place}/{version}.yaml): `agents prompts release {place} {version}` first"
        if state == "deprecated":
            return f"{version} is deprecated; released are {self._released(prompt)}"
        return f"{'; '.join(unfit)}: make a version that fits the agent" if unfit else None

    def _released(self, prompt: str) -> str:
        versions = [
            one.version for one in self._prompts.versions() if one.name == prompt and one.state == "released"
        ]
        return ", ".join(sorted(versions, key=precedence)[-SHOWN:]) or "none yet"


def _refused(problem: str, cure: str) -> InvalidInput:
    return InvalidInput(f"{problem}: {cure}", errors=[{"field": "prompt", "problem": problem}])
