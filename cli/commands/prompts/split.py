"""`agents prompts split`: how much of a prompt's work each version gets, live."""

import click

from cli.output import print_json
from cli.prompts import Named, json_option, prompt_argument
from cli.rollout import asked, no_share, tell_split
from domain.json import JsonObject

EPILOG = """\b
Examples: agents prompts split implementation/generate-code 1.0.0=90 1.1.0=10
          agents prompts split implementation/generate-code"""


@click.command(epilog=EPILOG)
@prompt_argument
@click.argument("shares", metavar="[VERSION=PERCENT]...", nargs=-1)
@click.option(
    "--dearer",
    type=click.IntRange(0, 1000),
    metavar="PERCENT",
    help="How much more than the baseline a candidate may cost before it is taken back. Default: 25.",
)
@click.option("--end", is_flag=True, help="No split any more: the newest release has all the work.")
@json_option
def split(*, prompt: Named, shares: tuple[str, ...], dearer: int | None, end: bool, as_json: bool) -> None:
    """Split the work of a prompt among released versions, in all replicas within 5 s; without shares: show the split.

    A chain of work stays with its version, and a growing share takes over only what it has to. The version with the most work
    is the baseline. One that proves worse than it loses its work by itself; `agents prompts stats` says why.

    Exit code 0, 2 when it is refused (nothing changes then), 3 when the agent does not answer, 9 when it asks no such prompt.
    """
    if end and (shares or dearer is not None):
        raise click.UsageError("--end takes no shares")
    if dearer is not None and not shares:
        raise click.UsageError("--dearer needs the shares, too")
    if end:
        answer = asked(prompt, "DELETE", "split")
    elif shares:
        body: JsonObject = {"shares": _shares(shares)}
        answer = asked(prompt, "PUT", "split", body if dearer is None else {**body, "dearer": dearer})
    else:
        answer = asked(prompt, "GET", "split")
    if as_json:
        print_json(answer)
    else:
        tell_split(prompt, answer["split"])


def _shares(given: tuple[str, ...]) -> dict[str, int]:
    shares: dict[str, int] = {}
    for text in given:
        version, equals, percent = text.partition("=")
        number = percent.removesuffix("%").strip()
        if not (version and equals and number.removeprefix("-").isdecimal() and len(number) < 9):
            no_share(text)
        if version in shares:
            raise click.UsageError(f"{version} is named twice: name it once")
        shares[version] = int(number)
    return shares
