"""`agents prompts judge`: how far a model can be believed as judge."""

import asyncio
from collections.abc import Sequence

import click

from cli.asked_models import AskedModel, asked_model
from cli.errors import CommandError
from cli.evaluating import Wanted, asker_of
from cli.exit_codes import ExitCode
from cli.local.instance import find_instance
from cli.local.provision.cache import user_cache
from cli.output import console, print_json
from cli.progress import waiting
from cli.prompts import json_option
from cli.readable import one_line
from domain.errors import AgentError
from infrastructure.evaluation.answers import Budget
from infrastructure.evaluation.judging import BELIEVED, Calibration, Judge, Verdict

EPILOG = """\b
Examples: agents prompts judge
          agents prompts judge --model gpt-4o
          agents prompts judge --json | jq '.verdicts[] | select(.agrees | not)'"""


@click.command(epilog=EPILOG)
@click.option("--model", help="Ask this model: of the file of models, or another of the same provider.")
@click.option("--no-cache", is_flag=True, help="Ask anew what was asked before.")
@json_option
@click.pass_context
def judge(ctx: click.Context, *, model: str | None, no_cache: bool, as_json: bool) -> None:
    """Ask a model about twelve answers whose verdict is known, before you let it judge others.

    Needs a model, as `agents prompts eval` does (AGENTS_MODELS, or LLM_PROVIDER and so on); a judge there is named by --judge.

    Exit code 0 when it agrees with ten of them or more, 1 when it does not, 4 when it cannot be asked, 9 when there is
    no such model.
    """
    instance = find_instance()
    answers = None if no_cache else user_cache(instance.environment).root / "answers"
    wanted = Wanted(concurrency=2, repeat=1, seed=1, budget=None, price=None, answers=answers, is_agreed=True)
    with waiting("asking about answers whose verdict is known"):
        verdicts, calibration = asyncio.run(_ask(asked_model(instance, model), wanted))
    believed = calibration.agreed >= BELIEVED
    if as_json:
        print_json(_as_json(verdicts, calibration, believed=believed))
    else:
        _tell(verdicts, calibration, believed=believed)
    ctx.exit(ExitCode.OK if believed else ExitCode.FAILED)


async def _ask(model: AskedModel, wanted: Wanted) -> tuple[Sequence[Verdict], Calibration]:
    async with asker_of(model, wanted, Budget(None)) as asker:
        asked = Judge(asker)
        try:
            verdicts = await asked.verdicts()
        except AgentError as error:
            raise CommandError(
                error.message, hint="mend that, or name another model: --model", code=ExitCode.NOT_READY
            ) from None
        return verdicts, asked.calibration(verdicts)


def _tell(verdicts: Sequence[Verdict], calibration: Calibration, *, believed: bool) -> None:
    out = console()
    for verdict in verdicts:
        known, grade = verdict.known, verdict.grade
        said = grade if isinstance(grade, str) else f"judged {grade.score}: {grade.reason}"
        mark = "✓" if verdict.agrees else "✗"
        quality = "a good answer" if known.good else "a bad answer"
        out.print(one_line(f"{mark} {quality} ({known.rubric}) {said}"), markup=False, soft_wrap=True)
    advice = (
        ""
        if believed
        else f"; do not believe a judge that agrees with fewer than {BELIEVED}: take a larger model"
    )
    out.print(f"{calibration}{advice}", markup=False, soft_wrap=True)


def _as_json(verdicts: Sequence[Verdict], calibration: Calibration, *, believed: bool) -> object:
    return {
        "judge": calibration.judge,
        "agreed": calibration.agreed,
        "of": calibration.of,
        "believed": believed,
        "verdicts": [
            {
                **verdict.known.model_dump(),
                "agrees": verdict.agrees,
                "score": None if isinstance(verdict.grade, str) else verdict.grade.score,
                "said": verdict.grade if isinstance(verdict.grade, str) else verdict.grade.reason,
            }
            for verdict in verdicts
        ],
    }
