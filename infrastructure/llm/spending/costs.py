"""What was spent by day, task and model: counted in memory, written to the store within a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from uuid import uuid4

from domain.json import JsonObject
from domain.ports.state import StateStore
from infrastructure.llm.shared import change, read

KEPT_DAYS = 92


@dataclass(frozen=True, slots=True)
class Spent:
    """`answers_from_cache` were paid before. `input_tokens` are all, `cached_tokens` those of them that the provider had cached."""

    calls: int = 0
    answers_from_cache: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.calls + other.calls,
            self.answers_from_cache + other.answers_from_cache,
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
            self.cost + other.cost,
        )


@dataclass(frozen=True, slots=True)
class Line:
    day: date
    task: str
    model: str
    spent: Spent


class CostBook:
    """The costs of one agent. A process that dies loses what it counted in its last second."""

    def __init__(self, store: StateStore, agent: str, currency: str | None) -> None:
        self.currency = currency
        self._store = store
        self._agent = agent
        self._unwritten: dict[date, dict[tuple[str, str], Spent]] = {}
        self._writing: dict[date, tuple[str, dict[tuple[str, str], Spent]]] = {}
        """Changes whose answer did not come, under their marks."""

    @property
    def is_written(self) -> bool:
        return not self._unwritten and not self._writing

    def count(self, day: date, task: str, model: str, spent: Spent) -> None:
        lines = self._unwritten.setdefault(day, {})
        lines[task, model] = lines.get((task, model), Spent()) + spent

    async def flush(self) -> None:
        """Raises `Unavailable` when the store cannot be asked; nothing is lost, nor counted twice, when done again."""
        for day in sorted({*self._unwritten, *self._writing}):
            if day in self._writing or day in self._unwritten:
                await self._write(day)

    async def lines(self, since: date, until: date) -> Sequence[Line]:
        found = []
        for number in range((until - since).days + 1):
            day = since + timedelta(days=number)
            document = await read(self._store, self._key(day)) or {}
            for task, models in sorted(document.get("tasks", {}).items()):
                found += [Line(day, task, model, Spent(**spent)) for model, spent in sorted(models.items())]
        return found

    async def _write(self, day: date) -> None:
        if day not in self._writing:
            self._writing[day] = (uuid4().hex, self._unwritten.pop(day))
        mark, lines = self._writing[day]

        def apply(document: JsonObject) -> None:
            tasks = document.setdefault("tasks", {})
            for (task, model), spent in lines.items():
                models = tasks.setdefault(task, {})
                models[model] = asdict(Spent(**models.get(model, {})) + spent)

        await change(self._store, self._key(day), apply, mark=mark, ttl=KEPT_DAYS * 86_400)
        del self._writing[day]

    def _key(self, day: date) -> str:
        return f"costs:{self._agent}:{day.isoformat()}"
