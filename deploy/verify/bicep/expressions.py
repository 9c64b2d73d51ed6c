"""Reads expressions, from the loosest operator to the tightest."""

from __future__ import annotations

from deploy.verify.bicep import nodes as n
from deploy.verify.bicep.cursor import Cursor
from deploy.verify.bicep.lexer import Token

_BINARY = (
    ("??",),
    ("||",),
    ("&&",),
    ("==", "!="),
    ("<", ">", "<=", ">="),
    ("+", "-"),
    ("*", "/", "%"),
)


class Expressions(Cursor):
    def expression(self) -> n.Node:
        condition = self.binary(0)
        if not (mark := self.take("?")):
            return condition
        yes = self.expression()
        self.need(":")
        return n.Choice(mark.line, condition, yes, self.expression())

    def binary(self, level: int) -> n.Node:
        if level == len(_BINARY):
            return self.unary()
        left = self.binary(level + 1)
        while sign := self.take(*_BINARY[level]):
            left = n.Operation(sign.line, sign.text, (left, self.binary(level + 1)))
        return left

    def unary(self) -> n.Node:
        if sign := self.take("!", "-"):
            return n.Operation(sign.line, sign.text, (self.unary(),))
        return self.postfix()

    def postfix(self) -> n.Node:
        node = self.primary()
        while sign := self.take(".", "[", "::", "!"):
            if sign.text == "[":
                node = n.Index(sign.line, node, self.expression())
                self.need("]")
            elif sign.text == "!":
                node = n.NotNull(sign.line, node)
            elif sign.text == "::":
                node = n.Nested(sign.line, node, self.name())
            else:
                name = self.name()
                arguments = self.arguments() if self.at("(") else None
                node = (
                    n.Member(sign.line, node, name)
                    if arguments is None
                    else n.Call(sign.line, node, name, arguments)
                )
        return node

    def arguments(self) -> tuple[n.Node, ...]:
        return self.between("(", ")", self.expression)

    def primary(self) -> n.Node:
        token = self.word
        if token.kind == "number":
            self.place += 1
            return n.Const(token.line, int(token.text))
        if token.kind == "string":
            self.place += 1
            return n.Text(
                token.line,
                tuple(part if isinstance(part, str) else self.put_in(part) for part in token.parts),
            )
        if self.at("{"):
            return self.object()
        if self.at("["):
            return self.array()
        if self.take("("):
            node = self.expression()
            self.need(")")
            return node
        return self.named()

    def put_in(self, part: tuple[Token, ...]) -> n.Node:
        inner = type(self)(list(part), self.path)
        node = inner.expression()
        if inner.word.kind != "end":
            raise inner.error(f"{inner.word.text!r} is not understood here")
        return node

    def named(self) -> n.Node:
        line, name = self.word.line, self.name()
        if name in ("true", "false", "null"):
            return n.Const(line, {"true": True, "false": False, "null": None}[name])
        if self.take("=>"):
            return n.Function(line, name, self.expression())
        return n.Call(line, None, name, self.arguments()) if self.at("(") else n.Name(line, name)

    def object(self) -> n.Node:
        line = self.word.line
        found = self.between("{", "}", self.entry)
        properties = tuple(each for each in found if isinstance(each, n.Property))
        return n.ObjectOf(line, properties, tuple(each for each in found if isinstance(each, n.Resource)))

    def entry(self) -> n.Property | n.Resource:
        line, key = self.word.line, self.primary()
        name = key.name if isinstance(key, n.Name) else key.literal if isinstance(key, n.Text) else None
        if not isinstance(key, n.Name | n.Text):
            raise self.error("the name of a property is expected here")
        self.need(":")
        return n.Property(line, name, self.expression(), None if name is not None else key)

    def array(self) -> n.Node:
        line = self.word.line
        if self.words[self.place + 1].text != "for":
            return n.ArrayOf(line, self.between("[", "]", self.expression))
        self.place += 2
        names = self.between("(", ")", self.name) if self.at("(") else (self.name(),)
        self.need("in")
        source = self.expression()
        self.need(":")
        condition = self.condition()
        body = self.expression()
        self.need("]")
        return n.For(line, names, source, body, condition)

    def condition(self) -> n.Node | None:
        if not self.take("if"):
            return None
        self.need("(")
        condition = self.expression()
        self.need(")")
        return condition

    def literal(self) -> str:
        text = self.primary()
        if not isinstance(text, n.Text) or text.literal is None:
            raise self.error("a string without anything put in is expected here")
        return text.literal
