"""What is left of one budget in one period, kept between the replicas that share it.

A replica takes what a call may need from the store before the call, and gives back what it did not need within a second
after. So all replicas together never spend more than the hard bound, whatever each of them knows of the others: what one
holds, no other can take. A replica that dies has spent what it held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from domain.errors import BudgetExceeded
from domain.json import JsonObject
from domain.ports.state import StateStore
from infrastructure.llm.catalogue.schema import RESOURCES, Resource, Scope, Spending
from infrastructure.llm.shared import change
from infrastructure.llm.spending.amounts import Amounts

_NOTHING = Amounts()
_LITTLE = 1e-9
"""Sums of floating-point money do not come out to the last digit."""
ONE_OF = 50
"""A replica takes this part of a day's budget at a time, so that the store is asked seldom."""
_OF = {"execution": "of this execution", "chain": "of this chain of executions", "day": "of this agent's day"}


@dataclass(frozen=True, slots=True)
class Passed:
    """A soft bound that is passed, and of which nobody has told so far."""

    scope: Scope
    period: str
    resource: Resource
    bound: float
    spent: float


@dataclass(slots=True)
class Account:
    """`period` is the execution's id, the correlation id or the day; `ttl` in seconds, for the store."""

    store: StateStore
    key: str
    scope: Scope
    period: str
    spending: Spending
    ttl: int
    busy: int = 0
    """Calls under way. While there are some, it is not forgotten, and nothing is given back."""
    _left: Amounts = _NOTHING
    """Taken from the store, and not needed so far."""
    _spent: Amounts = _NOTHING
    """Not told to the store so far."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _settling: tuple[str, Amounts, Amounts, list[Passed]] | None = None
    """A change whose answer did not come: its mark, what was spent, what is given back, what is passed."""
    _untold: list[Passed] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        unwritten = self._settling is not None or (self._spent, self._left) != (_NOTHING, _NOTHING)
        return not (self.busy or unwritten or self._untold)

    async def reserve(self, need: Amounts) -> None:
        """Set aside what a call may use.

        Raises:
            BudgetExceeded, Unavailable, DocumentUnreadable

        """
        while not self._holds(need):
            await self._take(need)
        self._left -= self._hard(need)

    def settle(self, need: Amounts, used: Amounts) -> None:
        """After the call: what was set aside for it and is not used serves the next one."""
        self._left += self._hard(need - used)
        self._spent += used

    async def flush(self) -> list[Passed]:
        """Tell the store what was spent, and give back what nobody here needs; again after a failure it is done once.

        Returns the soft bounds that are passed, until somebody has told of them: see `note_told`.
        """
        async with self._lock:
            if self._settling is None:
                back = self._left if self.busy == 0 else _NOTHING
                self._settling = (uuid4().hex, self._spent, back, [])
                self._spent, self._left = _NOTHING, self._left - back
            mark, spent, back, passed = self._settling

            def apply(document: JsonObject) -> None:
                _add(document, "spent", spent)
                _add(document, "granted", _NOTHING - back)
                passed[:] = self._passed(document)

            await change(self.store, self.key, apply, mark=mark, ttl=self.ttl)
            self._settling, self._untold = None, passed
            return passed

    async def note_told(self, passed: Sequence[Passed]) -> None:
        """Call it once others surely know: whoever dies before leaves it to the next who writes this account."""
        resources = {one.resource for one in passed}

        def apply(document: JsonObject) -> None:
            document["told"] = sorted({*document.get("told", []), *resources})

        async with self._lock:
            await change(self.store, self.key, apply, mark=uuid4().hex, ttl=self.ttl)
            self._untold = [one for one in self._untold if one.resource not in resources]

    def _holds(self, need: Amounts) -> bool:
        return all(
            budget.hard is None or self._left.of(resource) >= need.of(resource) - _LITTLE
            for resource, budget in self.spending.bounded()
        )

    async def _take(self, need: Amounts) -> None:
        async with self._lock:
            if self._holds(need):
                return
            granted: Amounts = _NOTHING

            def apply(document: JsonObject) -> None:
                nonlocal granted
                granted = Amounts(**{r: self._grant(document, r, need) for r in RESOURCES})
                _add(document, "granted", granted)

            await change(self.store, self.key, apply, mark=uuid4().hex, ttl=self.ttl)
            self._left += granted

    def _grant(self, document: JsonObject, resource: Resource, need: Amounts) -> float:
        """How much to take of a resource: what is missing, of a day's budget some in advance."""
        budget = getattr(self.spending, resource)
        if budget is None or budget.hard is None:
            return 0.0
        missing = need.of(resource) - self._left.of(resource)
        if missing <= 0:
            return 0.0
        free = budget.hard - document.get("granted", {}).get(resource, 0.0)
        if missing > free + _LITTLE:
            raise BudgetExceeded(
                f"the budget {_OF[self.scope]} ({self.period}) is used up: of {budget.hard:g} {resource} {max(free, 0):.6g} are "
                f"left or in use, and this call may need {need.of(resource):.6g}. Raise budgets.{self.scope}.{resource} in the file "
                "of models; then `agents dead-letters replay` does the work of events, and a request is sent anew",
                scope=self.scope, period=self.period, resource=resource, bound=budget.hard, left=max(free, 0.0),
            )  # fmt: skip
        advance = budget.hard / ONE_OF if self.scope == "day" else 0.0
        return float(min(max(missing, advance), free))

    def _hard(self, amounts: Amounts) -> Amounts:
        """The part that a hard bound counts."""
        bounded = {resource for resource, budget in self.spending.bounded() if budget.hard is not None}
        return Amounts(**{resource: amounts.of(resource) for resource in bounded})

    def _passed(self, document: JsonObject) -> list[Passed]:
        told, found = document.get("told", []), []
        for resource, budget in self.spending.bounded():
            spent = document["spent"].get(resource, 0.0)
            if budget.soft is not None and spent > budget.soft and resource not in told:
                found.append(Passed(self.scope, self.period, resource, budget.soft, spent))
        return found


def _add(document: JsonObject, name: str, amounts: Amounts) -> None:
    sums = document.setdefault(name, {})
    for resource in RESOURCES:
        if amounts.of(resource):
            sums[resource] = sums.get(resource, 0.0) + amounts.of(resource)
