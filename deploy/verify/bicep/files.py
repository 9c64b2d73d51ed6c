"""One Bicep file: what its symbols are, whether each declaration fits what it makes, and what nobody uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from deploy.verify.bicep import nodes as n
from deploy.verify.bicep.contracts import Catalog, Outputs, ResourceShape, Signature, data_shape, param_shape
from deploy.verify.bicep.functions import DECORATORS
from deploy.verify.bicep.order import circles, late
from deploy.verify.bicep.parser import parse
from deploy.verify.bicep.places import check
from deploy.verify.bicep.shapes import ANY, ARRAY, NULL, STRING, Field, ListOf, Record, Shape, either
from deploy.verify.bicep.values import Values, unknown

_ALWAYS = {
    "name": Field(STRING, required=True),
    "parent": Field(ANY),
    "scope": Field(ANY),
    "dependsOn": Field(ARRAY),
}


@dataclass
class File:
    """`read` collects the outputs that are read, of all files."""

    path: Path
    signature_of: Callable[[Path], Signature]
    catalog: Catalog
    read: set[tuple[Path, str]]
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.declarations = parse(self.path)
        self.symbols = {each.name: each for each in self.declarations if isinstance(each, n.SYMBOLS)}
        self.shapes: dict[str, Shape] = {}
        self.nested: dict[tuple[str, str], Shape] = {}
        self.values = Values(self.symbols, self.shape_of, self.nested, self._load, self._reads)
        for each in self.symbols.values():
            if isinstance(each, n.Resource) and isinstance(each.value, n.ObjectOf):
                for child in each.value.resources:
                    known = self._known(child, each)
                    self.nested[each.name, child.name] = known.value if known else ANY

    def shape_of(self, name: str) -> Shape | None:
        """Of a symbol that an expression names."""
        self.used.add(name)
        if name in self.symbols and name not in self.shapes:
            self.shapes[name] = ANY  # for what waits for itself, which circles() tells of
            self.shapes[name] = self._shape_of(self.symbols[name])
        return self.shapes.get(name)

    def problems(self) -> list[tuple[int, str]]:
        for number, each in enumerate(self.declarations):
            if isinstance(each, n.SYMBOLS) and any(
                each.name == other.name and isinstance(other, n.SYMBOLS)
                for other in self.declarations[:number]
            ):
                self.values.wrong(each, f"{each.name} is declared twice")
            for decorator in each.decorators:
                if decorator.name not in DECORATORS:
                    self.values.wrong(
                        decorator, unknown(f"@{decorator.name}", [f"@{name}" for name in DECORATORS])
                    )
            self._declared(each)
        for node, message in [
            *late(self.declarations, self.symbols),
            *circles(self.symbols),
            *self._unused(),
        ]:
            self.values.wrong(node, message)
        return sorted(self.values.problems)

    # Symbols

    def _shape_of(self, each: n.Declaration) -> Shape:
        if isinstance(each, n.Var):
            return self.values.shape(each.value, {})
        if isinstance(each, n.Param):
            return param_shape(each)
        if isinstance(each, n.Resource):
            known = self._known(each)
            return _many(each, known.value if known else ANY)
        return _many(each, self._module_shape(each)) if isinstance(each, n.Module) else ANY

    def _module_shape(self, each: n.Module) -> Shape:
        path = self._beside(each.path)
        given, rest = (self.signature_of(path).outputs, None) if path.is_file() else ({}, ANY)
        outputs = Outputs(f"outputs of {each.path}", given, rest, path)
        shape = Record(each.name, {"name": Field(STRING), "outputs": Field(outputs)})
        return either(shape, NULL) if each.condition else shape

    def _known(self, each: n.Resource, parent: n.Resource | None = None) -> ResourceShape | None:
        kind = each.type
        if parent is not None:
            owner, _, version = parent.type.partition("@")
            kind = f"{owner}/{kind}" if "@" in kind else f"{owner}/{kind}@{version}"
        try:
            return self.catalog(kind)
        except ValueError as error:
            self.values.wrong(each, str(error))
            return None

    def _beside(self, path: str) -> Path:
        return (self.path.parent / path).resolve()

    def _reads(self, record: Record, name: str) -> None:
        if isinstance(record, Outputs):
            self.read.add((record.path, name))

    def _load(self, call: n.Call) -> Shape:
        """What a function reads from outside."""
        argument = call.arguments[0] if call.arguments else call
        name = argument.literal if isinstance(argument, n.Text) else None
        if call.name == "readEnvironmentVariable":
            return STRING
        if name is None or not self._beside(name).is_file():
            self.values.wrong(call, f"there is no file {name} beside {self.path.name}")
            return ANY
        return data_shape(yaml.safe_load(self._beside(name).read_text()))

    # Declarations

    def _declared(self, each: n.Declaration) -> None:
        if isinstance(each, n.Resource):
            self._resource(each)
        elif isinstance(each, n.Module):
            self._module(each)
        elif isinstance(each, n.Param) and each.value is not None:
            check(self.values, each.value, param_shape(each), {}, each.name)
        elif isinstance(each, n.Output):
            check(self.values, each.value, each.shape, {}, each.name)
        elif isinstance(each, n.Var):
            self.values.shape(each.value, {})

    def _resource(self, each: n.Resource, parent: n.Resource | None = None) -> None:
        known = self._known(each, parent)
        if each.existing:
            wanted = Record(each.name, {name: _ALWAYS[name] for name in ("name", "parent", "scope")})
        elif known is None:
            wanted = Record(each.name, _ALWAYS, ANY)
        else:
            wanted = Record(each.name, {**known.body.fields, **_ALWAYS}, known.body.rest)
        self._body(each, wanted)
        if isinstance(each.value, n.ObjectOf):
            for child in each.value.resources:
                self._resource(child, each)

    def _module(self, each: n.Module) -> None:
        path = self._beside(each.path)
        if not path.is_file():
            self.values.wrong(each, f"there is no file {each.path} beside {self.path.name}")
            return
        params = Record(each.path, self.signature_of(path).params)
        needed = any(param.required for param in params.fields.values())
        fields = {
            "name": Field(STRING),
            "params": Field(params, needed),
            "scope": Field(ANY),
            "dependsOn": Field(ARRAY),
        }
        self._body(each, Record(each.name, fields))

    def _body(self, each: n.Resource | n.Module, wanted: Record) -> None:
        if each.condition is not None:
            self.values.condition(each.condition, {})
        local: Mapping[str, Shape] = {}
        value = each.value
        if isinstance(value, n.For):
            local, value = self.values.inside(value, {}), value.body
        check(self.values, value, wanted, local, each.name)

    def _unused(self) -> Iterator[tuple[n.Node, str]]:
        if any(isinstance(each, n.Using) for each in self.declarations):
            return  # parameters are for another file
        for each in self.symbols.values():
            existing = isinstance(each, n.Resource) and each.existing
            if each.name not in self.used and (existing or isinstance(each, n.Param | n.Var)):
                yield each, f"{each.name} is used nowhere"


def _many(each: n.Resource | n.Module, shape: Shape) -> Shape:
    return ListOf(shape) if isinstance(each.value, n.For) else shape
