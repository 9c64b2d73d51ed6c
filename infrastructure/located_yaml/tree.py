"""YAML text as a tree that knows where everything stands.

Built from libyaml's events, not by `yaml.compose`: its C composer recurses without a limit and takes the process down at a few
ten thousand nested brackets. Aliases are refused, so nothing in a file can grow beyond the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import yaml
from yaml.reader import Reader

from infrastructure.located_yaml.problem import Report, Spot

Kind: TypeAlias = Literal["text", "whole number", "number", "true or false", "nothing", "list", "object"]

_MAX_DEPTH = 40
_KINDS: Final[dict[str, Kind]] = {
    "tag:yaml.org,2002:str": "text",
    "tag:yaml.org,2002:int": "whole number",
    "tag:yaml.org,2002:float": "number",
    "tag:yaml.org,2002:bool": "true or false",
    "tag:yaml.org,2002:null": "nothing",
    "tag:yaml.org,2002:seq": "list",
    "tag:yaml.org,2002:map": "object",
    "tag:yaml.org,2002:timestamp": "text",
    "tag:yaml.org,2002:merge": "text",
    "tag:yaml.org,2002:value": "text",
}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Node:
    """A value of a YAML document. `text` is a scalar's content, `literal` whether it was written as a `|` block."""

    kind: Kind
    line: int
    column: int
    text: str = ""
    literal: bool = False
    items: list[Node] = field(default_factory=list)
    fields: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Spot] = field(default_factory=dict)


def decode(raw: bytes, report: Report) -> str | None:
    """UTF-8 text without control characters, or None and an error in the report."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        spot = Spot(before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        report.error(spot, f"byte 0x{raw[error.start]:02x} is not UTF-8", "save the file as UTF-8")
        return None
    if match := Reader.NON_PRINTABLE.search(text):
        spot = Spot(
            text.count("\n", 0, match.start()) + 1, match.start() - text.rfind("\n", 0, match.start())
        )
        report.error(spot, f"control character U+{ord(match[0]):04X}", "remove it")
        return None
    return text


def read_tree(text: str, report: Report) -> Node | None:
    """The document's root, or None when it is no YAML; all problems go into the report."""
    loader = _LOADER(text)
    builder = _Builder(loader, report)
    try:
        while loader.check_event():
            if not builder.take(loader.get_event()):
                return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        spot = Spot(mark.line + 1, mark.column + 1) if mark else Spot(1)
        if mark and text[mark.index : mark.index + 1] == "\t":
            report.error(spot, "a tab where YAML wants blanks", "indent with blanks")
        else:
            problem = error.problem or error.context or "it cannot be read"
            report.error(
                spot,
                f"this is no YAML: {problem}",
                "check indentation, colons and quotes here and just above",
            )
        return None
    finally:
        loader.dispose()
    return builder.root


class _Builder:
    def __init__(self, loader: Any, report: Report) -> None:
        self.root: Node | None = None
        self._loader = loader
        self._report = report
        self._open: list[
            tuple[Node, Node | None]
        ] = []  # a collection, and in an object the key that waits for its value

    def take(self, event: yaml.Event) -> bool:
        """False when reading on makes no sense."""
        spot = Spot(event.start_mark.line + 1, event.start_mark.column + 1) if event.start_mark else Spot(1)
        if isinstance(event, yaml.ScalarEvent):
            tag = event.tag or self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)
            kind = self._kind(tag, spot)
            self._place(Node(kind, spot.line, spot.column, event.value, literal=event.style == "|"))
        elif isinstance(event, yaml.AliasEvent):
            self._report.error(
                spot,
                f"the alias *{event.anchor}",
                "write the text out: anchors and aliases are not used here",
            )
            self._place(Node("nothing", spot.line, spot.column))
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(self._open) == _MAX_DEPTH:
                self._report.error(spot, f"nested deeper than {_MAX_DEPTH} levels", "about five are enough")
                return False
            self._kind(event.tag or "tag:yaml.org,2002:map", spot)
            node = Node(
                "object" if isinstance(event, yaml.MappingStartEvent) else "list", spot.line, spot.column
            )
            self._place(node)
            self._open.append((node, None))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.DocumentStartEvent) and self.root:
            self._report.error(spot, "a second document", "keep one document per file")
            return False
        return True

    def _place(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent, key = self._open[-1]
        if parent.kind == "list":
            parent.items.append(node)
        elif key is None:
            self._open[-1] = (parent, node)
            if node.kind in ("list", "object"):
                self._report.error(node, "a list or an object as a key", "use a plain word as the key")
        else:
            self._open[-1] = (parent, None)
            if key.text in parent.fields:
                first = parent.keys[key.text].line
                self._report.error(
                    key,
                    f"the key `{key.text}` stands here twice, first in line {first}",
                    "remove one of them",
                )
            else:
                parent.fields[key.text] = node
                parent.keys[key.text] = Spot(key.line, key.column)

    def _kind(self, tag: str, spot: Spot) -> Kind:
        if tag not in _KINDS:
            self._report.error(
                spot, f"the tag {tag.replace('tag:yaml.org,2002:', '!!')}", "remove it: plain YAML is enough"
            )
            return "nothing"
        return _KINDS[tag]
