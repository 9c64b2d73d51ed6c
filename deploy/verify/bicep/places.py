"""Whether a value may stand where it stands: down into objects and lists, so that what is wrong is named by its place."""

from __future__ import annotations

from deploy.verify.bicep import nodes as n
from deploy.verify.bicep.shapes import ANY, NULL, STRING, Either, ListOf, Record, Shape, Tagged, either, fits
from deploy.verify.bicep.values import Local, Values, unknown


def check(values: Values, node: n.Node, wanted: Shape, local: Local, place: str) -> None:
    if isinstance(node, n.Choice):
        values.condition(node.condition, local)
        check(values, node.yes, wanted, local, place)
        check(values, node.no, wanted, local, place)
    elif isinstance(node, n.ObjectOf) and (form := _object_of(wanted)):
        check_object(values, node, _record(values, node, form, place), local, place)
    elif isinstance(node, n.ArrayOf) and (items := _list_of(wanted)):
        for number, item in enumerate(node.items):
            check(values, item, items.item, local, f"{place}[{number}]")
    elif isinstance(node, n.For) and (items := _list_of(wanted)):
        check(values, node.body, items.item, values.inside(node, local), f"{place}[]")
    elif not fits(found := values.shape(node, local), wanted):
        values.wrong(node, f"{place} is {found}, and {wanted} is needed")


def check_object(values: Values, node: n.ObjectOf, wanted: Record, local: Local, place: str) -> None:
    given: set[str] = set()
    for each in node.properties:
        if each.name is None:
            check(values, each.key or each, STRING, local, "the name of a property")
        elif each.name in given:
            values.wrong(each, f"{place}.{each.name} is there twice")
        given.add(each.name or "")
        known = wanted.fields.get(each.name or "")
        if known is not None and known.read_only:
            values.wrong(each, f"{place}.{each.name} is read-only")
        elif known is not None:
            shape = known.shape if known.required else either(known.shape, NULL)
            check(values, each.value, shape, local, f"{place}.{each.name}")
        elif wanted.rest is not None:
            check(values, each.value, wanted.rest, local, f"{place}.{each.name or '…'}")
        else:
            values.wrong(each, f"{place}: {unknown(each.name or 'such a name', wanted.fields)}")
    for name, field in wanted.fields.items():
        if field.required and not field.read_only and name not in given:
            values.wrong(node, f"{place}.{name} is missing")


def _record(values: Values, node: n.ObjectOf, form: Record | Tagged, place: str) -> Record:
    """Of several forms that which the object names."""
    if isinstance(form, Record):
        return form
    tag = node.get(form.key)
    value = tag.literal if isinstance(tag, n.Text) else None
    if value in form.records:
        return form.records[str(value)]
    values.wrong(node, f"{place}.{form.key} has to be one of {', '.join(sorted(form.records))}")
    return Record(form.name, {}, ANY)


def _object_of(shape: Shape) -> Record | Tagged | None:
    return next((option for option in _options(shape) if isinstance(option, Record | Tagged)), None)


def _list_of(shape: Shape) -> ListOf | None:
    return next((option for option in _options(shape) if isinstance(option, ListOf)), None)


def _options(shape: Shape) -> tuple[Shape, ...]:
    return shape.options if isinstance(shape, Either) else (shape,)
