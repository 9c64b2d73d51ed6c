"""What an expression is. Whatever is wrong in it is collected, with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from deploy.verify.bicep import nodes as n
from deploy.verify.bicep.functions import FUNCTIONS
from deploy.verify.bicep.shapes import (
    ANY,
    ARRAY,
    BOOL,
    INT,
    NULL,
    STRING,
    Anything,
    Either,
    Field,
    ListOf,
    Literal,
    Record,
    Shape,
    Tagged,
    either,
    fits,
    without_null,
)

Local = Mapping[str, Shape]
"""What loops and functions name around an expression."""
_LOGIC, _ARITHMETIC = ("&&", "||", "!"), ("+", "*", "/", "%", "-")


@dataclass
class Values:
    """Of one file. `shape_of` knows its symbols, `nested` the resources in resources, `load` the files that it reads;
    `reads` is told what is taken of which record.
    """

    symbols: Iterable[str]
    shape_of: Callable[[str], Shape | None]
    nested: Mapping[tuple[str, str], Shape]
    load: Callable[[n.Call], Shape]
    reads: Callable[[Record, str], None]
    problems: list[tuple[int, str]] = field(default_factory=list)

    def wrong(self, node: n.Node, message: str) -> None:
        if (node.line, message) not in self.problems:  # a symbol may be asked for again and again
            self.problems.append((node.line, message))

    def inside(self, loop: n.For, local: Local) -> Local:
        """What is known in the body of a loop."""
        source = self.shape(loop.source, local)
        if not fits(source, ARRAY):
            self.wrong(loop, f"a loop goes through a list, and this is {source}")
        inner = {**local, **dict(zip(loop.names, (_item(source), INT), strict=False))}
        if loop.condition is not None:
            self.condition(loop.condition, inner)
        return inner

    def condition(self, node: n.Node, local: Local) -> None:
        if not fits(found := self.shape(node, local), BOOL):
            self.wrong(node, f"a condition is {found}, and {BOOL} is needed")

    def shape(self, node: n.Node, local: Local) -> Shape:
        match node:
            case n.Const(value=value):
                return NULL if value is None else BOOL if isinstance(value, bool) else INT
            case n.ArrayOf():
                items = [self.shape(item, local) for item in node.items]
                return ListOf(either(*items) if items else ANY)
            case n.For():
                return ListOf(self.shape(node.body, self.inside(node, local)))
        method = _METHODS.get(type(node))
        if method is None:
            self.wrong(node, "this may not stand here")
            return ANY
        return method(self, node, local)

    def not_null(self, node: n.NotNull, local: Local) -> Shape:
        return without_null(self.shape(node.target, local))

    def choice(self, node: n.Choice, local: Local) -> Shape:
        self.condition(node.condition, local)
        return either(self.shape(node.yes, local), self.shape(node.no, local))

    def text(self, node: n.Text, local: Local) -> Shape:
        for part in node.parts:
            if isinstance(part, n.Node) and not fits(
                found := self.shape(part, local), either(STRING, INT, BOOL)
            ):
                self.wrong(part, f"{found} is put into a string")
        return STRING if node.literal is None else Literal(node.literal)

    def name(self, node: n.Name, local: Local) -> Shape:
        shape = local.get(node.name) or self.shape_of(node.name)
        if shape is None:
            self.wrong(node, unknown(node.name, [*local, *self.symbols], "nothing is declared as"))
        return shape or ANY

    def nested_resource(self, node: n.Nested, local: Local) -> Shape:
        self.shape(node.target, local)
        owner = node.target.name if isinstance(node.target, n.Name) else ""
        found = self.nested.get((owner, node.name))
        if found is None:
            self.wrong(node, f"{owner} has no resource {node.name} in it")
        return found or ANY

    def member(self, node: n.Member, local: Local) -> Shape:
        return self.member_of(self.shape(node.target, local), node)

    def member_of(self, target: Shape, node: n.Member) -> Shape:
        if isinstance(target, Either) and NULL in target.options:
            self.wrong(node, f".{node.name} of what may be missing: it depends on a condition; write !")
            return self.member_of(without_null(target), node)
        if isinstance(target, Either):
            return either(*(self.member_of(option, node) for option in target.options))
        if isinstance(target, Record):
            self.reads(target, node.name)
            known = target.fields.get(node.name)
            if known is None and target.rest is None:
                self.wrong(node, f"{target}: {unknown(node.name, target.fields)}")
            return known.shape if known else target.rest or ANY
        if not isinstance(target, Anything | Tagged):
            self.wrong(node, f".{node.name} of {target}, which has nothing of its own")
        return ANY

    def index(self, node: n.Index, local: Local) -> Shape:
        target, index = self.shape(node.target, local), self.shape(node.index, local)
        if isinstance(target, ListOf):
            if not fits(index, INT):
                self.wrong(node, f"a list is asked by number, and this is {index}")
            return target.item
        if isinstance(target, Record):
            return either(
                *(each.shape for each in target.fields.values()), *([target.rest] if target.rest else [])
            )
        if not isinstance(target, Anything):
            self.wrong(node, f"{target} is no list")
        return ANY

    def object(self, node: n.ObjectOf, local: Local) -> Shape:
        fields = {
            each.name: Field(self.shape(each.value, local), required=True)
            for each in node.properties
            if each.name
        }
        made = any(each.name is None for each in node.properties)
        return Record("{" + ", ".join(fields) + "}", fields, ANY if made else None)

    def operation(self, node: n.Operation, local: Local) -> Shape:
        sides = [self.shape(each, local) for each in node.operands]
        if node.operator == "??":
            return either(without_null(sides[0]), sides[1])
        needed = BOOL if node.operator in _LOGIC else INT if node.operator in _ARITHMETIC else ANY
        for side in sides:
            if not fits(side, needed):
                self.wrong(node, f"{node.operator} of {side}, and {needed} is needed")
        return INT if needed == INT else BOOL

    def call(self, node: n.Call, local: Local) -> Shape:
        if node.target is not None:
            self.wrong(node, f"{node.name}() of a value is nothing that this check knows")
            return ANY
        if node.name == "map" and len(node.arguments) == 2:
            return self.mapped(node, local)
        if node.name in ("loadYamlContent", "readEnvironmentVariable"):
            return self.load(node)
        shapes = [self.shape(each, local) for each in node.arguments]
        function = FUNCTIONS.get(node.name)
        if function is None:
            self.wrong(
                node, unknown(node.name, FUNCTIONS, "deploy/verify/bicep/functions.py has no function")
            )
            return ANY
        takes = function.takes
        if len(shapes) < len(takes) or (len(shapes) > len(takes) and not function.more):
            self.wrong(node, f"{node.name}() is given {len(shapes)} arguments, and takes {len(takes)}")
            return ANY
        for number, shape in enumerate(shapes):
            wanted = takes[min(number, len(takes) - 1)]
            if not fits(shape, wanted):
                self.wrong(node, f"argument {number + 1} of {node.name}() is {shape}, and {wanted} is needed")
        return function.result(shapes)

    def mapped(self, node: n.Call, local: Local) -> Shape:
        source, function = self.shape(node.arguments[0], local), node.arguments[1]
        if not isinstance(function, n.Function):
            self.wrong(node, "map() takes a list and a function: map(list, one => …)")
            return ARRAY
        return ListOf(self.shape(function.body, {**local, function.parameter: _item(source)}))


_METHODS: Mapping[type[n.Node], Callable[..., Shape]] = {
    n.NotNull: Values.not_null,
    n.Choice: Values.choice,
    n.Text: Values.text,
    n.Name: Values.name,
    n.Nested: Values.nested_resource,
    n.Member: Values.member,
    n.Index: Values.index,
    n.ObjectOf: Values.object,
    n.Operation: Values.operation,
    n.Call: Values.call,
}


def unknown(name: str, names: Iterable[str], said: str = "there is no") -> str:
    near = get_close_matches(name, list(names), 1)
    return f"{said} {name}" + (f"; did you mean {near[0]}?" if near else "")


def _item(shape: Shape) -> Shape:
    return shape.item if isinstance(shape, ListOf) else ANY
