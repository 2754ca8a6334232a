"""
Plans as a table, one row a property: for spreadsheets, and for plans that live in one.

    event,event summary,area,status,owner,sent by,open,property,type,required,nullable,choices,min,max,…
    order_completed,A payment was captured.,checkout,active,checkout-team,api,false,currency,string,true,…

`property` is a path: `cart.total` is inside the object `cart`, `items[].sku` inside each item of the list `items`.
`type` is a kind of the plan, or several with `|` between them for a union; `choices` are separated by `|`, with `\\`
before a `|` that belongs to a choice. An event without properties is a row without a property; traits are rows of
the event `traits: user` or `traits: account`.

Read tolerantly: the columns may stand in any order, under the names that `ALIASES` knows, separated by comma,
semicolon or tab; only `event` is needed. What stands in other columns is reported, once a column.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from ..model import STATUSES, EventSpec, PropertySpec
from .assemble import DEFAULT_AREA, Collector, Imported
from .csv_cells import Cells, split
from .documents import ImportRefusedError, found_files, read_text
from .losses import Losses
from .names import is_name, plan_name

EVENT_COLUMNS = ("event", "event summary", "area", "status", "owner", "when", "sent by", "open")
PROPERTY_COLUMNS = (
    *("property", "type", "required", "nullable", "choices", "may grow", "min", "max", "multiple of", "min length"),
    *("max length", "pattern", "format", "min items", "max items", "unit", "pii", "store", "store as", "column"),
    *("normalise", "low cardinality", "open object", "summary"),
)
COLUMNS = (*EVENT_COLUMNS, *PROPERTY_COLUMNS)
"""The columns that an export writes, in this order."""

ALIASES = {
    "event name": "event",
    "event description": "event summary",
    "category": "area",
    "property name": "property",
    "parameter": "property",
    "name": "property",
    "property type": "type",
    "data type": "type",
    "property description": "summary",
    "description": "summary",
    "mandatory": "required",
    "enum": "choices",
    "values": "choices",
    "allowed values": "choices",
    "regex": "pattern",
    "source": "sent by",
    "sources": "sent by",
    "team": "owner",
}

MAX_BYTES = 32 * 1024 * 1024
_TRAITS = {"traits: user": "user", "traits: account": "account"}


def read_csv(paths: Iterable[Path]) -> Imported:
    """
    The plan of CSV files.

    Raises:
        ImportRefusedError: a file cannot be read, is no CSV, or has no column `event`.
    """
    files = found_files(paths, (".csv", ".tsv"))
    losses = Losses()
    collector = Collector(losses)
    rows: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for path in files:
        losses.file = str(path)
        for where, row in _rows(path, losses):
            rows.setdefault(row.get("event", ""), []).append((where, row))
    losses.file = str(files[0])
    for event, its in rows.items():
        _event(event, its, collector, losses)
    losses.file = ""
    return collector.plan(files[0].stem)


def _rows(path: Path, losses: Losses) -> Iterator[tuple[str, dict[str, str]]]:
    text = read_text(path, MAX_BYTES)
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = [_column(name) for name in next(reader, [])]
        if "event" not in header:
            message = (
                f"{path}:1:1: there is no column `event`.\n  The first line names the columns: {', '.join(COLUMNS)}."
            )
            raise ImportRefusedError(message)
        for name in header:
            if name not in COLUMNS:
                losses.add("line 1", f"column {name!r}", "the plan language has no word for it")
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield f"line {reader.line_num}", dict(zip(header, cells, strict=False))
    except csv.Error as error:
        message = f"{path}:{reader.line_num}:1: this is not CSV: {error}."
        raise ImportRefusedError(message) from error


def _column(name: str) -> str:
    plain = " ".join(name.replace("_", " ").split()).lower()
    return ALIASES.get(plain, plain)


def _event(name: str, rows: list[tuple[str, dict[str, str]]], collector: Collector, losses: Losses) -> None:
    where, first = rows[0]
    losses.event = name
    if not name.strip():
        losses.add(where, f"{len(rows)} rows", "they name no event")
        return
    tree = _Tree()
    for place, row in rows:
        if row.get("property"):
            tree.add(_path(row["property"]), Cells(row, place, losses), place, losses)
    properties = tree.properties()
    if name in _TRAITS:
        collector.add_traits(_TRAITS[name], EventSpec(name=name, properties=properties), where)
        return
    cells = Cells(first, where, losses)
    event = EventSpec(
        name=collector.name(name, where),
        area=first.get("area", "") or DEFAULT_AREA,
        summary=first.get("event summary", ""),
        status=cells.word("status", STATUSES) or "active",
        owner=first.get("owner", ""),
        when=first.get("when", ""),
        sent_by=tuple(split(first.get("sent by", ""))),
        open=cells.flag("open"),
        properties=properties,
    )
    collector.add(event)


class _Tree:
    """Rows as properties inside properties."""

    def __init__(self) -> None:
        self._spec: PropertySpec | None = None
        self._inside: dict[str, _Tree] = {}
        self._item: _Tree | None = None

    def add(self, path: list[str], cells: Cells, where: str, losses: Losses) -> None:
        node = self
        for part in path:
            if part == "[]":
                node._item = node._item or _Tree()
                node = node._item
            else:
                node = node._inside.setdefault(part, _Tree())
        for part in path:
            if part != "[]" and not is_name(part):
                why = "a name is on one line, without spaces around, at most 200 long; the plan has the nearest one"
                losses.add(where, f"the name {part!r}", why, cells.path)
        if node._spec is not None:
            losses.add(where, f"a second row for {cells.path}", "the first is kept", cells.path)
            return
        node._spec = cells.spec()

    def properties(self) -> dict[str, PropertySpec]:
        found: dict[str, PropertySpec] = {}
        for key, node in self._inside.items():
            name = key if is_name(key) else plan_name(key, {*found, *self._inside})
            found[name] = msgspec.structs.replace(node.spec(), name=name)
        return found

    def spec(self) -> PropertySpec:
        """The property with what is inside it; a parent without a row of its own is an open object or a list."""
        spec = self._spec or PropertySpec(kind="list" if self._item else "object", open=bool(self._inside))
        if self._inside:
            spec = msgspec.structs.replace(spec, kind="object", properties=self.properties())
        elif spec.open:
            spec = msgspec.structs.replace(spec, open=False)
        if spec.open and spec.properties is None:
            spec = msgspec.structs.replace(spec, open=False)
        if self._item is not None:
            item = self._item.spec()
            plain = {"required": False, "store": "plain", "store_as": "", "column": ""}
            item = msgspec.structs.replace(item, **plain)
            spec = msgspec.structs.replace(spec, kind="list", of=None if item == PropertySpec(kind="any") else item)
        return spec


def _path(text: str) -> list[str]:
    """`items[].a\\.b` as ["items", "[]", "a.b"]."""
    found: list[str] = []
    current, escaped, index = "", False, 0
    while index < len(text):
        char = text[index]
        if escaped:
            current, escaped = current + char, False
        elif char == "\\":
            escaped = True
        elif text.startswith("[]", index):
            found += [current] if current else []
            found.append("[]")
            current = ""
            index += 1
        elif char == ".":
            found += [current] if current else []
            current = ""
        else:
            current += char
        index += 1
    return found + ([current] if current else [])
