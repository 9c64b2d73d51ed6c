"""`agents prompts eval`: measure prompts by their cases, compare versions, write reports and records."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.asked_models import asked_model
from cli.errors import CommandError
from cli.evaluating import Task, Wanted, run
from cli.exit_codes import ExitCode
from cli.local.instance import find_instance
from cli.local.provision.cache import user_cache
from cli.nearest import nearest
from cli.output import console, print_json
from cli.prompts import folder_to_read, folder_to_write, place_option
from cli.readable import one_line
from domain.errors import PromptInvalid
from infrastructure.evaluation import record
from infrastructure.evaluation.cases import FILE, Case
from infrastructure.evaluation.estimate import Price
from infrastructure.evaluation.pairs import Pair, pair_as_json
from infrastructure.evaluation.report.junit import junit
from infrastructure.evaluation.report.terminal import MARKS, lines
from infrastructure.evaluation.subjects import CasesInvalid, Subject, Unknown, load, prompts_in

EPILOG = """\b
Examples: agents prompts eval service-desk/triage
          agents prompts eval service-desk/triage --version 1.1.0 --against 1.0.0 --html report.html
          agents prompts eval implementation/generate-code --cases german --repeat 3
          agents prompts eval service-desk/triage --version 1.1.0 --record"""
_STYLES = {"passed": "green", "failed": "red", "error": "yellow", "not run": "yellow"}
_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command(epilog=EPILOG)
@click.argument("names", metavar="[AGENT/PROMPT]...", nargs=-1)
@click.option("--version", help="Measure this version; else the newest that is no pre-release.")
@click.option(
    "--against", metavar="VERSION", help="Measure this one too, and say whether the first is better."
)
@click.option("--model", help="Ask this model: of the file of models, or another of the same provider.")
@click.option(
    "--judge", "judge_model", metavar="MODEL", help="Let this one judge; else the model judges itself."
)
@click.option("--cases", "chosen", metavar="ID|TAG", multiple=True, help="Only these; may be given again.")
@click.option(
    "--repeat", default=1, show_default=True, type=click.IntRange(1, 100), help="Answers to each case."
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Of the first answer.")
@click.option(
    "--concurrency", default=4, show_default=True, type=click.IntRange(1, 256), help="Calls at once."
)
@click.option("--budget", metavar="TOKENS", type=click.IntRange(1), help="Make no call that could exceed it.")
@click.option("--price", nargs=2, type=float, metavar="IN OUT", help="Per million tokens, for the estimate.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Least score; else that of the case file.")
@click.option("--no-cache", is_flag=True, help="Ask anew what was asked before.")
@click.option("--yes", is_flag=True, help="Agree to what it may cost.")
@click.option(
    "--record", "recording", is_flag=True, help="Keep the result as the version's evaluation record."
)
@click.option("--junit", "junit_file", type=_FILE, help="Write JUnit's XML.")
@click.option("--html", "html_file", type=_FILE, help="Write one HTML file with every answer.")
@place_option
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    names: tuple[str, ...],
    version: str | None,
    against: str | None,
    model: str | None,
    judge_model: str | None,
    chosen: tuple[str, ...],
    repeat: int,
    seed: int,
    concurrency: int,
    budget: int | None,
    price: tuple[float, float] | None,
    threshold: float | None,
    no_cache: bool,
    yes: bool,
    recording: bool,
    junit_file: Path | None,
    html_file: Path | None,
    place: str | None,
    as_json: bool,
) -> None:
    """Measure prompts by the cases in their cases.yaml: all prompts, or those that are named.

    Needs a model, as the agents do (the `default` of AGENTS_MODELS, or LLM_PROVIDER and so on), but no running platform.
    Answers are kept in the user's cache folder, so the same question is asked once.

    Exit code 0 when every prompt reaches its threshold, 1 when one does not, is worse than --against, or could not be
    asked; 6 when a case file is wrong, 9 when there is no such prompt, version or case.
    """
    if recording and chosen:
        raise click.UsageError("--record keeps whole evaluations: leave --cases out")
    instance = find_instance()
    folder = folder_to_write(place) if recording else folder_to_read(place)
    tasks = _tasks(folder, names, version, against, chosen)
    measured = asked_model(instance, model)
    wanted = Wanted(
        concurrency=concurrency,
        repeat=repeat,
        seed=seed,
        budget=budget,
        price=Price(*price) if price else None,
        answers=None if no_cache else user_cache(instance.environment).root / "answers",
        is_agreed=yes,
    )
    judging = asked_model(instance, judge_model or model)
    pairs = asyncio.run(run(tasks, measured, judging, wanted))
    _report(pairs, threshold, junit_file, html_file, as_json=as_json)
    kept = _record(pairs) if recording else True
    worse = any(pair.comparison and pair.comparison.verdict == "worse" for pair in pairs)
    fine = kept and not worse and all(pair.now.meets(threshold) for pair in pairs)
    ctx.exit(ExitCode.OK if fine else ExitCode.FAILED)


def _tasks(
    folder: Path, names: tuple[str, ...], version: str | None, against: str | None, chosen: tuple[str, ...]
) -> list[Task]:
    known = list(prompts_in(folder))
    for name in names:
        if name not in known:
            raise CommandError(
                f"there is no prompt {name!r} in {folder}", hint=nearest(name, known), code=ExitCode.NOT_FOUND
            )
    wanted = names or [name for name in known if (folder / name / FILE).exists()]
    tasks: list[Task] = []
    problems: list[str] = []
    for name in wanted:
        try:
            subject = load(folder, name, version)
            other = load(folder, name, against) if against else None
        except Unknown as error:
            raise CommandError(str(error), code=ExitCode.NOT_FOUND) from None
        except (CasesInvalid, PromptInvalid) as error:
            problems.append(str(error))
        else:
            tasks.append(Task(subject, _chosen(subject, chosen), other))
    if problems:
        raise CommandError("\n  ".join(["cases cannot be used:", *problems]), code=ExitCode.INVALID)
    tasks = [task for task in tasks if task.cases]
    if not tasks:
        told = (
            f"no case has the id or tag {', '.join(chosen)}" if chosen else f"no prompt in {folder} has cases"
        )
        raise CommandError(told, hint="docs/evaluation.md shows how to write them", code=ExitCode.NOT_FOUND)
    return tasks


def _chosen(subject: Subject, wanted: tuple[str, ...]) -> Sequence[Case]:
    cases = subject.cases.cases
    return [one for one in cases if not wanted or one.id in wanted or set(one.tags) & set(wanted)]


def _report(
    pairs: Sequence[Pair],
    threshold: float | None,
    junit_file: Path | None,
    html_file: Path | None,
    *,
    as_json: bool,
) -> None:
    if junit_file:
        _write(junit_file, junit([pair.now for pair in pairs]))
    if html_file:
        from infrastructure.evaluation.report.html import html  # noqa: PLC0415 - Jinja2 for those who want it

        _write(html_file, html(pairs, threshold, datetime.now(UTC)).encode())
    if as_json:
        print_json([pair_as_json(pair) for pair in pairs])
        return
    out = console()
    for line in lines(pairs, threshold):
        out.print(" " * line.indent, end="")
        if line.mark:
            out.print(MARKS[line.mark], style=_STYLES[line.mark], end=" ")
        out.print(one_line(line.text), markup=False)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}", hint="name another file") from None
    click.echo(f"written: {file}", err=True)


def _record(pairs: Sequence[Pair]) -> bool:
    """Keep what was measured whole; say of the others why not."""
    day = datetime.now(UTC).date()
    done = True
    for evaluation in [one for pair in pairs for one in (pair.now, pair.before) if one is not None]:
        subject = evaluation.subject
        try:
            file = record.write(record.record_of(evaluation, day), subject.folder)
        except ValueError as error:
            done = False
            click.echo(f"no record of {subject.name} {subject.prompt.version}: {error}", err=True)
        else:
            click.echo(f"recorded: {file}", err=True)
    return done
