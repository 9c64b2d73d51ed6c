"""The rollout of one replica at work: it follows the splits, gathers figures, and takes back what is worse."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Collection, Mapping, Sequence
from contextvars import Context
from datetime import UTC, datetime
from functools import partial

from domain.errors import AgentError
from domain.execution import Execution, PromptUse
from domain.figures import Answered, Counts, Sheet, figures_of
from domain.ports.prompts import PromptRegistry
from domain.ports.pubsub import Publisher
from domain.ports.rollout import Chosen
from domain.ports.state import StateStore
from domain.ports.telemetry import Telemetry
from domain.rollout import Criterion, Splits, TakenBack, announced, take_back
from domain.verdict import compare, worst
from infrastructure.rollout.announcing import rolled_back
from infrastructure.rollout.gathering import Gathering, Version
from infrastructure.rollout.splits import LiveSplits

log = logging.getLogger(__name__)

REFRESH = 2.0
"""Seconds between two looks at the splits: every replica has a change within twice that."""
FIRST = 0.2
"""Seconds between two tries while nothing is known of the splits: work waits for it."""
FLUSH = (1.5, 3.0)
"""Seconds for which figures are gathered, by chance between these, so that replicas meet seldom at a document."""
LONGEST_WAIT = 5.0
"""Seconds until figures are written again that the store did not take."""
LAST = 2.0
"""Seconds that the last writing may take, when the process ends."""


class LiveRollout:
    """`domain.ports.rollout.Rollout`. `topic` is where it tells of what was taken back; `replica` names this process alone."""

    def __init__(
        self,
        agent: str,
        topic: str,
        *,
        store: StateStore,
        prompts: PromptRegistry,
        publisher: Publisher,
        telemetry: Telemetry,
        replica: str,
    ) -> None:
        self.splits = LiveSplits(agent, store, prompts)
        self.figures = Gathering(agent, store, replica)
        self._agent = agent
        self._topic = topic
        self._publisher = publisher
        self._telemetry = telemetry
        self._following: asyncio.Task[None] | None = None
        self._flushing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow the splits; until they are read once, `choose` tells the work to wait."""
        self._following = asyncio.create_task(self._follow(), context=Context())

    async def close(self) -> None:
        """Write what is left of the figures. Call it once no more work ends here."""
        for task in filter(None, (self._following, self._flushing)):
            task.cancel()
            await asyncio.wait({task})
        try:
            async with asyncio.timeout(LAST):
                await self.flush()
        except TimeoutError:
            log.warning("the last figures of prompts were not written: no time left")

    def choose(self, name: str, sticky: str) -> Chosen | None:
        return self.splits.choose(name, sticky)

    def note(self, execution: Execution, answers: Sequence[Answered]) -> None:
        for use, counts in figures_of(execution, answers):
            self.count(use, counts)

    def count(self, use: PromptUse, counts: Counts) -> None:
        """Add to the figures of the version that was used."""
        self.figures.note(use, counts)
        if self._flushing is None or self._flushing.done():
            # In a context of its own: the figures of many executions belong to none of their traces.
            self._flushing = asyncio.create_task(self._flush_soon(), context=Context())

    async def flush(self) -> None:
        """Write the figures, and look at those experiments of which there is news."""
        written = await self.figures.flush()
        for prompt in sorted({name for name, _ in written}):
            try:
                await self._judge(prompt, written)
            except Exception as error:
                bug = not isinstance(error, AgentError)
                log.warning("the versions of %s are compared later: %s", prompt, error, exc_info=bug)

    async def roll_back(self, prompt: str, because: Mapping[str, str], criterion: Criterion) -> bool:
        """Give the work of these versions of the running experiment to its baseline, each with its reason.

        False when there was nothing left to take.

        Raises:
            Unavailable, DocumentUnreadable: nothing was done.

        """
        split = self.splits.current.splits.get(prompt)
        if split is None:
            return False
        at = datetime.now(UTC).isoformat()
        taken = partial(
            take_back, prompt=prompt, revision=split.revision, versions=because, criterion=criterion, at=at
        )
        written = await self.splits.change(taken)
        if written is None:
            return False
        for one in written.taken_back:
            if (one.prompt, one.revision, one.at) == (prompt, split.revision, at):
                await self._tell(one)
        return True

    async def _tell(self, one: TakenBack) -> None:
        log.warning(
            "prompt %s %s gets no more work, %s has it: %s",
            one.prompt,
            one.version,
            one.baseline,
            one.because,
        )
        labels = {"agent": self._agent, "prompt": one.prompt, "criterion": one.criterion}
        self._telemetry.count("agents.prompts.rolled_back", attributes=labels)
        try:
            await self._announce(one)
        except AgentError as error:
            log.warning("the event that %s %s was taken back follows: %s", one.prompt, one.version, error)

    async def _announce(self, one: TakenBack) -> None:
        await self._publisher.publish(self._topic, rolled_back(self._agent, self._topic, one))
        await self.splits.change(partial(announced, one=one))

    async def _judge(self, prompt: str, written: Mapping[Version, Sheet]) -> None:
        split = self.splits.current.splits.get(prompt)
        if split is None or not split.candidates:
            return
        counts: dict[str, Counts] = {}
        for version in (split.baseline, *split.candidates):
            sheet = written.get((prompt, version)) or await self.figures.sheet(prompt, version)
            counts[version] = sheet.revisions.get(str(split.revision), {})
        for version in split.candidates:
            findings = compare(
                counts[version],
                counts[split.baseline],
                dearer=split.dearer,
                candidates=len(split.buckets) - 1,
            )
            if finding := worst(findings):
                await self.roll_back(prompt, {version: finding.because}, finding.criterion)

    async def _flush_soon(self) -> None:
        failures = 0
        while not self.figures.is_empty:
            pause = random.uniform(*FLUSH)  # noqa: S311  # no secret
            await asyncio.sleep(min(pause * 2**failures, LONGEST_WAIT))
            await self.flush()
            failures = failures + 1 if self.figures.is_failing else 0

    async def _follow(self) -> None:
        trouble = False
        known = False
        silent: Collection[TakenBack] = ()
        while True:
            try:
                splits = await self.splits.refresh()
                known = True
                silent = await self._announce_for_others(splits, silent)
            except Exception as error:
                if not trouble:
                    bug = not isinstance(error, AgentError)
                    log.warning("the splits of prompts stay as they are known here: %s", error, exc_info=bug)
                trouble = True
            else:
                if trouble:
                    log.info("the splits of prompts are followed again")
                trouble = False
            await asyncio.sleep(REFRESH if known else FIRST)

    async def _announce_for_others(
        self, splits: Splits, before: Collection[TakenBack]
    ) -> Collection[TakenBack]:
        """Whoever took a version back may have died before the event of it was out. Gives those that are silent so far."""
        silent = [one for one in splits.taken_back if not one.announced]
        for one in silent:
            if one not in before:
                continue
            try:
                await self._announce(one)
            except AgentError as error:
                log.warning("the event that %s %s was taken back follows: %s", one.prompt, one.version, error)
            else:
                log.info("told for another replica that %s %s was taken back", one.prompt, one.version)
        return silent
