"""All of deploy/bicep together: every file, and what they have of each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from deploy.verify.bicep import nodes as n
from deploy.verify.bicep.contracts import Catalog, Signature, signature
from deploy.verify.bicep.files import File
from deploy.verify.bicep.lexer import BicepError
from deploy.verify.bicep.parser import parse
from deploy.verify.bicep.places import check_object
from deploy.verify.bicep.shapes import Record

FOLDER = Path("deploy/bicep")
MAIN = "main.bicep"


def problems(folder: Path, catalog: Catalog = lambda _: None) -> list[str]:
    """Of main.bicep and what lies beside it, modules/ and parameters/ in a folder: `path:line: what is wrong`. Without a catalog
    nothing is known of resources but that they have names.
    """
    try:
        return [
            f"{os.path.relpath(path)}:{line}: {message}"
            for path, line, message in _problems(folder.resolve(), catalog)
        ]
    except BicepError as error:
        return [str(error)]
    except RecursionError:
        return [f"{os.path.relpath(folder)}: an expression in it has too many parts to be followed"]


def resource_types(folder: Path) -> list[str]:
    """Every type that is made or named, without its version."""
    kinds = [
        each.type.partition("@")[0]
        for path in [*folder.glob("*.bicep"), *folder.glob("modules/*.bicep")]
        for each in parse(path)
        if isinstance(each, n.Resource)
    ]
    nested = [
        f"{each.type.partition('@')[0]}/{child.type}"
        for path in folder.glob("modules/*.bicep")
        for each in parse(path)
        if isinstance(each, n.Resource) and isinstance(each.value, n.ObjectOf)
        for child in each.value.resources
    ]
    return sorted({*kinds, *nested})


def _problems(folder: Path, catalog: Catalog) -> Iterator[tuple[Path, int, str]]:
    read: set[tuple[Path, str]] = set()

    @cache
    def file(path: Path) -> File:
        return File(path, signature_of, catalog, read)

    def signature_of(path: Path) -> Signature:
        return signature(file(path).declarations)

    modules = sorted(folder.glob("modules/*.bicep"))
    beside = sorted({*folder.glob("*.bicep")} - {folder / MAIN})
    files = [file(path) for path in (folder / MAIN, *beside, *modules)]
    for each in files:
        yield from ((each.path, line, message) for line, message in each.problems())
    for path in modules:
        if not any(_uses(each, path) for each in files):
            yield path, 1, "no file uses this module"
        for declared in file(path).declarations:
            if isinstance(declared, n.Output) and (path, declared.name) not in read:
                yield path, declared.line, f"nobody reads the output {declared.name}"
    for path in sorted(folder.glob("parameters/*.bicepparam")):
        yield from ((path, line, message) for line, message in _of_parameters(file(path), signature_of))


def _uses(file: File, path: Path) -> bool:
    return any(
        isinstance(each, n.Module) and (file.path.parent / each.path).resolve() == path
        for each in file.declarations
    )


def _of_parameters(file: File, signature_of: Callable[[Path], Signature]) -> list[tuple[int, str]]:
    using = next((each for each in file.declarations if isinstance(each, n.Using)), None)
    path = (file.path.parent / using.name).resolve() if using else file.path
    if using is None or not path.is_file():
        return [(using.line if using else 1, "`using` names the Bicep file that the parameters are for")]
    given = (each for each in file.declarations if isinstance(each, n.Param))
    properties = tuple(
        n.Property(each.line, each.name, each.value) for each in given if each.value is not None
    )
    wanted = Record(using.name, signature_of(path).params)
    check_object(file.values, n.ObjectOf(using.line, properties), wanted, {}, "param")
    return file.problems()
