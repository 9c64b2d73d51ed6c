"""The functions of Bicep that deploy/bicep uses: what they take, and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deploy.verify.bicep.shapes import (
    ANY,
    ARRAY,
    INT,
    OBJECT,
    STRING,
    Either,
    Field,
    ListOf,
    Record,
    Shape,
    either,
)


@dataclass(frozen=True)
class Signature:
    """`takes` by place; the last one is repeated where there are `more`."""

    takes: tuple[Shape, ...]
    gives: Shape | Callable[[Sequence[Shape]], Shape]
    more: bool = False

    def result(self, arguments: Sequence[Shape]) -> Shape:
        return self.gives if isinstance(self.gives, Shape) else self.gives(arguments)


def record(title: str, /, **fields: Shape) -> Record:
    return Record(title, {key: Field(shape) for key, shape in fields.items()})


def _flattened(arguments: Sequence[Shape]) -> Shape:
    outer = arguments[0]
    return outer.item if isinstance(outer, ListOf) and isinstance(outer.item, ListOf) else ARRAY


def _entries(arguments: Sequence[Shape]) -> Shape:
    whole = arguments[0]
    values = [field.shape for field in whole.fields.values()] if isinstance(whole, Record) else []
    return ListOf(record("{key, value}", key=STRING, value=either(*values) if values else ANY))


_GROUP = record(
    "resourceGroup()", id=STRING, name=STRING, location=STRING, tags=OBJECT, type=STRING, properties=OBJECT
)
_CLOUD = record(
    "environment()",
    name=STRING,
    resourceManager=STRING,
    authentication=record("authentication", loginEndpoint=STRING, tenant=STRING, audiences=ListOf(STRING)),
    suffixes=OBJECT,
)
FUNCTIONS: dict[str, Signature] = {
    "environment": Signature((), _CLOUD),
    "flatten": Signature((ListOf(ARRAY),), _flattened),
    "guid": Signature((STRING,), STRING, more=True),
    "items": Signature((OBJECT,), _entries),
    "length": Signature((Either((ARRAY, STRING, OBJECT)),), INT),
    "replace": Signature((STRING, STRING, STRING), STRING),
    "resourceGroup": Signature((), _GROUP),
    "subscriptionResourceId": Signature((STRING, STRING), STRING, more=True),
    "take": Signature((STRING, INT), STRING),
    "tenant": Signature((), record("tenant()", tenantId=STRING, displayName=STRING)),
    "uniqueString": Signature((STRING,), STRING, more=True),
}
DECORATORS = {"allowed", "batchSize", "description", "maxLength", "minLength", "secure"}
