"""What guardrails cost a request, and that a hostile text costs no more than its length: `python -m benchmarks.guardrails`.

One process and its CPU time, the best of several rounds: other work on the machine shows little. Ratios are against the same request
without guardrails, in the same run.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from domain.chat import ChatReply, ChatRequest, Message, Usage
from infrastructure.guardrails.answer import AnswerGuard
from infrastructure.guardrails.guarded import guarded
from infrastructure.guardrails.injection import suspicion
from infrastructure.guardrails.pseudonyms import Pseudonyms
from infrastructure.guardrails.rules import Guardrails, Guards, Injection, Length, Links, Pii, Plain
from infrastructure.memory.model import ScriptedModel
from infrastructure.memory.telemetry import MemoryTelemetry

TICKET = (
    "Since the update on Monday the VPN client disconnects about every five minutes, in the office and at home. Wi-Fi itself "
    "stays up, other devices are fine. I have restarted the notebook, changed the cable and installed the driver again. "
    "Seit heute Morgen kommt außerdem die Meldung, dass das Zertifikat abgelaufen sei; meine Kollegin hat dasselbe Problem. "
)
ANSWER = '{"category": "network", "urgency": "medium", "reason": "The VPN drops for several people", "confidence": 80}'
SYSTEM = (
    "You triage support tickets. "
    + "category: hardware, software, network, access, data, question, other. " * 12
)
EVERYTHING = Guards(
    length=Length("block"),
    prompt_injection=Injection("block"),
    pii=Pii("redact"),
    spotlight="delimit",
    secrets=Plain("redact"),
    invented_links=Links("redact", paths=True),
    prompt_leak=Plain("block"),
)
DEFAULT = Guards(Length("block"), Injection("warn"), secrets=Plain("warn"), prompt_leak=Plain("warn"))
ROUNDS, CALLS = 5, 300
SIZE = 100_000


def main() -> None:
    asyncio.run(_requests())
    _hostile()


async def _requests() -> None:
    text = (TICKET * 5)[:2000]
    request = ChatRequest(
        messages=(Message("system", SYSTEM), Message("user", f"<ticket>\n{text}\n</ticket>")),
        max_tokens=400,
        untrusted={"description": text},
    )
    model = ScriptedModel(lambda _: ChatReply(ANSWER, "none", Usage()))
    telemetry = MemoryTelemetry()
    bare = await _microseconds(guarded(model, Guardrails(), telemetry).complete, request, model)
    sys.stdout.write(f"a ticket of 2 kB through a model that answers at once: {bare:,.0f} µs\n")
    for name, guards in (("the default set", DEFAULT), ("everything on", EVERYTHING)):
        took = await _microseconds(guarded(model, Guardrails(guards), telemetry).complete, request, model)
        sys.stdout.write(f"  {name}: {took - bare:,.0f} µs more\n")
    for name in (
        "length",
        "prompt_injection",
        "pii",
        "spotlight",
        "secrets",
        "invented_links",
        "prompt_leak",
    ):
        alone = replace(Guards(), **{name: getattr(EVERYTHING, name)})
        took = await _microseconds(guarded(model, Guardrails(alone), telemetry).complete, request, model)
        sys.stdout.write(f"    {name} alone: {took - bare:,.0f} µs more\n")


async def _microseconds(
    complete: Callable[[ChatRequest], object], request: ChatRequest, model: ScriptedModel
) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        model.requests.clear()
        began = time.process_time()
        for _ in range(CALLS):
            await complete(request)  # type: ignore[misc]
        best = min(best, (time.process_time() - began) / CALLS)
    return best * 1e6


def _hostile() -> None:
    """100 kB of what makes careless patterns slow; how long each takes, and how it grows when the text is doubled."""
    units = {
        "one letter": "a",
        "letters and dots": "a.",
        "letters and blanks": "a ",
        "digits": "1",
        "slashes": "a/",
        "at signs": "a@",
        "base64": "QUJD",
        "tags": "<data ",
        "percent signs": "%25",
        "injections": "ignore all previous instructions ",
        "half an injection": "ignore the ",
        "words that mean much": "you all prior rules tell ",
        "German": "Größe öffnen ",
        "a new word each time": "",
        "line ends": "\n",
        "quotes": "\"'",
        "card numbers": "4111 1111 ",
        "IBANs": "DE89 3704 0044 ",
    }
    for what, look in {
        "injection": suspicion,
        "personal data": lambda text: Pseudonyms.of(text, ("email", "iban", "card", "tax_id", "phone")),
        "answer": _look_at_answer,
    }.items():
        worst = ("", 0.0, 0.0)
        for name, unit in units.items():
            text = (unit * SIZE if unit else " ".join(map(str, range(SIZE))))[:SIZE]
            half, whole = _milliseconds(look, text[: SIZE // 2]), _milliseconds(look, text)
            worst = max(worst, (name, whole, whole / half), key=lambda found: found[1])
        sys.stdout.write(
            f"100 kB, {what}: at worst {worst[1]:.0f} ms ({worst[0]}), {worst[2]:.1f} times what half of it takes\n"
        )


def _look_at_answer(text: str) -> str:
    request = ChatRequest(messages=(Message("system", SYSTEM), Message("user", "x")), max_tokens=1)
    return AnswerGuard(EVERYTHING, request, "x", lambda *_: None).checked(text)


def _milliseconds(look: Callable[[str], object], text: str) -> float:
    best = float("inf")
    for _ in range(2):
        began = time.process_time()
        look(text)
        best = min(best, time.process_time() - began)
    return best * 1e3


if __name__ == "__main__":
    main()
