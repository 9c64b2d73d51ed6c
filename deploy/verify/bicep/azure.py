"""Azure's resource types, as Bicep itself knows them: Microsoft's own server of tools for assistants has Bicep's type data in it,
and PyPI has that server. It is asked on standard input and output, needs no account, and is told to report nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.provision.cache import Cache
from cli.local.provision.progress import Step
from cli.local.provision.wheels import fetch, pinned, unpack
from deploy.verify.bicep.contracts import Catalog, ResourceShape
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
    Literal,
    Record,
    Shape,
    Tagged,
    either,
)
from deploy.verify.tools import PINS

PACKAGE = "msmcp-azure"
_MAKING = "1"
"""Counted up when this module asks for something else."""
_PATIENCE = 120
"""Seconds for one answer; the first takes about ten."""
_PLAIN: dict[str, Shape] = {
    "any": ANY, "array": ARRAY, "bool": BOOL, "int": INT, "null": NULL, "object": OBJECT, "string": STRING
}  # fmt: skip
Document = dict[str, Any]


async def provide_types(kinds: Iterable[str], cache: Cache, env: Mapping[str, str], step: Step) -> Path:
    """A file with an answer for each type: its definitions, or what was said instead."""
    wanted = sorted(set(kinds))
    folder = cache.folder("azure-types", pinned(PACKAGE, PINS), _MAKING, *wanted)
    if not folder.exists():
        async with cache.making(folder, step.says) as draft:
            if draft is not None:
                program = await _program(cache, env, step)
                step.says(f"asking for {len(wanted)} types")
                (draft / "types.json").write_text(json.dumps(await _answers(program, wanted)))
    step.done(str(folder))
    return folder / "types.json"


async def _program(cache: Cache, env: Mapping[str, str], step: Step) -> Path:
    folder = cache.folder("azure-mcp", pinned(PACKAGE, PINS))
    if not folder.exists():
        async with cache.making(folder, step.says) as draft:
            if draft is not None:
                cache.need_space(1, "unpacking Azure's type data")
                wheel = await fetch(PACKAGE, draft, log=cache.log("azure-mcp"), env=env, step=step, pins=PINS)
                await asyncio.to_thread(unpack, wheel, draft)
                wheel.unlink()
                (draft / "home").mkdir()
    program = folder / "msmcp_azure" / "bin" / "azmcp"
    program.chmod(0o755)
    return program


async def _answers(program: Path, kinds: list[str]) -> Document:
    async with _server(program) as server:
        start = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "my-agents", "version": "1"},
        }
        await _ask(server, 0, "initialize", start)
        found = {}
        for number, kind in enumerate(kinds, 1):
            call = {"name": "bicepschema_get", "arguments": {"resource-type": kind}}
            answer = await _ask(server, number, "tools/call", call)
            said = json.loads(answer["content"][0]["text"])
            found[kind] = said["results"].get("BicepSchemaResult") or said["message"]
        return found


@asynccontextmanager
async def _server(program: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    home = str(program.parents[2] / "home")
    server = await asyncio.create_subprocess_exec(
        program,
        "server",
        "start",
        "--tool",
        "bicepschema_get",
        "--read-only",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=1 << 26,  # a type is a line, of a megabyte and more
        env={"PATH": os.defpath, "HOME": home, "AZURE_MCP_COLLECT_TELEMETRY": "false"},
    )
    try:
        yield server
    finally:
        if server.returncode is None:
            server.kill()
        await server.wait()


async def _ask(server: asyncio.subprocess.Process, number: int, method: str, params: Document) -> Document:
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    if server.stdin is None or server.stdout is None:
        raise AssertionError
    server.stdin.write(json.dumps(message).encode() + b"\n")
    try:
        async with asyncio.timeout(_PATIENCE):
            while line := await server.stdout.readline():
                answer = json.loads(line)
                if answer.get("id") == number and "result" in answer:
                    result: Document = answer["result"]
                    return result
    except TimeoutError:
        pass
    raise CommandError(
        f"{PACKAGE} gave no answer about Azure's types in {_PATIENCE} s, or ended",
        hint="run it again; the rest of the Bicep is checked by `python -m deploy.verify.bicep`",
        code=ExitCode.BUILD_FAILED,
    )


def catalog(answers: Mapping[str, Any]) -> Catalog:
    """Of such a file's content. A type without definitions, but with a version, is taken as it comes."""
    made: dict[str, ResourceShape | None] = {}

    def find(kind: str) -> ResourceShape | None:
        if kind not in made:
            made[kind] = _found(kind, answers)
        return made[kind]

    return find


def _found(kind: str, answers: Mapping[str, Any]) -> ResourceShape | None:
    name, _, version = kind.partition("@")
    answer = answers.get(name)
    if isinstance(answer, str) and "apiVersion" in answer:
        return None
    definitions = answer if isinstance(answer, list) else []
    resource = next((each for each in definitions if each["$type"] == "Resource"), None)
    if resource is None:
        raise ValueError(f"{name} is no resource type of Azure")
    newest = resource["name"].partition("@")[2]
    if version != newest:
        raise ValueError(
            f"{name}@{version}: the type data is of {newest}; use that version, or what is written is not checked"
        )
    return _shape_of(resource, definitions)


def undescribed(answers: Mapping[str, Any]) -> list[str]:
    """The types of which no definitions are there."""
    return [name for name, answer in answers.items() if not isinstance(answer, list)]


def _shape_of(resource: Document, answer: list[Document]) -> ResourceShape | None:
    objects: dict[str, Shape] = {}
    made: list[tuple[Record, Document]] = []
    for definition in [*_definitions(answer), resource["bodyType"]]:
        if definition["$type"] == "DiscriminatedObject":
            records = {}
            for element in definition["elements"]:
                base = {**element, "properties": definition["baseProperties"] + element["properties"]}
                record = Record(element["name"], {}, None)
                made.append((record, base))
                (tag,) = (
                    each for each in element["properties"] if each["name"] == definition["discriminator"]
                )
                records[tag["type"]] = record
            objects[definition["name"]] = Tagged(definition["name"], definition["discriminator"], records)
        else:
            rest = definition.get("additionalPropertiesType")
            record = Record(definition["name"], {}, None if rest is None else ANY)
            objects.setdefault(definition["name"], record)
            made.append((record, definition))
    for record, definition in made:
        fields = {each["name"]: _field(each, objects) for each in definition["properties"]}
        record.fields.update(fields)  # type: ignore[attr-defined] # types refer to each other
    body = objects[resource["bodyType"]["name"]]
    if not isinstance(body, Record):
        return None  # of several forms
    always = {name: Field(STRING, read_only=True) for name in ("id", "type", "apiVersion")}
    return ResourceShape(body, Record(resource["name"], {**body.fields, **always, "name": Field(STRING)}))


def _definitions(answer: list[Document]) -> list[Document]:
    return [each for each in answer if each["$type"] in ("Object", "DiscriminatedObject")]


def _field(described: Document, objects: Mapping[str, Shape]) -> Field:
    flags = described.get("flags", "")
    return Field(_shape(described["type"], objects), "Required" in flags, "ReadOnly" in flags)


def _shape(text: str, objects: Mapping[str, Shape]) -> Shape:
    """`string`, `Name`, `Enabled | Disabled | string`, and any of them with `[]`: then all of it is the item."""
    if text.endswith("[]"):
        return ListOf(_shape(text.removesuffix("[]"), objects))
    return either(*(_PLAIN.get(one) or objects.get(one) or Literal(one) for one in text.split(" | ")))
