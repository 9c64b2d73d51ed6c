"""Messages in a template, and values in messages: the one place where the border between the two is drawn.

Message tags are found in the template's own text when it is compiled, and replaced by marks that begin with NUL. Values lose
their NULs on the way in. So whatever a value holds, it cannot open, close or change a message.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any, Final, Literal

from pydantic_core import to_json

from domain.chat import Message
from infrastructure.located_yaml.problem import Report, Spot

_TAG = re.compile(r"</?message\b[^>]*>?")
_OPEN = re.compile(r"""<message\s+role\s*=\s*(["'])([^"']*)\1\s*>""")
_CLOSE = re.compile(r"</message\s*>")
# Semantic Kernel takes these for parts of a message; we send them as text (contents/const.py, TAG_CONTENT_MAP)
_CONTENT = re.compile(
    r"</?(text|image|audio|binary|annotation|streaming_annotation|file_reference|streaming_file_reference"
    r"|function_call|function_result|reasoning|chat_history)\b"
)
_ROLES: Final[dict[str, Literal["system", "user", "assistant"]]] = {
    "s": "system",
    "u": "user",
    "a": "assistant",
    "/": "user",  # text after a message
}
_MARKS: Final = {"system": "\0s", "user": "\0u", "assistant": "\0a"}
_END = "\0/"


def as_text(value: Any) -> str:
    """A value as it stands in a message: text as it is, everything else as JSON; never a mark."""
    if isinstance(value, str):
        return value.replace("\0", "") if "\0" in value else value
    return to_json(value, indent=2).decode()


class Tags:
    """Turns the message tags of one template into marks, and says which of them are wrong."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._opened = Spot(1)

    def mark(self, text: str, *, inside: bool, place: Callable[[int], Spot]) -> tuple[str, bool]:
        """The text with marks for tags and characters for entities, and whether a message is open at its end."""
        done: list[str] = []
        end = 0
        for tag in _TAG.finditer(text):
            done.append(html.unescape(text[end : tag.start()]))
            end = tag.end()
            if _CLOSE.fullmatch(tag[0]):
                if not inside:
                    self._report.error(
                        place(tag.start()), "</message> closes nothing", "open a message before it"
                    )
                inside = False
                done.append(_END)
                continue
            role = _OPEN.fullmatch(tag[0])
            if not role or role[2] not in _MARKS:
                self._report.error(
                    place(tag.start()),
                    f"{tag[0]} is no message that can be sent",
                    'write <message role="system">, "user" or "assistant", with nothing else in the tag',
                )
            if inside:
                self._report.error(
                    place(tag.start()), "a message within a message", "close the first with </message>"
                )
            inside = True
            self._opened = place(tag.start())
            done.append(_MARKS.get(role[2], _MARKS["user"]) if role else _MARKS["user"])
        done.append(html.unescape(text[end:]))
        for part in _CONTENT.finditer(text):
            self._report.warning(
                place(part.start()),
                f"{part[0]}> is a part of a message to Semantic Kernel, and plain text here",
                "take another tag name; only text is sent",
            )
        return "".join(done), inside

    def end(self, *, inside: bool) -> None:
        if inside:
            self._report.error(
                self._opened, "a message that is never closed", "write </message> where it ends"
            )


def split(rendered: str) -> tuple[Message, ...]:
    """The messages of a rendered template; empty ones are left out.

    Text outside of messages is the system's when it comes first and more follows, else the user's, as in Semantic Kernel.
    """
    head, *rest = rendered.split("\0")
    messages = [Message("system", text)] if (text := head.strip()) else []
    messages += [Message(_ROLES[piece[0]], text) for piece in rest if (text := piece[1:].strip())]
    if len(messages) == 1 and messages[0].role == "system":
        return (Message("user", messages[0].content),)
    return tuple(messages)
