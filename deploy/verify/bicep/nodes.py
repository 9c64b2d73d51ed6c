"""What a Bicep file says, as data. `line` counts from 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from deploy.verify.bicep.shapes import Shape


@dataclass(frozen=True)
class Node:
    line: int

    def children(self) -> Iterator[Node]:
        for each in fields(self):
            value = getattr(self, each.name)
            for part in value if isinstance(value, tuple) else (value,):
                if isinstance(part, Node):
                    yield part


@dataclass(frozen=True)
class Const(Node):
    """A number, true, false or null."""

    value: int | bool | None


@dataclass(frozen=True)
class Text(Node):
    """The parts of a string: what is written, and what is put in."""

    parts: tuple[str | Node, ...]

    @property
    def literal(self) -> str | None:
        return "".join(map(str, self.parts)) if all(isinstance(part, str) for part in self.parts) else None


@dataclass(frozen=True)
class Name(Node):
    name: str


@dataclass(frozen=True)
class Member(Node):
    target: Node
    name: str


@dataclass(frozen=True)
class Index(Node):
    target: Node
    index: Node


@dataclass(frozen=True)
class Nested(Node):
    """`target::name`: a resource that was declared in another one."""

    target: Node
    name: str


@dataclass(frozen=True)
class NotNull(Node):
    """`target!`."""

    target: Node


@dataclass(frozen=True)
class Call(Node):
    """A function; `target` where it belongs to a value."""

    target: Node | None
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Operation(Node):
    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True)
class Choice(Node):
    condition: Node
    yes: Node
    no: Node


@dataclass(frozen=True)
class Function(Node):
    """A lambda, of one parameter."""

    parameter: str
    body: Node


@dataclass(frozen=True)
class Property(Node):
    """Its name, or the string that makes it."""

    name: str | None
    value: Node
    key: Node | None = None


@dataclass(frozen=True)
class ObjectOf(Node):
    properties: tuple[Property, ...]
    resources: tuple[Resource, ...] = ()

    def get(self, name: str) -> Node | None:
        return next((each.value for each in self.properties if each.name == name), None)


@dataclass(frozen=True)
class ArrayOf(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True)
class For(Node):
    """`[for name in source: body]`, where `names` has the index, too, if it is asked for."""

    names: tuple[str, ...]
    source: Node
    body: Node
    condition: Node | None = None


@dataclass(frozen=True)
class Declaration(Node):
    name: str
    decorators: tuple[Call, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class Param(Declaration):
    """In a file of parameters without a shape, and always with a value."""

    shape: Shape | None
    value: Node | None


@dataclass(frozen=True)
class Var(Declaration):
    value: Node


@dataclass(frozen=True)
class Resource(Declaration):
    type: str
    existing: bool
    value: Node
    condition: Node | None = None


@dataclass(frozen=True)
class Module(Declaration):
    path: str
    value: Node
    condition: Node | None = None


@dataclass(frozen=True)
class Output(Declaration):
    shape: Shape
    value: Node


@dataclass(frozen=True)
class Using(Declaration):
    """`name` is the path of the file that the parameters are for."""


@dataclass(frozen=True)
class TargetScope(Declaration):
    pass


SYMBOLS = (Param, Var, Resource, Module)
"""What has a name in its file; outputs have theirs outside."""
