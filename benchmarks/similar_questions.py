"""How often the cache of similar questions would give the answer of another question, by embedding model and threshold.

    python -m benchmarks.similar_questions --model all-minilm [--url http://127.0.0.1:11434] [--json]

Asks any server that speaks `/v1/embeddings` for the vectors of pairs of questions: those that sound alike and mean
something else, of which every hit is a wrong answer, and those that mean the same, of which every hit is a call saved. They
are compared as the cache does it: a pair whose numbers differ is never a hit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from domain.chat import ChatRequest, Message, Origin
from domain.errors import AgentError
from infrastructure.llm.cache.question import question_of
from infrastructure.llm.clients.embeddings import Embeddings, cosine
from infrastructure.llm.clients.endpoint import Cures, ollama

THRESHOLDS = (0.95, 0.98, 0.99)

OTHER = (
    ("not", "The VPN works again since this morning.", "The VPN does not work since this morning."),
    ("not", "Please close the ticket, the problem is solved.", "Please do not close the ticket, the problem is not solved."),
    ("not", "The backup of last night was successful, nothing has to be done.", "The backup of last night was not successful, something has to be done."),
    ("not", "Is it safe to install the update on the production servers?", "Is it unsafe to install the update on the production servers?"),
    ("not", "Die Anmeldung am Portal funktioniert seit gestern.", "Die Anmeldung am Portal funktioniert seit gestern nicht."),
    ("not", "All tests of the release passed without a failure.", "All tests of the release passed with a failure."),
    ("opposite", "Please enable two-factor authentication for my account.", "Please disable two-factor authentication for my account."),
    ("opposite", "Please add Anna to the group of administrators.", "Please remove Anna from the group of administrators."),
    ("opposite", "The new version is faster than the old version.", "The old version is faster than the new version."),
    ("opposite", "The server must be restarted before the update is installed.", "The server must be restarted after the update is installed."),
    ("opposite", "Increase the memory limit of the payment service.", "Decrease the memory limit of the payment service."),
    ("opposite", "Bitte sperren Sie das Konto der Kollegin Weber.", "Bitte entsperren Sie das Konto der Kollegin Weber."),
    ("name", "Please reset the password of Maria Schmidt.", "Please reset the password of Maria Schmitt."),
    ("name", "Deploy the branch to the staging environment.", "Deploy the branch to the production environment."),
    ("name", "Revoke the database rights of Peter, he has left the team.", "Revoke the database rights of Petra, she has left the team."),
    ("name", "How do I request a visa for a business trip to Austria?", "How do I request a visa for a business trip to Australia?"),
    ("name", "The customer Nordwind asks for the invoice of March.", "The customer Nordwind asks for the invoice of May."),
    ("number", "Cancel order 48213 and refund the customer.", "Cancel order 48231 and refund the customer."),
    ("number", "Roll the shop back to version 2.4.1 now.", "Roll the shop back to version 2.4.7 now."),
    ("number", "Delete all log files older than 30 days.", "Delete all log files older than 3 days."),
    ("number", "Give the intern access for two weeks.", "Give the intern access for ten weeks."),
    ("who", "The customer owes us the amount of the last invoice.", "We owe the customer the amount of the last invoice."),
)  # fmt: skip
"""What differs, and two questions of which neither has the other's answer."""

SAME = (
    ("How do I reset my password?", "How can I reset my password?"),
    ("The VPN does not work since this morning.", "Since this morning the VPN does not work."),
    ("The printer on the third floor prints blank pages.", "The printer on the third floor prints blank pages!!"),
    ("Please enable two-factor authentication for my account.", "Please turn on two-factor authentication for my account."),
    ("My laptop is very slow since the last update.", "Since the last update my laptop has become very slow."),
    ("I cannot open the shared calendar of my team.", "I can't open my team's shared calendar."),
    ("How do I request a visa for a business trip to Austria?", "What do I have to do to get a visa for a business trip to Austria?"),
    ("The invoice of March is missing in the portal.", "The March invoice is missing from the portal."),
    ("Outlook asks for my password every few minutes.", "every few minutes outlook asks for my password"),
    ("Die Anmeldung am Portal funktioniert seit gestern nicht.", "Seit gestern funktioniert die Anmeldung am Portal nicht."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """`similarity` is None of a pair that is never compared, since its numbers differ."""

    differs: str
    one: str
    other: str
    similarity: float | None


async def measure(embeddings: Embeddings) -> list[Pair]:
    """`differs` is empty of pairs that mean the same."""
    return [
        Pair(differs, one, other, await _similarity(embeddings, one, other))
        for differs, one, other in [*OTHER, *(("", *pair) for pair in SAME)]
    ]


async def _similarity(embeddings: Embeddings, one: str, other: str) -> float | None:
    asked = [question_of(_request(text)) for text in (one, other)]
    if asked[0] is None or asked[1] is None or asked[0].same != asked[1].same:
        return None
    found = await embeddings.embed([*asked[0].pieces, *asked[1].pieces], timeout=60)
    return cosine(*found.vectors)


def _request(text: str) -> ChatRequest:
    origin = Origin("service-desk", "triage", "e", "c", "triage", "1.0.0")
    return ChatRequest(
        (Message("user", text),), 400, temperature=0.0, origin=origin, untrusted={"text": text}
    )


def hits(pairs: list[Pair], threshold: float) -> int:
    return sum(pair.similarity is not None and pair.similarity >= threshold for pair in pairs)


def show(model: str, pairs: list[Pair]) -> None:
    wrong, right = [pair for pair in pairs if pair.differs], [pair for pair in pairs if not pair.differs]
    table = Table("at_least", "wrong answers", "calls saved", title=model, box=None)
    for threshold in THRESHOLDS:
        table.add_row(
            f"{threshold:.2f}",
            f"{hits(wrong, threshold)} of {len(wrong)}",
            f"{hits(right, threshold)} of {len(right)}",
        )
    console = Console()
    console.print(table)
    for pair in sorted(pairs, key=lambda pair: pair.similarity or 0, reverse=True):
        near = "numbers" if pair.similarity is None else f"{pair.similarity:.4f}"
        console.print(
            f"{near:8} {pair.differs or 'the same':9} {pair.one} | {pair.other}", markup=False, soft_wrap=True
        )


async def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.similar_questions", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:11434", help="a server, without /v1")
    parser.add_argument("--model", default="all-minilm", help="an embedding model that it has")
    parser.add_argument("--json", action="store_true", help="every pair as JSON")
    given = parser.parse_args()
    cures = Cures(
        f"`ollama pull {given.model}`, or name another: --model", "leave it out", "mend --url, or start it"
    )
    embeddings = Embeddings(ollama(given.url, given.model, cures))
    try:
        pairs = await measure(embeddings)
    except AgentError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    finally:
        await embeddings.close()
    if given.json:
        sys.stdout.write(json.dumps([asdict(pair) for pair in pairs], indent=1) + "\n")
    else:
        show(given.model, pairs)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
