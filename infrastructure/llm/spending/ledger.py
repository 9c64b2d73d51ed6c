"""The budgets and the costs of one agent: set aside before a call, settled after it, written to the store in batches."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, date, datetime

from domain.chat import Origin
from domain.errors import AgentError, BudgetExceeded, Unavailable
from domain.ports.state import StateStore
from domain.ports.telemetry import Telemetry
from infrastructure.llm.catalogue.schema import Scope, Spending
from infrastructure.llm.spending.accounts import Account, Passed
from infrastructure.llm.spending.amounts import Amounts
from infrastructure.llm.spending.costs import KEPT_DAYS, CostBook, Spent

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between what was counted and what is written."""
AT_ONCE = 16
"""Accounts that are written at the same time: the store gathers what comes together into one call."""
LAST = 2.0
"""Seconds that the last writing may take, when the process ends."""


@dataclass(frozen=True, slots=True)
class Reservation:
    accounts: tuple[Account, ...]
    need: Amounts


def today() -> date:
    """Days are UTC's, for all replicas alike."""
    return datetime.now(UTC).date()


class Ledger:
    """`tell` is told of each soft bound that is passed: once, and again where it is not sure that somebody was, so it has to make
    the same of the same. `ttl` is for how many seconds executions and chains are kept.
    """

    def __init__(
        self,
        agent: str,
        store: StateStore,
        budgets: Mapping[Scope, Spending],
        costs: CostBook,
        *,
        tell: Callable[[Passed], Awaitable[None]],
        telemetry: Telemetry,
        ttl: int,
        day: Callable[[], date] = today,
    ) -> None:
        self.costs = costs
        self._agent = agent
        self._store = store
        self._budgets = dict(budgets)
        self._tell = tell
        self._telemetry = telemetry
        self._ttl = ttl
        self._day = day
        self._accounts: dict[str, Account] = {}
        self._flushing: asyncio.Task[None] | None = None

    async def reserve(self, origin: Origin | None, need: Amounts) -> Reservation:
        """Set aside what a call may use, of every budget that bounds it.

        Raises:
            BudgetExceeded: of one of them so much is not left.
            Unavailable: the store cannot be asked.

        """
        accounts = self._accounts_of(origin)
        for account in accounts:
            account.busy += 1
        reserved: list[Account] = []
        try:
            for account in accounts:
                await account.reserve(need)
                reserved.append(account)
        except BaseException as error:
            for account in accounts:
                account.busy -= 1
            for account in reserved:
                account.settle(need, Amounts())
            self._flush_soon()
            if isinstance(error, BudgetExceeded):
                self._count("hard", error.details["scope"], error.details["resource"])
            raise
        return Reservation(accounts, need)

    def settle(self, reservation: Reservation, used: Amounts) -> None:
        for account in reservation.accounts:
            account.busy -= 1
            account.settle(reservation.need, used)
        if reservation.accounts:
            self._flush_soon()

    def count(self, origin: Origin | None, model: str, spent: Spent) -> None:
        """Note it for `agents costs`."""
        self.costs.count(self._day(), origin.task if origin else "", model, spent)
        self._flush_soon()

    async def flush(self) -> None:
        """Write everything, and tell of the soft bounds that were passed.

        Raises:
            Unavailable: the store cannot be asked; nothing is lost.
            Exception: what is wrong with one of them, as `DocumentUnreadable`; all others are written.

        """
        problems: list[Exception] = []
        waiting = iter([account for account in self._accounts.values() if not account.is_settled])

        async def in_turn() -> None:
            for account in waiting:
                try:
                    await self._write(account)
                except Unavailable:
                    raise
                except Exception as error:  # noqa: BLE001  # raised below: one must not hold up the others
                    problems.append(error)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(in_turn())
        except ExceptionGroup as outage:  # the first ends the others: a store that is down is asked no more
            raise outage.exceptions[0] from None
        self._accounts = {key: one for key, one in self._accounts.items() if not one.is_settled}
        await self.costs.flush()
        if problems:
            raise problems[0]

    async def close(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.wait({self._flushing})
        try:
            async with asyncio.timeout(LAST):
                await self.flush()
        except Exception as error:
            bug = not isinstance(error, (AgentError, TimeoutError))
            why = "no time left" if isinstance(error, TimeoutError) else error
            log.warning("what the models cost in the last second was not written: %s", why, exc_info=bug)

    def _accounts_of(self, origin: Origin | None) -> tuple[Account, ...]:
        periods: dict[Scope, str] = {"day": self._day().isoformat()}
        if origin is not None:
            periods |= {"execution": origin.execution_id, "chain": origin.correlation_id}
        return tuple(
            self._account(scope, periods[scope], spending)
            for scope, spending in self._budgets.items()
            if scope in periods
        )

    def _account(self, scope: Scope, period: str, spending: Spending) -> Account:
        # A chain is shared by agents, its id is a stranger's text of any length and any letters.
        name = hashlib.sha256(period.encode()).hexdigest()[:32] if scope == "chain" else period
        key = f"budget:{scope}:{name}" if scope == "chain" else f"budget:{scope}:{self._agent}:{name}"
        if key not in self._accounts:
            ttl = KEPT_DAYS * 86_400 if scope == "day" else self._ttl
            self._accounts[key] = Account(self._store, key, scope, period, spending, ttl)
        return self._accounts[key]

    async def _write(self, account: Account) -> None:
        told = [passed for passed in await account.flush() if await self._is_told(passed)]
        if told:
            await account.note_told(told)

    async def _is_told(self, passed: Passed) -> bool:
        """False: it is to be told again."""
        try:
            await self._tell(passed)
        except Unavailable as error:
            log.warning(
                "the event that the soft budget of %s %s is passed follows: %s",
                passed.scope,
                passed.period,
                error,
            )
            return False
        except AgentError as error:
            log.warning("the event of the passed budget cannot be published: %s", error)
        log.warning(
            "the soft budget of %s %s is passed: %.6g of %g %s", passed.scope, passed.period, passed.spent, passed.bound,
            passed.resource,
        )  # fmt: skip
        self._count("soft", passed.scope, passed.resource)
        return True

    def _count(self, bound: str, scope: str, resource: str) -> None:
        labels = {"agent": self._agent, "bound": bound, "scope": scope, "resource": resource}
        self._telemetry.count("agents.budget.exceeded", attributes=labels)

    def _flush_soon(self) -> None:
        if self._flushing is None or self._flushing.done():
            # In a context of its own: it is nobody's call and in nobody's trace.
            self._flushing = asyncio.create_task(self._keep_flushing(), context=Context())

    async def _keep_flushing(self) -> None:
        trouble = False
        while not (self.costs.is_written and all(account.is_settled for account in self._accounts.values())):
            await asyncio.sleep(EVERY)
            try:
                await self.flush()
            except Exception as error:
                if not trouble:
                    bug = not isinstance(error, AgentError)
                    log.warning("what the models cost is written later: %s", error, exc_info=bug)
                trouble = True
            else:
                trouble = False
