from __future__ import annotations

from pathlib import Path

import pytest

from domain.pii import KINDS
from infrastructure.guardrails.file import GuardrailsInvalid, load_guardrails
from infrastructure.guardrails.rules import Guardrails, Guards, Injection, Length, Links, Pii, Plain

ROOT = Path(__file__).parents[3]
TASKS = ("triage", "suggest-solution")


def load(tmp_path: Path, text: str, agent: str = "service-desk") -> Guardrails:
    file = tmp_path / "guardrails.yaml"
    file.write_text(text)
    return load_guardrails(file, agent, TASKS)


def test_without_a_file_there_are_no_guardrails() -> None:
    assert load_guardrails(None, "service-desk", TASKS) == Guardrails()
    assert not Guardrails().any


@pytest.mark.parametrize(
    "text", ["", "# nothing yet\n", "{}\n", "default:\n", "default: {}\ntasks:\n", "~\n"]
)
def test_a_file_without_guardrails_is_an_error_that_says_how_to_have_none(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        GuardrailsInvalid,
        match=r"guardrails\.yaml:1:1: error: the file names no guardrails — .*leave AGENTS_GUARDRAILS out",
    ):
        load(tmp_path, text)


def test_guardrails_can_be_switched_off_by_saying_so(tmp_path: Path) -> None:
    assert not load(tmp_path, "default: off\n").any


def test_a_task_has_what_the_file_gives_it_and_nothing_of_the_default(tmp_path: Path) -> None:
    rails = load(
        tmp_path,
        """
default: {prompt_injection: warn}
tasks:
  service-desk/triage:
    length: {action: block, characters: 5000}
    prompt_injection: {action: block, model: true}
    pii: {action: redact, kinds: [email, iban], restore: false}
    spotlight: datamark
    invented_links: {action: redact, allow: [docs.example.org], paths: true}
    secrets: off
    prompt_leak: block
  service-desk/suggest-solution: off
  devops/whatever: {secrets: warn}
""",
    )
    assert rails.default == Guards(prompt_injection=Injection("warn"))
    assert rails.tasks == {
        "service-desk/triage": Guards(
            length=Length("block", 5000),
            prompt_injection=Injection("block", model=True),
            pii=Pii("redact", ("email", "iban"), restore=False),
            spotlight="datamark",
            invented_links=Links("redact", ("docs.example.org",), paths=True),
            prompt_leak=Plain("block"),
        ),
        "service-desk/suggest-solution": Guards(),
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("defaults: {}", "1:1: error: the key `defaults` is unknown — do you mean `default`?"),
        (
            "default:\n  prompt_injektion: block",
            "2:3: error: the key `default.prompt_injektion` is unknown — do you mean `prompt_injection`?",
        ),
        (
            "default:\n  secrets: stop",
            "2:12: error: `stop` is not possible here — write block or redact or warn",
        ),
        (
            "default:\n  prompt_leak: redact",
            "2:16: error: `redact` is not possible here — write block or warn",
        ),
        (
            "default:\n  length: {characters: 5}",
            "2:11: error: `default.length` has no `action` — write action: block or warn",
        ),
        (
            "default:\n  length: {action: warn, characters: 0}",
            "2:38: error: `0` is no length — write characters, from 1 to 10000000",
        ),
        (
            "default:\n  pii: {action: warn, kinds: [mail]}",
            "2:31: error: the kind mail is unknown — do you mean `email`?",
        ),
        (
            "default:\n  pii: {action: warn, kinds: [shoe_size]}",
            f"2:31: error: the kind shoe_size is unknown — known are {', '.join(KINDS)}",
        ),
        (
            "default:\n  pii: {action: warn, restore: maybe}",
            "2:32: error: `maybe` is neither true nor false — write true or false",
        ),
        (
            "default:\n  invented_links: {action: warn, allow: [https://x.example]}",
            "2:42: error: `https://x.example` is no host — write the host alone, like docs.example.org",
        ),
        (
            "default:\n  spotlight: bright",
            "2:14: error: `bright` is not possible here — write delimit or datamark",
        ),
        (
            "tasks:\n  service-desk/triagge: {}",
            "2:3: error: the task triagge of service-desk is unknown — do you mean `triage`?",
        ),
        (
            "tasks:\n  triage: {}",
            "2:3: error: `triage` names no task — write <agent>/<task>, like service-desk/triage",
        ),
        ("default: block", "1:10: error: `default` is block — write keys and values below it, indented"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_its_cure(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(GuardrailsInvalid) as caught:
        load(tmp_path, text)
    assert str(caught.value) == f"{tmp_path}/guardrails.yaml:{problem}"


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(GuardrailsInvalid) as caught:
        load(tmp_path, "default:\n  secretts: warn\n  pii: maybe\ntasks: 3\n")
    assert [problem.line for problem in caught.value.problems] == [2, 3, 4]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        GuardrailsInvalid, match="cannot be read: No such file or directory — set AGENTS_GUARDRAILS"
    ):
        load_guardrails(tmp_path / "none.yaml", "service-desk", TASKS)


@pytest.mark.parametrize("agent", ["service-desk", "devops"])
def test_the_file_that_we_ship_can_be_used(agent: str) -> None:
    rails = load_guardrails(ROOT / "guardrails.yaml", agent, TASKS)
    assert rails.default.prompt_injection == Injection("warn")
