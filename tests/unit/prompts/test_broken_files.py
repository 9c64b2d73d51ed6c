"""Prompt files broken in every way we know: each problem with its line, what is wrong and the cure, all at once."""

from __future__ import annotations

from textwrap import dedent

import pytest

from infrastructure.prompts.file import MAX_FILE, read_prompt

GOOD = """\
name: greet
description: Greets somebody.
template_format: semantic-kernel
template: |
  <message role="system">Be kind.</message>
  <message role="user">Greet {{$who}}.</message>
input_variables:
  - name: who
    description: The person's name.
    is_required: true
output_variable:
  json_schema: |
    {
      "type": "object",
      "additionalProperties": false,
      "required": ["greeting", "tags"],
      "properties": {
        "greeting": {"type": "string", "maxLength": 80},
        "tags": {"type": "array", "maxItems": 3, "items": {"type": "string", "enum": ["a", "b"]}}
      }
    }
execution_settings:
  default:
    max_tokens: 400
    timeout: 30
    temperature: 0.2
    top_p: 0.9
    seed: 7
"""


def problems(text: str | bytes) -> list[str]:
    raw = text if isinstance(text, bytes) else text.encode()
    file = read_prompt(raw, file="1.0.0.yaml", name="greet", version="1.0.0")
    fatal = any(problem.severity == "error" for problem in file.problems)
    assert (file.prompt is None) == fatal
    return [str(problem).removeprefix("1.0.0.yaml:") for problem in file.problems]


def test_a_good_file_has_no_problems() -> None:
    assert problems(GOOD) == []


