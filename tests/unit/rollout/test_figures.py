"""What the runtime tells of an execution's prompt, and what the figures make of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from domain.chat import ChatReply, ChatRequest
from domain.execution import Execution, Failure, PromptUse
from domain.figures import Answered, Counts, Sheet, figures_of, merged
from infrastructure.rollout.live import LiveRollout
from infrastructure.rollout.orders import Orders
from infrastructure.testing.platform import MemoryPlatform
from tests.unit.rollout.room import shares, until
from tests.unit.rollout.writing import ByVersion, prompts, writer


@asynccontextmanager
async def platform(script: ByVersion) -> AsyncIterator[tuple[MemoryPlatform, LiveRollout]]:
    agent = writer()
    async with MemoryPlatform([agent], model=script.model(), prompts=prompts(), rollout=True) as running:
        rollout = running.services["writer"].rollout
        assert rollout is not None
        await rollout.splits.refresh()
        yield running, rollout


async def test_without_a_split_the_newest_release_is_asked_and_counted_all_the_same() -> None:
    async with platform(ByVersion()) as (running, rollout):
        done = await running.execute("writer", "write", {"subject": "rain"})
        assert done.prompt is not None
        assert (done.prompt.version, done.prompt.split) == ("1.2.0", None)
        await until(lambda: rollout.figures.is_empty)
        sheet = await rollout.figures.sheet("write", "1.2.0")
        assert sheet.revisions == {}
        assert {name: sheet.total[name] for name in ("executions", "answered", "valid", "tokens.sum")} == {
            "executions": 1,
            "answered": 1,
            "valid": 1,
            "tokens.sum": 15,
        }


async def test_an_execution_records_which_split_gave_it_its_version() -> None:
    async with platform(ByVersion()) as (running, rollout):
        orders = Orders("writer", rollout, prompts(), lambda prompt: [])
        await orders.split("write", shares(v1_0_0=50, v1_1_0=50))
        done = [
            await running.execute("writer", "write", {"subject": "rain"}, correlation_id=chain)
            for chain in ("a", "a", "b", "c", "d", "e")
        ]
        assert done[0].prompt == done[1].prompt
        assert {one.prompt.split for one in done if one.prompt} == {"r1:1.0.0=50,1.1.0=50"}
        assert {one.prompt.version for one in done if one.prompt} == {"1.0.0", "1.1.0"}


@pytest.mark.parametrize(
    ("answer", "status", "counters"),
    [
        ('{"text": "fine"}', "completed", {"executions": 1, "answered": 1, "valid": 1, "repaired": 0}),
        ("nonsense", "failed", {"executions": 1, "answered": 1, "valid": 0, "repaired": 0, "blamed": 1}),
        (
            '{"text": "no"}',
            "failed",
            {"executions": 1, "answered": 1, "valid": 1, "repaired": 0, "blamed": 1},
        ),
    ],
)
async def test_what_a_prompt_may_be_blamed_for_is_counted_once_however_often_it_was_tried(
    answer: str, status: str, counters: dict[str, int]
) -> None:
    async with platform(ByVersion(v1_2_0=answer)) as (running, rollout):
        done = await running.execute("writer", "write", {"subject": "rain"})
        assert done.status == status
        await until(lambda: rollout.figures.is_empty)
        total = (await rollout.figures.sheet("write", "1.2.0")).total
        names = ("executions", "answered", "valid", "repaired", "blamed", "others_fault")
        assert {name: total[name] for name in names if name in total} == counters


async def test_a_repaired_answer_is_no_failure_and_no_valid_first_one() -> None:
    answers = iter(["nonsense", '{"text": "better"}'])

    class Second(ByVersion):
        def __call__(self, request: ChatRequest) -> ChatReply:
            self.answers["1.2.0"] = next(answers)
            return super().__call__(request)

    async with platform(Second()) as (running, rollout):
        done = await running.execute("writer", "write", {"subject": "rain"})
        assert done.status == "completed"
        await until(lambda: rollout.figures.is_empty)
        total = (await rollout.figures.sheet("write", "1.2.0")).total
        assert (total["valid"], total["repaired"], total.get("blamed")) == (0, 1, None)
        assert total["tokens.sum"] == 30


def use(version: str) -> PromptUse:
    return PromptUse(name="write", version=version, content_hash="", split="r1:1.0.0=50,1.1.0=50")


def outcome(version: str, code: str | None = None) -> Execution:
    return Execution(
        id="e", agent="writer", task="write", status="failed" if code else "completed", correlation_id="e",
        trigger_source="/tests", trigger_key="e", digest="", attempts=1, prompt=use(version), started_at="",
        completed_at="", duration_ms=1.0, error=Failure(code=code, message="") if code else None,
    )  # fmt: skip


def test_the_first_answer_that_came_is_the_first_and_all_of_them_are_paid() -> None:
    answers = [
        Answered(use("1.0.0"), valid=False, seconds=1.0),
        Answered(use("1.0.0"), valid=True, seconds=2.0, input_tokens=10, output_tokens=4, cost=0.5),
    ]
    ((_, counts),) = figures_of(outcome("1.0.0"), answers)
    assert (counts["executions"], counts["valid"], counts["seconds.sum"]) == (1, 0, 3.0)
    assert (counts["tokens.sum"], counts["tokens.squares"]) == (14, 196)
    assert "cost.n" not in counts  # one of the two has no price


def test_an_answer_of_a_cache_says_nothing_of_what_the_version_costs() -> None:
    ((_, counts),) = figures_of(outcome("1.0.0"), [Answered(use("1.0.0"), valid=True, cost=0.0)])
    assert counts["valid"] == 1
    assert not {"tokens.n", "input_tokens.n", "output_tokens.n", "cost.n"} & counts.keys()


def test_a_version_that_was_taken_back_between_two_attempts_is_not_blamed_for_what_the_other_did() -> None:
    answers = [Answered(use("1.1.0"), valid=False), Answered(use("1.0.0"), valid=True)]
    by_version = {
        asked.version: counts for asked, counts in figures_of(outcome("1.0.0", "rejected"), answers)
    }
    assert by_version["1.1.0"].get("blamed") is None
    assert by_version["1.1.0"]["valid"] == 0
    assert by_version["1.0.0"]["blamed"] == 1


@pytest.mark.parametrize(
    ("code", "answered", "counted"),
    [
        ("rejected", True, "blamed"),
        ("internal", True, "blamed"),
        ("internal", False, "others_fault"),
        ("model_refused", False, "blamed"),
        ("deadline_exceeded", True, "others_fault"),
        ("too_large", True, "others_fault"),
    ],
)
def test_a_failure_is_the_prompts_or_something_elses(code: str, answered: bool, counted: str) -> None:
    answers = [Answered(use("1.0.0"), valid=True)] if answered else []
    ((_, counts),) = figures_of(outcome("1.0.0", code), answers)
    assert counts[counted] == 1
    assert len({"blamed", "others_fault"} & counts.keys()) == 1


def test_a_batch_whose_answer_was_lost_is_added_once() -> None:
    batch: dict[int, Counts] = {0: {"executions": 2}, 3: {"executions": 1}}
    sheet = merged(None, batch, "a", 1)
    assert sheet is not None
    assert merged(sheet, batch, "a", 1) is None
    again = merged(sheet, batch, "b", 1)
    assert again is not None
    assert (again.total, again.revisions) == ({"executions": 6}, {"3": {"executions": 2}})


def test_a_sheet_keeps_the_latest_experiments_and_everything_in_all() -> None:
    sheet: Sheet | None = None
    for number in range(1, 16):
        sheet = merged(sheet, {number: {"executions": 1}}, "a", number)
    assert sheet is not None
    assert sheet.total == {"executions": 15}
    assert list(sheet.revisions) == [str(number) for number in range(6, 16)]
    assert sheet.batches == {"a": 15}
