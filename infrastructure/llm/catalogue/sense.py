"""What a `models.yaml` can get wrong although each key has the right shape: who is named and not there, who waits for whom."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from infrastructure.llm.catalogue.schema import DEFAULT
from infrastructure.llm.catalogue.similar import check_similar
from infrastructure.located_yaml.problem import Report
from infrastructure.located_yaml.tree import Node


def check_sense(
    root: Node, plain: Any, report: Report, environment: Mapping[str, str], *, keys_may_be_unset: bool
) -> None:
    """`plain` is the file as values, of which nothing is known yet: what has the wrong shape is passed over here."""
    models = {name: model for name, model in _object(plain.get("models")).items() if isinstance(model, dict)}
    at = root.fields
    for name in models:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
            report.error(
                at["models"].keys[name],
                f"{name!r} cannot be a model's name",
                "use letters, digits, dots, _ and -",
            )
    _check_fallbacks(at.get("models"), models, report)
    _check_keys(at.get("models"), models, report, environment, may_be_unset=keys_may_be_unset)
    _check_tasks(root, _object(plain.get("tasks")), list(models), report)
    check_similar(root, plain, report)
    _check_money(root, plain, models, report)
    if "budgets" in at:
        _check_bounds(at["budgets"], plain["budgets"], "budgets", report)


def _check_fallbacks(node: Node | None, models: dict[str, Any], report: Report) -> None:
    if node is None:
        return
    named = {name: _texts(model.get("fallbacks")) for name, model in models.items()}
    circles: set[frozenset[str]] = set()
    for name, fallbacks in named.items():
        for index, fallback in enumerate(fallbacks):
            place = node.fields[name].fields["fallbacks"].items[index]
            if fallback not in models:
                report.error(
                    place, f"there is no model {fallback!r} to fall back to", _nearest(fallback, list(models))
                )
            elif (way := _way(fallback, name, named, ())) is not None and frozenset(way) not in circles:
                circles.add(frozenset(way))
                circle = " → ".join((name, *way))
                report.error(
                    place,
                    f"the fallbacks go in a circle: {circle}",
                    f"remove {fallback!r} here, or break the circle elsewhere",
                )


def _way(start: str, end: str, named: dict[str, list[str]], seen: tuple[str, ...]) -> tuple[str, ...] | None:
    """How one comes from a model to another by fallbacks, None when one does not."""
    if start == end:
        return (start,)
    if start in seen:
        return None
    for fallback in named.get(start, ()):
        if (way := _way(fallback, end, named, (*seen, start))) is not None:
            return (start, *way)
    return None


def _check_keys(
    node: Node | None,
    models: dict[str, Any],
    report: Report,
    environment: Mapping[str, str],
    *,
    may_be_unset: bool,
) -> None:
    for name, model in models.items():
        variable = model.get("key")
        if (
            node is not None
            and isinstance(variable, str)
            and variable.isupper()
            and not environment.get(variable)
        ):
            text = f"the environment variable {variable}, which holds the key of {name}, is not set"
            (report.note if may_be_unset else report.error)(
                node.fields[name].fields["key"],
                text,
                "set it where the agents run; the key never stands in this file",
            )


def _check_tasks(root: Node, tasks: dict[str, Any], models: list[str], report: Report) -> None:
    node = root.fields.get("tasks")
    if node is None or node.kind != "object":
        return
    if DEFAULT not in tasks:
        report.error(
            node,
            "`tasks` has no `default`",
            f"add default: {models[0] if models else 'MODEL'}, for what is not named",
        )
    for key, route in tasks.items():
        if key.count("/") > 1 or not all(key.split("/")):
            report.error(node.keys[key], f"{key!r} is no task", "write agent/task, agent, or default")
        model = route.get("model") if isinstance(route, dict) else route
        if isinstance(model, str) and model not in models:
            place = node.fields[key].fields.get("model", node.fields[key])
            report.error(place, f"there is no model {model!r}", _nearest(model, models))


def _check_money(root: Node, plain: Any, models: dict[str, Any], report: Report) -> None:
    priced = [
        name
        for name, model in models.items()
        if any(map(_is_more_than_0, _object(model.get("prices")).values()))
    ]
    if priced and not plain.get("currency"):
        report.error(
            root,
            f"{priced[0]} has prices, and `currency` is missing",
            "add currency: EUR, or whatever they are in",
        )
    for place in _cost_budgets(root.fields.get("budgets")):
        if models and not priced:
            report.warning(
                place,
                "a budget of money, and every model is free",
                "write the models' prices, or bound tokens or calls",
            )


def _cost_budgets(node: Node | None) -> Iterator[Node]:
    for key, field in (node.fields if node else {}).items():
        if key == "cost":
            yield field
        yield from _cost_budgets(field)


def _check_bounds(node: Node, plain: Any, name: str, report: Report) -> None:
    """A soft bound above the hard one would never be heard of."""
    if not isinstance(plain, dict):
        return
    soft, hard = _number(plain.get("soft")), _number(plain.get("hard"))
    if soft is not None and hard is not None and soft > hard:
        report.error(
            node.fields["soft"],
            f"`{name}`: the soft bound is above the hard one",
            f"write less than {plain['hard']}",
        )
    for key, below in plain.items():
        _check_bounds(node.fields[key], below, f"{name}.{key}", report)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> list[str]:
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else []


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _is_more_than_0(value: Any) -> bool:
    return (_number(value) or 0) > 0


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"do you mean {close[0]!r}?" if close else f"name one of {', '.join(known) or 'the models above'}"
