"""What a file gives to others and takes from them; what Azure's types say of a resource; what a file of data has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.verify.bicep import nodes as n
from deploy.verify.bicep.shapes import (
    ANY,
    BOOL,
    INT,
    NULL,
    STRING,
    Field,
    ListOf,
    Literal,
    Record,
    Shape,
    either,
)


@dataclass(frozen=True)
class Signature:
    """Parameters and outputs of a file."""

    params: Mapping[str, Field]
    outputs: Mapping[str, Field]


@dataclass(frozen=True)
class Outputs(Record):
    """What a module gives, with the file that it comes from."""

    path: Path = Path()


@dataclass(frozen=True)
class ResourceShape:
    """`body` is what is written, `value` what can be read of it then."""

    body: Record
    value: Record


Catalog = Callable[[str], ResourceShape | None]
"""By `<type>@<version>`; None where nothing is known of it. ValueError says that there is no such type or version."""


def signature(declarations: Iterable[n.Declaration]) -> Signature:
    each_param = [each for each in declarations if isinstance(each, n.Param)]
    return Signature(
        {each.name: Field(param_shape(each), required=each.value is None) for each in each_param},
        {each.name: Field(each.shape) for each in declarations if isinstance(each, n.Output)},
    )


def param_shape(param: n.Param) -> Shape:
    """Its type; narrower where @allowed names texts."""
    for decorator in param.decorators:
        if decorator.name == "allowed" and isinstance(decorator.arguments[0], n.ArrayOf):
            texts = [item.literal for item in decorator.arguments[0].items if isinstance(item, n.Text)]
            return either(*(Literal(text) for text in texts if text is not None))
    return param.shape or ANY


def data_shape(value: object) -> Shape:
    if isinstance(value, dict):
        fields = {str(key): Field(data_shape(part), required=True) for key, part in value.items()}
        return Record("{" + ", ".join(fields) + "}", fields)
    if isinstance(value, list):
        return ListOf(either(*map(data_shape, value)) if value else ANY)
    return {bool: BOOL, int: INT, type(None): NULL}.get(type(value), STRING)
