"""`agents prompts stats`: how each version of a prompt fares, and how a candidate compares."""

from collections.abc import Iterator

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.output import console, print_json
from cli.prompts import Named, json_option, prompt_argument
from cli.readable import one_line, when
from cli.rollout import asked
from domain.json import JsonObject

_NOTHING = "–"


@click.command(
    epilog="Example: agents prompts stats implementation/generate-code --json | jq '.versions[].total'"
)
@prompt_argument
@click.option("--all", "in_all", is_flag=True, help="Figures since the beginning, not of the running split.")
@json_option
def stats(*, prompt: Named, in_all: bool, as_json: bool) -> None:
    """Show the figures of each version: executions, valid first answers, failures, time, tokens, cost, scores.

    In brackets stands where the true value lies, with 95 %. It may be looked at as often as wanted: intervals and comparison
    are made for that. While a prompt is split, the figures are those since the split was set.

    Exit code 0, 3 when the agent does not answer, 9 when it asks no such prompt.
    """
    report = asked(prompt, "GET", "stats")
    if as_json:
        print_json(report)
    else:
        _tell(console(), prompt, report, in_all=in_all)


def _tell(out: Console, prompt: Named, report: JsonObject, *, in_all: bool) -> None:
    split = report["split"]
    out.print(Text.assemble((str(prompt), "bold"), f"  {_state(split, report['baseline'])}"))
    running = split is not None and len(split["shares"]) > 1 and not in_all
    shown = [one for one in report["versions"] if not running or one["experiment"] is not None]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("version", "share", "runs", "valid first answer", "failed", "seconds", "tokens", "cost"):
        table.add_column(column, no_wrap=True)
    table.add_column("feedback", no_wrap=True)
    table.add_column("evaluation", no_wrap=True)
    for one in shown:
        table.add_row(*_row(one, one["experiment"] if running else one["total"], report["baseline"]))
    out.print(table)
    for one in shown:
        for line in _verdict(one):
            out.print(line)


def _state(split: JsonObject | None, baseline: str) -> str:
    if split is None:
        return "not split; figures since the beginning"
    if len(split["shares"]) == 1:
        return f"{baseline} has all the work since {when(split['at'])}; figures since the beginning"
    return f"split {split['revision']} since {when(split['at'])}, baseline {baseline}"


def _row(one: JsonObject, figures: JsonObject, baseline: str) -> list[Text]:
    mark = " ←" if one["version"] == baseline else ""
    state = "" if one["state"] == "released" else f" ({one['state']})"
    failed = _rate(figures["failed"])
    if figures["failed_otherwise"]:
        failed += f", {figures['failed_otherwise']} for other reasons"
    tokens = [figures[name]["mean"] for name in ("input_tokens", "output_tokens")]
    evaluation = one["evaluation"]
    return [
        Text(text)
        for text in (
            f"{one['version']}{mark}{state}",
            f"{one['share']} %",
            str(figures["executions"]),
            _rate(figures["valid"]),
            failed,
            _mean(figures["seconds"], 2),
            _NOTHING if None in tokens else f"{tokens[0]:.0f} in, {tokens[1]:.0f} out",
            _mean(figures["cost"], 5),
            _mean(figures["feedback"], 2),
            _NOTHING if evaluation is None else f"{evaluation:.2f}",
        )
    ]


def _rate(rate: JsonObject) -> str:
    if rate["rate"] is None:
        return _NOTHING
    return f"{rate['rate']:.1%} ({rate['low']:.0%}–{rate['high']:.0%})"


def _mean(mean: JsonObject, digits: int) -> str:
    if mean["mean"] is None:
        return _NOTHING
    if mean["low"] is None:
        return f"{mean['mean']:.{digits}f}"
    return f"{mean['mean']:.{digits}f} ({max(mean['low'], 0):.{digits}f}–{mean['high']:.{digits}f})"


def _verdict(one: JsonObject) -> Iterator[Text]:
    """What is said of a candidate: the criteria, and why it was taken back."""
    for taken in one["taken_back"]:
        how = "by hand" if taken["criterion"] == "by hand" else f"by itself, for its {taken['criterion']}"
        yield Text.assemble(
            (f"\n{one['version']} lost its {taken['share']} % {how}", "red"),
            f", {when(taken['at'])} (split {taken['revision']}): {one_line(taken['because'])}",
        )
    if one["comparison"] is None or not one["share"]:
        return
    yield Text(f"\n{one['version']} against the baseline", style="bold")
    for finding in one["comparison"]["findings"]:
        worse = ("worse", "red") if finding["worse"] else ("not seen to be worse", "green")
        if finding["criterion"] == "cost":
            weight = (
                f"surely at least {finding['evidence']:.2f} times as dear, {finding['needed']:g} is allowed"
            )
        else:
            weight = f"evidence {_short(finding['evidence'])} of {finding['needed']:.0f}"
        yield Text.assemble(
            f"  {finding['criterion']:9} ", worse, f" ({weight}): {one_line(finding['because'])}"
        )


def _short(evidence: float) -> str:
    return f"{evidence:.2g}" if evidence < 1000 else f"{evidence:.0e}"
