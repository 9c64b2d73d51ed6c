"""The types of values, and which fits where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Shape:
    pass


@dataclass(frozen=True)
class Anything(Shape):
    def __str__(self) -> str:
        return "any"


@dataclass(frozen=True)
class Plain(Shape):
    """string, int, bool or null."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Literal(Shape):
    """One text."""

    value: str

    def __str__(self) -> str:
        return f"'{self.value}'"


@dataclass(frozen=True)
class ListOf(Shape):
    item: Shape

    def __str__(self) -> str:
        return f"{self.item}[]"


@dataclass(frozen=True)
class Either(Shape):
    options: tuple[Shape, ...]

    def __str__(self) -> str:
        return " | ".join(map(str, self.options))


@dataclass(frozen=True)
class Field:
    shape: Shape
    required: bool = False
    read_only: bool = False


@dataclass(frozen=True)
class Record(Shape):
    """An object. `rest` is the shape of keys that are not named, None where there are none."""

    name: str
    fields: Mapping[str, Field] = field(compare=False, hash=False)
    rest: Shape | None = None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Tagged(Shape):
    """An object whose `key` says which of the records it is."""

    name: str
    key: str
    records: Mapping[str, Record] = field(compare=False, hash=False)

    def __str__(self) -> str:
        return self.name


ANY = Anything()
STRING, INT, BOOL, NULL = Plain("string"), Plain("int"), Plain("bool"), Plain("null")
OBJECT = Record("object", {}, ANY)
ARRAY = ListOf(ANY)


def either(*shapes: Shape) -> Shape:
    flat = [
        option for shape in shapes for option in (shape.options if isinstance(shape, Either) else (shape,))
    ]
    distinct = tuple(dict.fromkeys(flat))
    return distinct[0] if len(distinct) == 1 else Either(distinct)


def without_null(shape: Shape) -> Shape:
    options = [option for option in shape.options if option != NULL] if isinstance(shape, Either) else [shape]
    return either(*options)


def fits(found: Shape, wanted: Shape) -> bool:
    """Whether every value of the one is a value of the other, as far as both are known."""
    if isinstance(found, Anything) or isinstance(wanted, Anything):
        return True
    if isinstance(found, Either):
        return all(fits(option, wanted) for option in found.options)
    if isinstance(wanted, Either):
        return any(fits(found, option) for option in wanted.options)
    match found, wanted:
        case ListOf(item=item), ListOf(item=wanted_item):
            return fits(item, wanted_item)
        case Record(), Record() | Tagged():
            forms = [wanted] if isinstance(wanted, Record) else wanted.records.values()
            return any(_record_fits(found, form) for form in forms)
    return found == wanted or (isinstance(found, Literal) and wanted == STRING)


def _record_fits(found: Record, wanted: Record) -> bool:
    for name, given in found.fields.items():
        known = wanted.fields.get(name)
        shape = known.shape if known else wanted.rest
        if shape is None or not fits(given.shape, shape):
            return False
    if found.rest is not None:
        return True
    return all(name in found.fields for name, known in wanted.fields.items() if known.required)
