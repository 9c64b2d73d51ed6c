from __future__ import annotations

import json
from datetime import UTC, datetime

from infrastructure.llm.spending.costs import CostBook, Spent
from tests.unit.cli.conftest import Call
from tests.unit.cli.served import Served

TODAY = datetime.now(UTC).date()


def test_costs_say_what_was_counted_by_whom(served: Served, agents: Call) -> None:
    book = CostBook(served.platform.stores["planner"], "planner", "EUR")
    spent = Spent(calls=2, answers_from_cache=1, input_tokens=1_200, output_tokens=300, cost=0.0125)
    book.count(TODAY, "make-plan", "big", spent)

    async def put() -> None:
        await book.flush()
        served.platform.services["planner"].costs = book

    served.run(put)

    shown = agents("costs")
    assert shown.exit_code == 0
    assert "not counted, since AGENTS_MODELS is not set: reader" in shown.stderr
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert f"{TODAY} planner make-plan big 2 1 1,200 300 0.0125 EUR" in lines
    assert "all 2 1 1,200 300 0.0125 EUR" in lines

    (line,) = json.loads(agents("costs", "planner", "--since", "1d", "--json").stdout)
    assert (line["agent"], line["task"], line["cost"], line["currency"]) == (
        "planner",
        "make-plan",
        0.0125,
        "EUR",
    )


def test_a_since_that_is_no_day_is_refused(agents: Call) -> None:
    refused = agents("costs", "--since", "soon")
    assert refused.exit_code == 2
    assert "give a number of days, as 7d, or a day, as 2026-11-01" in refused.stderr
