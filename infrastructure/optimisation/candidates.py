"""A candidate: the prompt as it would be with another instruction, with examples, or with both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.chat import Message
from domain.errors import AgentError
from domain.prompt import Prompt
from infrastructure.evaluation.cases import Case
from infrastructure.optimisation.editing import CannotEdit, with_examples, with_instruction, with_template
from infrastructure.prompts.reading.definition import read_definition
from infrastructure.prompts.reading.file import read_prompt

MOST_ADDED: Final = 12_000
"""Characters that a candidate may be longer than the prompt it is made from: every later call pays for them."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question as the prompt asks it, for one of the cases, and an answer of the model that passed all its checks."""

    case: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """`instruction` is None where it is that of the prompt itself."""

    prompt: Prompt
    instruction: str | None = None
    examples: tuple[Example, ...] = ()

    def may_be_judged_by(self, case: Case) -> bool:
        """A case whose answer it was shown says nothing about it."""
        return all(case.id != example.case for example in self.examples)

    def __str__(self) -> str:
        words = "a new instruction" if self.instruction is not None else "the instruction as it was"
        if not self.examples:
            return words
        return f"{words}, and examples: {', '.join(example.case for example in self.examples)}"


def rewritten(base: Prompt, instruction: str, cases: Sequence[Case]) -> Candidate:
    """The prompt with another instruction.

    Raises:
        CannotEdit: it cannot be said in this prompt, or the file would not be what it is meant to be.

    """
    prompt = _edited(base, with_instruction(read_definition(base.source).template, instruction))
    for case in cases:
        before, after = _sent(base, case), _sent(prompt, case)
        if [one for one in after if one.role != "system"] != [one for one in before if one.role != "system"]:
            raise CannotEdit("more than the instruction would change")
    return Candidate(prompt, instruction)


def taught(candidate: Candidate, examples: Sequence[Example], cases: Sequence[Case]) -> Candidate:
    """The candidate with examples.

    Raises:
        CannotEdit: this prompt has no place for them, or they cannot be said in it as they are.

    """
    base = candidate.prompt
    pairs = [(example.question, example.answer) for example in examples]
    prompt = _edited(base, with_examples(read_definition(base.source).template, pairs))
    shown = tuple(
        message
        for question, answer in pairs
        for message in (Message("user", question), Message("assistant", answer))
    )
    for case in cases:
        *head, last = _sent(base, case)
        if _sent(prompt, case) != (*head, *shown, last):
            raise CannotEdit("the examples would not be sent as they are, or other messages would change")
    return Candidate(prompt, candidate.instruction, tuple(examples))


def question_of(prompt: Prompt, case: Case) -> str:
    """What the prompt asks about a case, without its instruction: the last message.

    Raises:
        CannotEdit: the last message is none of the user's.

    """
    last = _sent(prompt, case)[-1]
    if last.role != "user":
        raise CannotEdit("the prompt does not end with a message of the user")
    return last.content


def _edited(base: Prompt, template: str) -> Prompt:
    """Checked like any prompt file: nothing may be wrong with it that was not wrong before."""
    source = with_template(base.source, template)
    if len(source) > len(base.source) + MOST_ADDED:
        raise CannotEdit(f"it would be more than {MOST_ADDED:,} characters longer")
    before = _read(base, base.source)[1]
    prompt, problems = _read(base, source)
    if prompt is None or problems - before:
        raise CannotEdit(f"the file would be wrong: {'; '.join(sorted(problems - before))}")
    return prompt


def _read(base: Prompt, source: str) -> tuple[Prompt | None, set[str]]:
    read = read_prompt(source.encode(), file="draft", name=base.name, version=base.version)
    return read.prompt, {problem.text for problem in read.problems if problem.severity != "note"}


def _sent(prompt: Prompt, case: Case) -> tuple[Message, ...]:
    try:
        return prompt.render(case.input)
    except AgentError as error:
        raise CannotEdit(f"it cannot be rendered for {case.id}: {error.message}") from None
