"""Order: what must be known before a deployment starts, and what waits for each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from deploy.verify.bicep import nodes as n

_KNOWN = {"id", "name", "type", "apiVersion"}
"""Of a resource, computed from its name; everything else is what Azure answers."""
Symbols = Mapping[str, n.Declaration]


def late(declarations: Iterable[n.Declaration], symbols: Symbols) -> Iterator[tuple[n.Node, str]]:
    """Names, conditions and loops that would need the answer of another deployment."""
    for each in declarations:
        if not isinstance(each, n.Resource | n.Module):
            continue
        value = each.value
        parts = [("its condition", each.condition)]
        if isinstance(value, n.For):
            parts += [("the list of its loop", value.source), ("its condition", value.condition)]
            value = value.body
        if isinstance(value, n.ObjectOf):
            parts += [(f"its {name}", value.get(name)) for name in ("name", "scope", "parent")]
        for what, part in parts:
            answer = _answer(part, symbols, frozenset()) if part else None
            if part and answer:
                yield part, f"{what} has to be known before the deployment starts, and {answer} is not"


def _answer(node: n.Node, symbols: Symbols, seen: frozenset[str]) -> str | None:
    """The first thing in an expression that is known only when something was deployed."""
    if isinstance(node, n.Member):
        owner = node.target
        while isinstance(owner, n.Index | n.NotNull | n.Nested):
            owner = owner.target
        if isinstance(owner, n.Name):
            declared = symbols.get(owner.name)
            if isinstance(declared, n.Module) and node.name != "name":
                return f"{owner.name}.{node.name}"
            if isinstance(declared, n.Resource) and node.name not in _KNOWN:
                return f"{owner.name}.{node.name}"
    if isinstance(node, n.Name) and node.name not in seen:
        declared = symbols.get(node.name)
        if isinstance(declared, n.Var):
            return _answer(declared.value, symbols, seen | {node.name})
    return next((found for child in node.children() if (found := _answer(child, symbols, seen))), None)


def circles(symbols: Symbols) -> Iterator[tuple[n.Node, str]]:
    """Symbols that wait for themselves."""
    waits = {name: set(_names(each, symbols)) for name, each in symbols.items()}
    for name, each in symbols.items():
        reached, edge = set[str](), waits[name]
        while edge - reached:
            reached |= edge
            edge = set().union(*(waits[other] for other in edge))
        if name in reached:
            yield each, f"{name} waits for itself"


def _names(node: n.Node, symbols: Symbols) -> Iterator[str]:
    if isinstance(node, n.Name) and node.name in symbols:
        yield node.name
    for child in node.children():
        yield from _names(child, symbols)
