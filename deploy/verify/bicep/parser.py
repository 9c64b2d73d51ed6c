"""Reads Bicep by recursive descent: the part of the language that deploy/bicep is written in, and says so of the rest."""

from __future__ import annotations

from pathlib import Path

from deploy.verify.bicep import nodes as n
from deploy.verify.bicep.expressions import Expressions
from deploy.verify.bicep.lexer import BicepError, tokens
from deploy.verify.bicep.shapes import (
    ANY,
    ARRAY,
    BOOL,
    INT,
    NULL,
    OBJECT,
    STRING,
    Field,
    ListOf,
    Record,
    Shape,
    either,
)

_SHAPES: dict[str, Shape] = {
    "string": STRING,
    "int": INT,
    "bool": BOOL,
    "object": OBJECT,
    "array": ARRAY,
    "any": ANY,
}


def parse(path: Path) -> list[n.Declaration]:
    """Every declaration of a .bicep or .bicepparam file; BicepError at the first that cannot be read."""
    try:
        return _Parser(tokens(path.read_text(encoding="utf-8"), path), path).declarations()
    except OSError as error:
        raise BicepError(path, 1, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BicepError(path, 1, f"is not UTF-8: {error}") from None
    except RecursionError:
        raise BicepError(path, 1, "something in it is nested too deeply") from None


class _Parser(Expressions):
    def declarations(self) -> list[n.Declaration]:
        found = []
        self.skip_lines()
        while self.word.kind != "end":
            found.append(self.declaration())
            if self.word.kind not in ("newline", "end"):
                raise self.error(f"{self.word.text!r} is not understood here")
            self.skip_lines()
        return found

    def declaration(self) -> n.Declaration:
        decorators = []
        while self.take("@"):
            call = self.postfix()
            if not isinstance(call, n.Call):
                raise self.error("after @ a function is called")
            decorators.append(call)
            self.skip_lines()
        line, keyword = self.word.line, self.name()
        made = {
            "param": self.param,
            "var": self.var,
            "resource": self.resource,
            "module": self.module,
            "output": self.output,
            "using": lambda at, _: n.Using(at, self.literal()),
            "targetScope": self.target_scope,
        }.get(keyword)
        if made is None:
            raise BicepError(self.path, line, f"{keyword!r} declares nothing that this check knows")
        return made(line, tuple(decorators))

    def param(self, line: int, decorators: tuple[n.Call, ...]) -> n.Declaration:
        name = self.name()
        shape = None if self.at("=") else self.shape()
        value = self.expression() if self.take("=") else None
        return n.Param(line, name, shape, value, decorators=decorators)

    def var(self, line: int, decorators: tuple[n.Call, ...]) -> n.Declaration:
        name = self.name()
        self.need("=")
        return n.Var(line, name, self.expression(), decorators=decorators)

    def output(self, line: int, decorators: tuple[n.Call, ...]) -> n.Declaration:
        name, shape = self.name(), self.shape()
        self.need("=")
        return n.Output(line, name, shape, self.expression(), decorators=decorators)

    def entry(self) -> n.Property | n.Resource:
        """A resource in a resource, or a property."""
        line = self.word.line
        if not (self.at("resource") and self.words[self.place + 1].kind == "name"):
            return super().entry()
        self.place += 1
        return self.resource(line, ())

    def resource(self, line: int, decorators: tuple[n.Call, ...]) -> n.Resource:
        name, kind = self.name(), self.literal()
        existing = self.take("existing") is not None
        condition, value = self.body()
        return n.Resource(line, name, kind, existing, value, condition, decorators=decorators)

    def module(self, line: int, decorators: tuple[n.Call, ...]) -> n.Declaration:
        name, path = self.name(), self.literal()
        condition, value = self.body()
        return n.Module(line, name, path, value, condition, decorators=decorators)

    def body(self) -> tuple[n.Node | None, n.Node]:
        self.need("=")
        condition = self.condition()
        return condition, self.expression()

    def target_scope(self, line: int, decorators: tuple[n.Call, ...]) -> n.Declaration:
        self.need("=")
        return n.TargetScope(line, self.literal(), decorators=decorators)

    # Shapes

    def shape(self) -> Shape:
        if self.at("{"):
            fields = dict(self.between("{", "}", self.field))
            shape: Shape = Record("{" + ", ".join(fields) + "}", fields)
        else:
            name = self.name()
            if name not in _SHAPES:
                raise self.error(f"{name!r} is no type that this check knows ({', '.join(_SHAPES)})")
            shape = _SHAPES[name]
        while self.take("["):
            self.need("]")
            shape = ListOf(shape)
        return either(shape, NULL) if self.take("?") else shape

    def field(self) -> tuple[str, Field]:
        name = self.name()
        self.need(":")
        shape = self.shape()
        return name, Field(shape, required=fits_not_null(shape))


def fits_not_null(shape: Shape) -> bool:
    """Whether a field of this shape has to be given."""
    return NULL not in getattr(shape, "options", (shape,))
