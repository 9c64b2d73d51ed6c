"""Runs evaluations for `agents prompts eval`: the model, the answers' cache, progress, agreement to costs."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from cli.asked_models import AskedModel
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.model import digests
from cli.output import console
from domain.errors import InvalidInput, PromptInvalid
from infrastructure.evaluation.answers import Asker, Budget, ModelName
from infrastructure.evaluation.cases import Case
from infrastructure.evaluation.estimate import Estimate, Price, estimate
from infrastructure.evaluation.judging import Judge
from infrastructure.evaluation.pairs import Pair
from infrastructure.evaluation.results import Evaluation
from infrastructure.evaluation.run import calibrated, evaluate, is_judged, requests_of
from infrastructure.evaluation.subjects import Subject
from infrastructure.llm.clients.factory import client_of

ASK_ABOVE = 250_000
"""Tokens from which somebody must agree first."""


@dataclass(frozen=True)
class Wanted:
    """How to run. `answers` is the folder of earlier answers (None: ask anew), `budget` in tokens, over all prompts."""

    concurrency: int
    repeat: int
    seed: int
    budget: int | None
    price: Price | None
    answers: Path | None
    is_agreed: bool


@dataclass(frozen=True)
class Task:
    """A version to be measured by some of its cases, and the version it is compared with."""

    subject: Subject
    cases: Sequence[Case]
    against: Subject | None = None

    @property
    def subjects(self) -> list[Subject]:
        return [self.subject, *([self.against] if self.against else [])]


async def run(
    tasks: Sequence[Task], model: AskedModel, judge_model: AskedModel, wanted: Wanted
) -> list[Pair]:
    """Estimate, have it agreed to, measure. Cancelled, only whole answers are left in the cache."""
    budget = Budget(wanted.budget)
    async with (
        asker_of(model, wanted, budget) as asker,
        asker_of(judge_model, wanted, budget) as judging,
    ):
        expected = _expected(tasks, asker, wanted)
        agree(expected, wanted, judged=any(is_judged(task.subject) for task in tasks))
        judge = Judge(judging)
        with progress(expected.calls + expected.cached) as advance:

            async def measured(subject: Subject, cases: Sequence[Case]) -> Evaluation:
                found = await evaluate(
                    subject,
                    cases,
                    asker,
                    judge=judge,
                    repeat=wanted.repeat,
                    seed=wanted.seed,
                    on_answer=lambda _: advance(),
                )
                return await calibrated(found, judge)

            pairs = []
            for task in tasks:
                now = await measured(task.subject, task.cases)
                before = await measured(task.against, task.cases) if task.against else None
                pairs.append(Pair(now, before))
            return pairs


@asynccontextmanager
async def asker_of(asked: AskedModel, wanted: Wanted, budget: Budget) -> AsyncIterator[Asker]:
    try:
        model = client_of(asked.endpoint, asked.client)
    except ValueError as error:
        raise CommandError(str(error), code=ExitCode.MISSING) from None
    try:
        yield Asker(
            model,
            _name(asked),
            folder=wanted.answers,
            concurrency=wanted.concurrency,
            budget=budget,
        )
    finally:
        await model.close()


def _name(asked: AskedModel) -> ModelName:
    digest = None
    if asked.ollama is not None:
        try:
            digest = digests(asked.ollama).get(asked.name.removesuffix(":latest"))
        except CommandError as error:
            raise CommandError(
                error.message,
                hint=asked.endpoint.address_cure,
                code=ExitCode.NOT_READY,
            ) from None
        if digest is None:
            raise CommandError(
                f"Ollama at {asked.ollama} has no model {asked.name}",
                hint=asked.endpoint.model_cure,
                code=ExitCode.NOT_FOUND,
            )
    return ModelName(asked.provider, asked.name, digest or None)


def _expected(tasks: Sequence[Task], asker: Asker, wanted: Wanted) -> Estimate:
    try:
        return estimate(
            (
                request
                for task in tasks
                for subject in task.subjects
                for _, request in requests_of(subject, task.cases, wanted.repeat, wanted.seed)
            ),
            asker,
        )
    except (InvalidInput, PromptInvalid) as error:
        raise CommandError(
            f"a case does not fit this version: {error.message}",
            hint="run the cases that do: --cases ID",
            code=ExitCode.INVALID,
        ) from None


def agree(expected: Estimate, wanted: Wanted, *, judged: bool) -> None:
    words = expected.words(wanted.price) + ("; a judge's calls come on top" if judged else "")
    if expected.calls:
        click.echo(words, err=True)
    if wanted.is_agreed or expected.tokens <= ASK_ABOVE:
        return
    if not sys.stdin.isatty():
        raise CommandError(
            f"that is more than {ASK_ABOVE:,} tokens, and nobody is here to agree",
            hint="--yes agrees; --budget sets a limit; --cases runs fewer",
            code=ExitCode.USAGE,
        )
    click.confirm("Go on?", abort=True, err=True)


@contextmanager
def progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar with the expected time, on terminals alone."""
    out = console(stderr=True)
    if not out.is_terminal:
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("asking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task("asking", total=total)
        yield lambda: bar.advance(task)