BROKEN = {
    "unknown key": (
        "name: greet",
        "name: greet\nmodel: gpt",
        (
            "2:1: warning: the key `model` has no effect — remove it; known are name, description, template, "
            "template_format, input_variables, output_variable, execution_settings"
        ),
    ),
    "misspelt key": (
        "    max_tokens: 400",
        "    max_token: 400",
        "24:5: warning: the key `execution_settings.default.max_token` has no effect — do you mean `max_tokens`?",
    ),
    "name of another folder": (
        "name: greet",
        "name: salute",
        "1:7: error: the name is salute, the folder's is greet — give both the same name",
    ),
    "no name": ("name: greet\n", "", "1:1: warning: no `name` — write name: greet"),
    "name of a wrong type": (
        "name: greet",
        "name: [greet]",
        "1:7: error: `name` is a list — write a text, in quotes where YAML would take it for something else",
    ),
    "duplicate key": (
        "description: Greets somebody.",
        "description: Greets somebody.\nname: greet",
        "3:1: error: the key `name` stands here twice, first in line 1 — remove one of them",
    ),
    "tab": (
        "  - name: who",
        "\t- name: who",
        "8:1: error: a tab where YAML wants blanks — indent with blanks",
    ),
    "no YAML": (
        "name: greet",
        "name: [greet",
        "2:12: error: this is no YAML: did not find expected ',' or ']' — check indentation, colons and quotes here and just above",
    ),
    "alias": (
        "description: Greets somebody.",
        "description: *other",
        "2:14: error: the alias *other — write the text out: anchors and aliases are not used here",
    ),
    "Python tag": (
        "description: Greets somebody.",
        "description: !!python/name:os.system x",
        "2:14: error: the tag !!python/name:os.system — remove it: plain YAML is enough",
    ),
    "second document": (
        "    seed: 7\n",
        "    seed: 7\n---\nname: b\n",
        "29:1: error: a second document — keep one document per file",
    ),
    "handlebars": (
        "template_format: semantic-kernel",
        "template_format: handlebars",
        (
            "3:18: error: templates of the format handlebars are not rendered — "
            "write it as Jinja2: {{#each x}} is {% for y in x %}, {{#if x}} is {% if x %}"
        ),
    ),
    "Handlebars in a template": (
        "Greet {{$who}}.",
        "Greet {{#if who}}{{$who}}{{/if}}.",
        "6:30: error: {{#if who}} is Handlebars — write it as Jinja2 (template_format: jinja2)",
    ),
    "function call": (
        "Greet {{$who}}.",
        "Greet {{$who}} on {{time.today $zone}}.",
        (
            "6:42: error: {{time.today $zone}} calls a function — write {{$name}} for a variable; "
            "what a function gives, compute in the agent and pass as a variable"
        ),
    ),
    "variable without a dollar": (
        "Greet {{$who}}.",
        "Greet {{$who}} {{who}}.",
        (
            "6:39: error: {{who}} calls a function — write {{$name}} for a variable; "
            "what a function gives, compute in the agent and pass as a variable"
        ),
    ),
    "variable with a wrong name": (
        "Greet {{$who}}.",
        "Greet {{$who}} {{$who.name}}.",
        "6:39: error: {{$who.name}} is neither a variable nor a text — write {{$name}}, a name of letters, digits and _",
    ),
    "unclosed variable": (
        "Be kind.",
        "Be {{$kind}.",
        "5:29: warning: `{{$` without `}}` is sent as it stands — close it with }}",
    ),
    "undeclared variable": (
        "Greet {{$who}}.",
        "Greet {{$who}} in {{$tongue}}.",
        "6:42: warning: the variable tongue is not declared — add it to input_variables or correct its name (declared: who)",
    ),
    "unused variable": (
        "    is_required: true\n",
        "    is_required: true\n  - name: mood\n",
        "11:5: warning: the variable mood is not used — use it in the template or remove it here",
    ),
    "variable declared twice": (
        "    is_required: true\n",
        "    is_required: true\n  - name: who\n",
        "11:5: error: the variable who is declared twice — remove one of them",
    ),
    "default of a wrong type": (
        "    is_required: true\n",
        "    default: 3\n",
        '10:14: warning: `default` is a whole number — put it in quotes: "3"',
    ),
    "flag of a wrong type": (
        "    is_required: true\n",
        "    is_required: maybe\n",
        "10:18: error: `is_required` is a text — write true or false",
    ),
    "allowed dangerous content": (
        "    is_required: true\n",
        "    allow_dangerously_set_content: true\n",
        (
            "10:5: note: `allow_dangerously_set_content` has no effect here — "
            "values are always data; leave it out unless Semantic Kernel shall render the file too"
        ),
    ),
    "unknown role": (
        'role="system"',
        'role="root"',
        (
            '5:3: error: <message role="root"> is no message that can be sent — '
            'write <message role="system">, "user" or "assistant", with nothing else in the tag'
        ),
    ),
    "unclosed message": (
        "{{$who}}.</message>",
        "{{$who}}.",
        "6:3: error: a message that is never closed — write </message> where it ends",
    ),
    "nested message": (
        "Be kind.</message>",
        "Be kind.",
        "6:3: error: a message within a message — close the first with </message>",
    ),
    "no template": (
        "template: |\n",
        "templat: |\n",
        "1:1: error: no `template` — write the text as a block: template: |",
    ),
    "max_tokens missing": (
        "    max_tokens: 400\n",
        "",
        "24:5: warning: no `max_tokens` — write the length of the longest answer you expect, in tokens",
    ),
    "max_tokens of 0": (
        "max_tokens: 400",
        "max_tokens: 0",
        "24:17: error: `max_tokens` is 0 — write a whole number from 1 to 32768",
    ),
    "max_tokens as text": (
        "max_tokens: 400",
        'max_tokens: "400"',
        "24:17: error: `max_tokens` is a text — write a whole number from 1 to 32768",
    ),
    "temperature out of range": (
        "temperature: 0.2",
        "temperature: 2.5",
        "26:18: error: `temperature` is 2.5 — write a number from 0 to 2",
    ),
    "timeout of nothing": (
        "timeout: 30",
        "timeout: .nan",
        "25:14: error: `timeout` is .nan — write a number from 0 to 3600",
    ),
    "no limits at all": (
        GOOD[GOOD.index("execution_settings") :],
        "",
        "1:1: warning: no limits — write execution_settings: default: max_tokens: …",
    ),
    "settings of a named service": (
        "  default:\n",
        "  gpt-4:\n    temperature: 1\n  default:\n",
        "23:3: warning: the settings of the service `gpt-4` are not used — put them under `default`",
    ),
    "schema as YAML": (
        GOOD[GOOD.index("  json_schema: |") : GOOD.index("execution_settings")],
        "  json_schema:\n    type: object\n",
        "13:5: error: `json_schema` is an object — write it as JSON in a text block: json_schema: |",
    ),
    "schema that is no JSON": (
        '"additionalProperties": false,',
        '"additionalProperties": False,',
        "15:31: error: the schema is no JSON: expected value at line 3 column 27 — correct it; it is JSON, not YAML",
    ),
    "schema key twice": (
        '"additionalProperties": false,',
        '"type": "object", "additionalProperties": false,',
        "15:7: error: the key `type` stands here twice, first in line 2 — remove one of them",
    ),
    "list without maxItems": (
        '"maxItems": 3, ',
        "",
        "19:17: warning: answer.tags has no `maxItems` — bound it: models that may go on do go on",
    ),
    "text without maxLength": (
        '"type": "string", "maxLength": 80',
        '"type": "string"',
        "18:21: warning: answer.greeting has no `maxLength` — bound it, or list its values with `enum`",
    ),
    "open object": (
        '      "additionalProperties": false,\n',
        "",
        '13:5: warning: answer is open to further properties — write "additionalProperties": false',
    ),
    "property that is not required": (
        '["greeting", "tags"]',
        '["greeting"]',
        (
            "16:7: warning: `required` of answer does not list all properties — "
            'write "required": ["greeting", "tags"]; an optional one may be null'
        ),
    ),
    "pattern": (
        '"maxLength": 80',
        '"maxLength": 80, "pattern": "^A"',
        (
            "18:57: warning: `pattern` in the schema of answer.greeting — "
            "leave it out and check it in the answer's model: servers read it differently"
        ),
    ),
    "unknown type": (
        '"type": "string", "maxLength": 80',
        '"type": "str"',
        (
            '18:22: error: answer.greeting has no usable `type` — write "type": and one of '
            "object, array, string, integer, number, boolean, null"
        ),
    ),
    "list as the answer": (
        '"type": "object",',
        '"type": "array", "maxItems": 2, "items": {"type": "null"},',
        '13:5: error: the answer\'s type is not `object` — write "type": "object" and put the value into a property',
    ),
    "answer without end": (
        '"maxLength": 80',
        '"maxLength": 300000',
        "13:5: warning: the longest possible answer has 300,038 characters, 200,000 are allowed — lower maxItems and maxLength",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_named_with_line_and_cure(case: str) -> None:
    good, broken, expected = BROKEN[case]
    assert good in GOOD
    found = problems(GOOD.replace(good, broken, 1))
    assert expected in found


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"name: gr\xfc\xdfe", ["1:9: error: byte 0xfc is not UTF-8 — save the file as UTF-8"]),
        (b"name: a\x01b", ["1:8: error: control character U+0001 — remove it"]),
        (
            b"",
            [
                "1:1: error: this is no prompt — write the keys name, description, template, …: see docs/prompts.md"
            ],
        ),
        (
            b"- a",
            [
                "1:1: error: this is no prompt — write the keys name, description, template, …: see docs/prompts.md"
            ],
        ),
        (b"[" * 60_000, ["1:41: error: nested deeper than 40 levels — about five are enough"]),
        (
            b"#" * (MAX_FILE + 1),
            ["1:1: error: 131,073 bytes, 131,072 are allowed — pass long texts in as variables"],
        ),
        (
            b"a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]",
            [
                "2:8: error: the alias *a — write the text out: anchors and aliases are not used here",
                "2:12: error: the alias *a — write the text out: anchors and aliases are not used here",
                "3:5: error: the alias *b — write the text out: anchors and aliases are not used here",
                "3:9: error: the alias *b — write the text out: anchors and aliases are not used here",
            ],
        ),
    ],
)
def test_bytes_that_are_no_prompt_are_refused(raw: bytes, expected: list[str]) -> None:
    assert problems(raw) == expected


