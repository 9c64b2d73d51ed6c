"""Reads a flame graph of py-spy: own time by function, and the shares of the folders that the code is in."""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePosixPath
from xml.etree import ElementTree as ET

SVG = "{http://www.w3.org/2000/svg}"
FLAMES = "{http://github.com/jonhoo/inferno}"
_TITLE = re.compile(r"(?P<function>.*) \((?P<file>[^()]*?)(:\d+)?\) \([\d,]+ samples?, [\d.]+%\)")
ROOMS = ("agents", "infrastructure")
"""Folders of the house that are told apart by what is in them."""
WHOLE = ("domain", "benchmarks", "asyncio")


@dataclass(frozen=True)
class Frame:
    """A function in one place of the call tree. `own`: samples in which it was what ran."""

    function: str
    file: str
    own: int
    samples: int
    parents: tuple[str, ...]
    """Places of the frames above it."""

    @property
    def place(self) -> str:
        return place(self.file)


@dataclass(frozen=True)
class Share:
    """Of all samples: in code of this place, and in it or anything that it called."""

    place: str
    own: float
    with_called: float


@dataclass(frozen=True)
class _Box:
    row: float
    start: int
    samples: int
    title: str


def frames(svg: str) -> list[Frame]:
    """Every frame of the picture, the root left out."""
    boxes = sorted(_boxes(svg), key=lambda box: (box.row, box.start))
    rows = [list(row) for _, row in groupby(boxes, key=lambda box: box.row)]
    if not rows:
        return []
    if len(rows[0]) > 1 or rows[0][0].samples < max(box.samples for box in boxes):
        rows.reverse()  # the root stands below
    above: list[tuple[str, ...]] = [()]
    found = []
    for number, row in enumerate(rows[1:], start=1):
        ancestors = [above[_holder(rows[number - 1], box)] for box in row]
        called = Counter[int]()
        for below in rows[number + 1] if number + 1 < len(rows) else ():
            called[_holder(row, below)] += below.samples
        above = []
        for index, (box, parents) in enumerate(zip(row, ancestors, strict=True)):
            title = _TITLE.fullmatch(box.title)
            function, file = (title["function"], title["file"]) if title else (box.title, "")
            found.append(Frame(function, file, box.samples - called[index], box.samples, parents))
            above.append((*parents, found[-1].place))
    return found


def _boxes(svg: str) -> Iterator[_Box]:
    document = ET.fromstring(svg)  # noqa: S314 - py-spy wrote it a moment ago
    for group in document.iter(f"{SVG}g"):
        title, box = group.find(f"{SVG}title"), group.find(f"{SVG}rect")
        if title is None or box is None or title.text is None:
            continue
        start, samples = int(box.attrib[f"{FLAMES}x"]), int(box.attrib[f"{FLAMES}w"])
        yield _Box(float(box.attrib["y"]), start, samples, title.text)


def _holder(row: list[_Box], box: _Box) -> int:
    """Which of the row the box stands on: both are ordered by where they start."""
    return bisect_right(row, box.start, key=lambda one: one.start) - 1


def place(file: str) -> str:
    """The folder of the house, or the library: agents/runtime/run.py → agents/runtime, grpc/aio/_call.py → grpc."""
    parts = PurePosixPath(file).parts
    if not parts or file.startswith("<"):
        return "Python itself"
    if file.endswith(".yaml"):
        return "prompts"  # their templates, compiled by jinja2
    top = parts[0].removesuffix(".py")
    if top in ROOMS and len(parts) > 2:
        return f"{top}/{parts[1]}"
    if top not in (*ROOMS, *WHOLE) and top in sys.stdlib_module_names:
        return "other standard library"
    return top


def hottest(found: list[Frame], count: int) -> list[tuple[str, str, float]]:
    """Function, file and share of own time, over all places in the tree."""
    total = sum(frame.own for frame in found)
    own = Counter[tuple[str, str]]()
    for frame in found:
        own[frame.function, frame.file] += frame.own
    return [(function, file, samples / total) for (function, file), samples in own.most_common(count)]


def shares(found: list[Frame]) -> list[Share]:
    """By own time. A place that calls itself through others counts once for what it called."""
    total = sum(frame.own for frame in found)
    own, called = Counter[str](), Counter[str]()
    for frame in found:
        own[frame.place] += frame.own
        called[frame.place] += 0 if frame.place in frame.parents else frame.samples
    return [Share(one, samples / total, called[one] / total) for one, samples in own.most_common()]
