"""What a step in semantic versions means for a prompt: the table in docs/prompts.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.prompt import Prompt
from infrastructure.prompts.check import check_folder
from infrastructure.prompts.reading.file import read_prompt
from infrastructure.prompts.releases.changes import Step, changes, needed_step, next_version, step_between
from infrastructure.prompts.releases.steps import least_version, predecessor
from tests.unit.prompts.folders import hashed

TEXT = """\
name: ask
description: Asks.
template: |
  <message role="system">
  Be brief.
  </message>
  <message role="user">
  Title: {{$title}}
  Impact: {{$impact}}
  </message>
input_variables:
  - name: title
    description: The title.
  - name: impact
    description: Who is hit.
    is_required: false
    default: person
output_variable:
  description: The answer.
  json_schema: |
    {"type": "object", "additionalProperties": false, "required": ["kind", "reason"], "properties": {
      "kind": {"type": "string", "enum": ["a", "b"]},
      "reason": {"type": ["string", "null"], "description": "why", "maxLength": 80}}}
execution_settings:
  default: {max_tokens: 400, temperature: 0}
"""


def prompt(text: str, version: str = "1.1.0") -> Prompt:
    file = read_prompt(text.encode(), file=f"{version}.yaml", name="ask", version=version)
    assert file.prompt, file.problems
    return file.prompt


OLD = prompt(TEXT, "1.0.0")
MORE = '"required": ["kind", "reason", "more"], "properties": {"more": {"type": "boolean"},'


@pytest.mark.parametrize(
    ("before", "after", "step", "says"),
    [
        # variables
        (
            "  - name: impact",
            "  - name: urgency\n  - name: impact",
            "major",
            "the required variable urgency was added",
        ),
        (
            "  - name: impact",
            "  - name: urgency\n    is_required: false\n  - name: impact",
            "minor",
            "the optional variable urgency was added",
        ),
        ("  - name: title\n    description: The title.\n", "", "major", "the variable title was removed"),
        ("    is_required: false\n    default: person\n", "", "major", "the variable impact became required"),
        (
            "The title.\n",
            "The title.\n    is_required: false\n",
            "minor",
            "the variable title became optional",
        ),
        ("default: person", "default: team", "minor", "the default of impact is 'team', it was 'person'"),
        ("The title.", "What it is called.", "patch", "the description of title changed"),
        # the answer
        (
            '["a", "b"]}',
            '["a", "b", "c"]}',
            "major",
            "answer.kind may be c, the schema of 1.0.0 wants one of a, b",
        ),
        (
            '["a", "b"]}',
            '["a"]}',
            "minor",
            "the answer's schema changed, and allows nothing that it did not allow",
        ),
        (
            '"maxLength": 80',
            '"maxLength": 90',
            "major",
            "answer.reason has maxLength 90, the schema of 1.0.0 has 80",
        ),
        ('"maxLength": 80', '"maxLength": 70', "minor", "the answer's schema changed"),
        (
            '{"type": ["string", "null"], "description": "why", "maxLength": 80}',
            '{"type": "null"}',
            "minor",
            "the answer's schema changed",
        ),
        (
            '"description": "why", "maxLength": 80',
            f'"enum": [null, "{"x" * 81}"]',
            "major",
            "answer.reason has maxLength 81, the schema of 1.0.0 has 80",
        ),
        (
            '"description": "why", "maxLength": 80',
            f'"enum": [null, "{"x" * 80}"]',
            "minor",
            "the answer's schema changed",
        ),
        (
            '"required": ["kind", "reason"], "properties": {',
            MORE,
            "major",
            "answer.more is unknown to the schema of 1.0.0",
        ),
        (
            '"required": ["kind", "reason"]',
            '"required": ["reason", "kind"]',
            "patch",
            "the answer's description",
        ),
        ('"why"', '"why so"', "patch", "the answer's description changed"),
        ("The answer.", "What comes.", "patch", "the answer's description changed"),
        # settings
        ("max_tokens: 400", "max_tokens: 500", "minor", "max_tokens is 500, it was 400"),
        ("temperature: 0", "temperature: 0, top_p: 0.5", "minor", "top_p is 0.5, it was not set"),
        # the template
        (
            'role="system"',
            'role="assistant"',
            "minor",
            "the template's messages, variables or blocks changed",
        ),
        (
            "Title: {{$title}}",
            "{{$title}} {{$title}}",
            "minor",
            "the template's messages, variables or blocks",
        ),
        ("Be brief.", "Be short.", "patch", "the template's wording changed"),
        ("{{$title}}", "{{ $title }}", "patch", "the template's wording changed"),
        ("description: Asks.", "description: Asks it.", "patch", "the description changed"),
        ("name: ask\n", "name: ask\n\n", "patch", "the file's form changed, and nothing that it says"),
    ],
)
def test_each_change_needs_its_step(before: str, after: str, step: Step, says: str) -> None:
    assert before in TEXT
    found = changes(OLD, prompt(TEXT.replace(before, after)))
    assert needed_step(found) == step, found
    assert any(change.step == step and says in change.text for change in found), found


def test_an_answer_that_becomes_free_text_or_an_object_is_a_major_change() -> None:
    free = TEXT[: TEXT.index("output_variable")] + TEXT[TEXT.index("execution_settings") :]
    assert [one.text for one in changes(OLD, prompt(free)) if one.step == "major"] == [
        "the answer is free text, it was an object"
    ]
    assert needed_step(changes(prompt(free), OLD)) == "major"


def test_nothing_changes_without_a_change() -> None:
    assert changes(OLD, prompt(TEXT)) == ()


JINJA = 'name: ask\ndescription: d\ntemplate_format: jinja2\ntemplate: |\n  <message role="user">\n  {{% for x in xs %}}{}{{% endfor %}}\n  </message>\ninput_variables: [{{name: xs}}]\nexecution_settings: {{default: {{max_tokens: 4}}}}\n'


@pytest.mark.parametrize(
    ("after", "step"),
    [
        ("* {{ x }}", "patch"),
        ("- {{x}}{# a note #}", "patch"),
        ("- {{- x -}}", "patch"),
        ("- {{ x.name }}", "minor"),
        ("{% if loop.first %}- {% endif %}{{ x }}", "minor"),
    ],
)
def test_in_jinja2_expressions_and_blocks_are_behaviour_and_the_rest_is_wording(
    after: str, step: Step
) -> None:
    old, new = prompt(JINJA.format("- {{ x }}"), "1.0.0"), prompt(JINJA.format(after))
    assert needed_step(changes(old, new)) == step


@pytest.mark.parametrize(
    ("version", "patch", "minor", "major"),
    [
        ("1.2.3", "1.2.4", "1.3.0", "2.0.0"),
        ("0.1.0", "0.1.1", "0.2.0", "1.0.0"),
        ("1.2.0-rc.1", "1.2.0", "1.2.0", "2.0.0"),
        ("2.0.0-rc.1", "2.0.0", "2.0.0", "2.0.0"),
        ("1.2.3-rc.1", "1.2.3", "1.3.0", "2.0.0"),
    ],
)
def test_the_next_version_by_a_step(version: str, patch: str, minor: str, major: str) -> None:
    assert (
        next_version(version, "patch"),
        next_version(version, "minor"),
        next_version(version, "major"),
    ) == (
        patch,
        minor,
        major,
    )


def test_the_step_between_two_versions_is_the_first_number_that_differs() -> None:
    assert [step_between("1.2.3", new) for new in ("1.2.9", "1.3.0", "2.0.0")] == ["patch", "minor", "major"]


def test_the_predecessor_is_the_newest_release_before_and_never_a_pre_release() -> None:
    releases = ["1.0.0", "1.1.0-rc.1", "1.1.0", "2.0.0"]
    assert [predecessor(one, releases) for one in ("1.0.0", "1.1.0", "1.1.0-rc.2", "1.0.5", "3.0.0")] == [
        None,
        "1.0.0",
        "1.0.0",
        "1.0.0",
        "2.0.0",
    ]


def test_a_version_that_is_taken_is_not_proposed() -> None:
    assert least_version("1.0.0", "minor", {"1.0.0"}) == "1.1.0"
    assert least_version("1.0.0", "minor", {"1.0.0", "1.1.0", "2.0.0"}) == "2.1.0"


def test_the_check_finds_a_release_that_is_too_small_a_step(tmp_path: Path) -> None:
    folder = tmp_path / "desk" / "ask"
    folder.mkdir(parents=True)
    changed = TEXT.replace("default: person", "default: team").replace('["a", "b"]}', '["a", "b", "c"]}')
    for version, text in (("1.0.0", TEXT), ("1.0.1", changed)):
        (folder / f"{version}.yaml").write_text(text)
    lock = tmp_path / "prompts.lock"
    lock.write_text(f"desk/ask/1.0.0 sha256:{hashed(TEXT)}\n")
    assert check_folder(tmp_path) == []  # a draft may still become another number
    lock.write_text(f"{lock.read_text()}desk/ask/1.0.1 sha256:{hashed(changed)}\n")
    (problem,) = check_folder(tmp_path)
    assert str(problem) == (
        f"{folder}/1.0.1.yaml:1:1: error: 1.0.1 is a patch step after 1.0.0, and this is a major change: "
        "answer.kind may be c, the schema of 1.0.0 wants one of a, b; the default of impact is 'team', it was 'person' — "
        "name it 2.0.0"
    )


def test_below_1_0_0_an_incompatible_change_needs_a_minor_step(tmp_path: Path) -> None:
    folder = tmp_path / "desk" / "ask"
    folder.mkdir(parents=True)
    changed = TEXT.replace('["a", "b"]}', '["a", "b", "c"]}')
    for version, text in (("0.1.0", TEXT), ("0.2.0", changed)):
        (folder / f"{version}.yaml").write_text(text)
    lines = [f"desk/ask/0.1.0 sha256:{hashed(TEXT)}", f"desk/ask/0.2.0 sha256:{hashed(changed)}", ""]
    (tmp_path / "prompts.lock").write_text("\n".join(lines))
    assert check_folder(tmp_path) == []