def test_all_problems_of_a_file_are_told_at_once() -> None:
    text = dedent("""\
        name: salute
        template_format: jinja2
        template: |
          {{ who|safe }} {{ f(who) }}
          {% if who %}<message role="user">{% endif %}
        input_variables:
          - name: who
          - name: mood
        execution_settings:
          default:
            max_tokens: -1
            top_p: 7
        """)
    assert problems(text) == [
        "1:1: warning: no `description` — say in one sentence what the prompt is for",
        "1:7: error: the name is salute, the folder's is greet — give both the same name",
        (
            "4:3: error: a call: f(…) — use a filter (`d|items` instead of `d.items()`), "
            "or compute it in the agent and pass it as a variable"
        ),
        "4:3: error: there is no filter `safe` — values are data already: leave it out",
        "4:3: warning: the variable f is not declared — add it to input_variables or correct its name (declared: who, mood)",
        "5:3: error: a message that opens or closes in only one branch — open and close it in the same branch, or outside of it",
        "8:5: warning: the variable mood is not used — use it in the template or remove it here",
        "11:17: error: `max_tokens` is -1 — write a whole number from 1 to 32768",
        "12:12: error: `top_p` is 7 — write a number from 0 to 1",
    ]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            "{% for x in who %}",
            "no Jinja2: Unexpected end of template. Jinja was looking for the following tags: ",
        ),
        ("{{ who }", "no Jinja2: unexpected '}'"),
        ("{% include 'x' %}{{ who }}", "{% include %} — write the text here: a prompt is one file"),
        ("{% from 'x' import y %}{{ who }}", "{% fromimport %} — write the text here"),
        ("{% filter upper %}{{ who }}{% endfilter %}", "{% filter %} — catch the text with {% set x %}"),
        ("{{ who|random }}", "there is no filter `random` — a prompt is the same for the same input"),
        ("{{ who|xmlattr }}", "there is no filter `xmlattr` — leave it out: it makes HTML"),
        ("{{ who is friendly }}", "there is no test `friendly`"),
        ("{% autoescape false %}{{ who }}{% endautoescape %}", "{% autoescape %} — values are data already"),
        ("{{ who.items() }}", "a call: who.items(…) — use a filter"),
        ("{{ message(who) }}", "a call: message(…) — use a filter"),
        (
            "{% set m %}<message role='user'>{% endset %}{{ who }}{{ m }}",
            "a message tag within a macro, call or set block",
        ),
        ("{% for i in who %}" * 25 + "{{ i }}" + "{% endfor %}" * 25, "blocks or brackets nested too deeply"),
        ("{{ " + "(" * 5000 + "who" + ")" * 5000 + " }}", "blocks or brackets nested too deeply"),
    ],
)
def test_jinja2_that_is_not_rendered_is_refused_with_its_line(template: str, expected: str) -> None:
    text = (
        "name: greet\ndescription: d\ntemplate_format: jinja2\ntemplate: |\n  Hello\n  "
        + template
        + "\ninput_variables: [{name: who}]\nexecution_settings: {default: {max_tokens: 5}}\n"
    )
    found = [problem for problem in problems(text) if ": error: " in problem]
    assert any(expected in problem for problem in found), found
    if "deeply" not in expected:
        assert found[0].startswith("6:3: ")
