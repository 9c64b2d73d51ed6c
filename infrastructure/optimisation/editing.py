"""Edits of a prompt file's template: another instruction, examples as messages. What is put in is text, and stays text.

Everything put in is escaped, so that it can neither open a message nor become template code, in either format: `&`, `<` and
the braces that open code are written as entities, which both our reader and Semantic Kernel turn back after rendering.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Final

import yaml

_TAG: Final = re.compile(r"</?message\b[^>]*>")
_USER: Final = re.compile(r"""<message\s+role\s*=\s*(["'])user\1\s*>""")
_SYSTEM: Final = re.compile(r"""(<message\s+role\s*=\s*(["'])system\2\s*>)(.*?)(</message\s*>)""", re.DOTALL)
_CODE: Final = re.compile(r"(\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\})", re.DOTALL)
_OPENING: Final = re.compile(r"\{(?=[{%#]|\Z)")
_ENTITIES: Final = str.maketrans(
    # The last three are line breaks to YAML, which would make plain ones of them.
    {"&": "&amp;", "<": "&lt;", "\r": "&#13;", "\u2028": "&#x2028;", "\u2029": "&#x2029;"}
)


class CannotEdit(ValueError):
    """A template that an edit does not suit: the message says why."""


def escaped(text: str) -> str:
    """Text as it stands in a template of either format to be sent as it is."""
    # `]]>` is no text to XML, and so to Semantic Kernel.
    return _OPENING.sub("&#123;", text.translate(_ENTITIES)).replace("]]>", "]]&gt;")


def instruction_of(template: str) -> str:
    """The first system message as plain text, its template code as it stands; empty when there is none."""
    found = _SYSTEM.search(template)
    if found is None:
        return ""
    pieces = _CODE.split(found[3])
    return "".join(piece if at % 2 else html.unescape(piece) for at, piece in enumerate(pieces)).strip()


def code_of(instruction: str) -> list[str]:
    """Its template code, in order: what another instruction has to keep."""
    return _CODE.findall(instruction)


def with_instruction(template: str, instruction: str) -> str:
    """The template with another first system message, or with one where there was none.

    Raises:
        CannotEdit: the instruction is empty, or its template code is not that of the one it replaces.

    """
    if not instruction.strip():
        raise CannotEdit("an empty instruction")
    found = _SYSTEM.search(template)
    pieces = _pieces(instruction, code_of(found[3]) if found else [])
    written = "".join(piece if at % 2 else escaped(piece) for at, piece in enumerate(pieces)).strip()
    if found is None:
        return f'<message role="system">\n{written}\n</message>\n{_as_messages(template)}'
    return f"{template[: found.end(1)]}\n{written}\n{template[found.start(4) :]}"


def with_examples(template: str, examples: Iterable[tuple[str, str]]) -> str:
    """The template with a user and an assistant message for each question and answer, before its last user message."""
    shots = "".join(
        f'<message role="user">\n{escaped(question)}\n</message>\n'
        f'<message role="assistant">\n{escaped(answer)}\n</message>\n'
        for question, answer in examples
    )
    template = _as_messages(template)
    users = list(_USER.finditer(template))
    if users:
        at = users[-1].start()
        return f"{template[:at]}{shots}{template[at:]}"
    # Text after the last message is the user's.
    at = list(_TAG.finditer(template))[-1].end()
    return f"{template[:at]}\n{shots}{template[at:]}"


def with_template(source: str, template: str) -> str:
    """The text of a prompt file with another template; everything else stays as its author wrote it.

    Raises:
        CannotEdit: there is no template in it.

    """
    root = yaml.compose(source, Loader=yaml.SafeLoader)
    entries = root.value if isinstance(root, yaml.MappingNode) else []
    for key, value in entries:
        if key.value == "template" and isinstance(value, yaml.ScalarNode):
            indent = " " * (key.start_mark.column + 2)
            lines = [f"{indent}{line}" if line else "" for line in template.strip("\n").split("\n")]
            # Where the first line is indented, YAML has to be told how far the block is.
            block = "|2" if template.lstrip("\n").startswith(" ") else "|"
            rest = source[value.end_mark.index :]
            if value.style not in ("|", ">"):
                rest = rest.partition("\n")[2]
            return f"{source[: value.start_mark.index]}{block}\n" + "\n".join(lines) + f"\n{rest}"
    raise CannotEdit("there is no template in it")


def _as_messages(template: str) -> str:
    """A template without any message is one user message as a whole."""
    if _TAG.search(template):
        return template
    return f'<message role="user">\n{template.strip()}\n</message>\n'


def _pieces(instruction: str, code: list[str]) -> list[str]:
    """Text and code by turns: only what is known as code is any, and all of it must be there, in its order."""
    pieces: list[str] = []
    rest = instruction
    for one in code:
        before, found, rest = rest.partition(one)
        if not found:
            raise CannotEdit(f"it lacks {one}, or has it in another place")
        pieces += [before, one]
    return [*pieces, rest]
