"""`agents prompts optimise`: from a prompt's cases to a better draft."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.asked_models import AskedModel, asked_model
from cli.errors import CommandError
from cli.evaluating import Wanted, agree, asker_of, progress
from cli.exit_codes import ExitCode
from cli.local.instance import find_instance
from cli.local.provision.cache import user_cache
from cli.output import console, print_json
from cli.prompts import (
    Named,
    explained,
    folder_to_write,
    json_option,
    place_option,
    prompt_argument,
    shelf_of,
)
from cli.readable import one_line
from domain.errors import AgentError, InvalidInput, PromptInvalid
from infrastructure.evaluation.answers import BudgetSpent
from infrastructure.evaluation.estimate import Estimate, Price
from infrastructure.evaluation.judging import Judge
from infrastructure.evaluation.run import is_judged
from infrastructure.evaluation.subjects import CasesInvalid, Subject, Unknown, load
from infrastructure.optimisation import draft as drafts
from infrastructure.optimisation.bench import Bench
from infrastructure.optimisation.budget import Allowance
from infrastructure.optimisation.optimise import Outcome, Unaffordable, expected, optimise
from infrastructure.optimisation.parts import Parts, Unsuitable, divide

EPILOG = """\b
Examples: agents prompts optimise service-desk/triage
          agents prompts optimise service-desk/triage --calls 150 --seed 2
          agents prompts optimise implementation/review-code --proposer gpt-5 --budget 500000"""


@dataclass(frozen=True)
class _Models:
    answers: AskedModel
    proposer: AskedModel
    judge: AskedModel


@click.command(epilog=EPILOG)
@prompt_argument
@click.option(
    "--from", "version", metavar="VERSION", help="Begin with this version; else the one that is served."
)
@click.option("--model", help="Ask this model: of the file of models, or another of the same provider.")
@click.option("--proposer", metavar="MODEL", help="Let this one propose instructions; else the model itself.")
@click.option("--judge", metavar="MODEL", help="Let this one judge; else the model judges itself.")
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(0), help="Of the parts and the search."
)
@click.option(
    "--concurrency", default=4, show_default=True, type=click.IntRange(1, 256), help="Calls at once."
)
@click.option("--calls", metavar="NUMBER", type=click.IntRange(1), help="Make at most so many model calls.")
@click.option("--budget", metavar="TOKENS", type=click.IntRange(1), help="Make no call that could exceed it.")
@click.option("--price", nargs=2, type=float, metavar="IN OUT", help="Per million tokens, for the estimate.")
@click.option("--no-cache", is_flag=True, help="Ask anew what was asked before.")
@click.option("--yes", is_flag=True, help="Agree to what it may cost; so does --budget.")
@place_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    prompt: Named,
    version: str | None,
    model: str | None,
    proposer: str | None,
    judge: str | None,
    seed: int,
    concurrency: int,
    calls: int | None,
    budget: int | None,
    price: tuple[float, float] | None,
    no_cache: bool,
    yes: bool,
    place: str | None,
    as_json: bool,
) -> None:
    """Search a better instruction and examples for a prompt, by the cases in its cases.yaml; write what is better as a draft.

    Four tenths of the cases are held out: the search never sees them, and they alone give the figure that is shown.
    The draft is the next minor version; read it, and release it as any other. Ctrl-C leaves nothing, or a whole draft.

    Exit code 0 when there is a draft, 1 when nothing better was found or the model could not be asked, 6 when the cases
    or the budget do not do, 9 when there is no such prompt, version or case file.
    """
    instance = find_instance()
    root = folder_to_write(place)
    subject = _subject(root, prompt, version)
    try:
        parts = divide(subject.cases.cases, seed)
    except Unsuitable as error:
        raise CommandError(
            f"{subject.name}: {error}", hint="docs/optimise.md tells why", code=ExitCode.INVALID
        ) from None
    models = _Models(*(asked_model(instance, one or model) for one in (None, proposer, judge)))
    wanted = Wanted(
        concurrency=concurrency,
        repeat=1,
        seed=seed,
        budget=budget,
        price=Price(*price) if price else None,
        answers=None if no_cache else user_cache(instance.environment).root / "answers",
        is_agreed=yes or budget is not None,
    )
    found, made = asyncio.run(_run(subject, parts, models, wanted, Allowance(calls, budget)))
    path = None
    if found.is_better and (candidate := found.choice.candidate):
        with explained():
            path, made = drafts.write(candidate, made, root, subject)
    if as_json:
        print_json(drafts.as_json(made, path))
    else:
        _show(found, made, path)
    ctx.exit(ExitCode.OK if path else ExitCode.FAILED)


def _subject(root: Path, prompt: Named, version: str | None) -> Subject:
    served = shelf_of(root, prompt).served
    try:
        return load(root, str(prompt), version or served)
    except Unknown as error:
        raise CommandError(str(error), code=ExitCode.NOT_FOUND) from None
    except (CasesInvalid, PromptInvalid) as error:
        raise CommandError(str(error), code=ExitCode.INVALID) from None


async def _run(
    subject: Subject, parts: Parts, models: _Models, wanted: Wanted, allowance: Allowance
) -> tuple[Outcome, drafts.OptimisationRecord]:
    begun = time.monotonic()
    async with AsyncExitStack() as stack:
        asker = await stack.enter_async_context(asker_of(models.answers, wanted, allowance))
        proposing = await stack.enter_async_context(asker_of(models.proposer, wanted, allowance))
        judging = await stack.enter_async_context(asker_of(models.judge, wanted, allowance))
        most = _expected(subject, parts)
        agree(most, wanted, judged=is_judged(subject))
        with progress(most.calls) as advance:
            bench = Bench(subject, asker, Judge(judging), allowance, wanted.seed, advance)
            try:
                found = await optimise(bench, proposing, parts)
            except Unaffordable as error:
                raise CommandError(
                    str(error), hint="give larger --calls and --budget, or none", code=ExitCode.INVALID
                ) from None
            except BudgetSpent as error:
                raise CommandError(
                    f"{error.message} before anything could be said; nothing was written",
                    hint="run it again with more: what was asked is in the cache",
                ) from None
            except AgentError as error:
                raise CommandError(
                    error.message, hint="nothing was written; run it again: what was asked is in the cache"
                ) from None
    made = drafts.record_of(
        found,
        subject,
        asker.name,
        proposing.name,
        seed=wanted.seed,
        seconds=time.monotonic() - begun,
        day=datetime.now(UTC).date(),
    )
    return found, made


def _expected(subject: Subject, parts: Parts) -> Estimate:
    try:
        return expected(subject, parts)
    except (InvalidInput, PromptInvalid) as error:
        raise CommandError(
            f"a case does not fit this version: {error.message}",
            hint="mend the case, or begin with another version: --from VERSION",
            code=ExitCode.INVALID,
        ) from None


def _show(found: Outcome, made: drafts.OptimisationRecord, path: Path | None) -> None:
    out = console()

    def say(text: str, style: str | None = None) -> None:
        out.print(one_line(text), style=style, markup=False)

    say(
        f"{made.prompt} {made.made_from}: {len(made.training)} cases to learn from, {len(made.validation)} to choose by, "
        f"{len(made.held_out)} held out (seed {made.seed})"
    )
    say(
        f"tried {made.tried} candidates with {made.calls} calls, {made.tokens:,} tokens, in {made.seconds:.0f} s"
    )
    for remark in made.remarks:
        say(f"  {remark}")
    if found.choice.candidate:
        say(f"best by validation ({made.gain_validation:+.2f}): {found.choice.candidate}")
    if made.result:
        say(
            f"held-out cases: {made.result.before:.2f} before, {made.result.after:.2f} after; {found.comparison}"
        )
    if path is None:
        why = (
            "no candidate did better on the validation cases"
            if made.result is None
            else "what did better on the validation cases does not on those held out"
        )
        say(f"nothing better was found, and no draft was written: {why}", "yellow")
        return
    if found.comparison and found.comparison.verdict == "cannot tell":
        say("the interval holds 0: this may be chance; more cases would tell", "yellow")
    say(f"{path} is the draft", "green")
    click.echo(f"  agents prompts diff {made.prompt}    shows what it changes")
