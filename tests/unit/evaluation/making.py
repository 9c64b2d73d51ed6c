"""A small prompt with cases, in a folder of its own, and a model for it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

from domain import json
from domain.chat import ChatRequest
from domain.prompt import Prompt
from infrastructure.evaluation.answers import Asker, ModelName
from infrastructure.evaluation.checks import Check, read_check
from infrastructure.evaluation.subjects import Subject, load
from infrastructure.located_yaml.problem import Report
from infrastructure.located_yaml.tree import read_tree
from infrastructure.memory.model import ScriptedModel
from infrastructure.prompts.reading.file import read_prompt

NAME = "desk/sort"
MODEL = ModelName("scripted", "tiny", "0" * 64)

PROMPT = """\
name: sort
description: Sorts a ticket.
template: |
  <message role="system">Sort tickets.</message>
  <message role="user">{{$title}} ({{$impact}})</message>
input_variables:
  - name: title
    description: What it is about.
  - name: impact
    description: Who is hit.
    is_required: false
    default: person
output_variable:
  description: The category.
  json_schema: |
    {
      "type": "object",
      "additionalProperties": false,
      "required": ["category", "reasons"],
      "properties": {
        "category": {"type": "string", "enum": ["hardware", "software", "other"]},
        "reasons": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 80}}
      }
    }
execution_settings:
  default:
    max_tokens: 100
    temperature: 0.2
"""

CASES = """\
margin: 0.1
threshold: 0.5
cases:
  - id: printer
    tags: [english]
    input:
      title: Printer smokes
    checks:
      - {at: category, equals: hardware}
      - {at: reasons, contains: smoke}
  - id: browser
    tags: [english, web]
    input:
      title: Browser crashes
      impact: team
    checks:
      - {at: category, equals: software}
"""


def written(folder: Path, *versions: str, cases: str = CASES, prompt: str = PROMPT) -> Path:
    """The folder `prompts` with the prompt in these versions (else 1.0.0), each with a comment of its own."""
    place = folder / "prompts" / NAME
    place.mkdir(parents=True, exist_ok=True)
    for version in versions or ("1.0.0",):
        (place / f"{version}.yaml").write_text(f"{prompt}# {version}\n")
    (place / "cases.yaml").write_text(cases)
    return folder / "prompts"


def subject_in(folder: Path, version: str | None = None) -> Subject:
    return load(folder, NAME, version)


def a_prompt(text: str = PROMPT) -> Prompt:
    read = read_prompt(text.encode(), file="1.0.0.yaml", name="sort", version="1.0.0")
    assert read.prompt, read.problems
    return read.prompt


def check_of(text: str) -> Check:
    """One check as it stands in a case file, of an answer without a schema."""
    report = Report("cases.yaml")
    node = read_tree(text, report)
    assert node
    check = read_check(node, None, report)
    assert check, report.problems
    return check


def problems_of(text: str) -> list[str]:
    """What is wrong with one check of the prompt's answer, as `column: text — cure`."""
    report = Report("")
    node = read_tree(text, report)
    assert node
    assert read_check(node, a_prompt().output_schema, report) is None or report.problems
    return [str(problem).removeprefix(":1:") for problem in report.problems]


def good(request: ChatRequest) -> str:
    """The right answer to the cases above."""
    hardware = "Printer" in request.messages[-1].content
    return answer("hardware" if hardware else "software", "smoke is seen" if hardware else "it crashes")


def answer(category: str, *reasons: str) -> str:
    return json.dump({"category": category, "reasons": list(reasons)}).decode()


def asker(model: ScriptedModel, folder: Path | None = None, *, concurrency: int = 4) -> Asker:
    return Asker(model, MODEL, folder=folder, concurrency=concurrency)


def yaml_block(text: str, by: int = 2) -> str:
    return indent(dedent(text), " " * by)
