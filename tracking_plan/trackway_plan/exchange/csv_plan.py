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
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from ..formats import FORMATS, is_decimal
from ..load_property import COLUMNS as STORAGE_COLUMNS
from ..load_property import CONSTRAINTS
from ..model import KINDS, PII_CLASSES, SCALARS, STATUSES, STORES, Choice, EventSpec, Plan, PropertySpec
from ..patterns import PatternError, matcher
from ..write_yaml import is_writable_union
from .assemble import DEFAULT_AREA, Collector, Imported
from .documents import ImportRefusedError, found_files, read_text
from .exported import Exported, flat_events, flat_properties, plan_losses
from .losses import Losses
from .names import is_name, plan_name
from .segment import report_event_words

EVENT_COLUMNS = ("event", "event summary", "area", "status", "owner", "when", "sent by", "open")
PROPERTY_COLUMNS = (
    *("property", "type", "required", "nullable", "choices", "may grow", "min", "max", "multiple of", "min length"),
    *("max length", "pattern", "format", "min items", "max items", "unit", "pii", "store", "store as", "column"),
    *("low cardinality", "open object", "summary"),
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
KIND_WORDS = {
    "str": "string",
    "varchar": "string",
    "integer": "int",
    "long": "int",
    "float": "number",
    "double": "number",
    "boolean": "bool",
    "datetime": "timestamp",
    "date-time": "timestamp",
    "enum": "choice",
    "array": "list",
    "map": "object",
    "json": "any",
    "mixed": "any",
    "": "any",
    "numeric": "number",
    "url": "string",
}
YES, NO = ("true", "yes", "y", "1", "x", "required"), ("false", "no", "n", "0", "", "-", "optional")
MAX_BYTES = 32 * 1024 * 1024
_SIZES = {"multiple_of": 1, "min_length": 0, "max_length": 1, "min_items": 0, "max_items": 1}
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
            tree.add(_path(row["property"]), _Cells(row, place, losses), place, losses)
    properties = tree.properties()
    if name in _TRAITS:
        collector.add_traits(_TRAITS[name], EventSpec(name=name, properties=properties), where)
        return
    cells = _Cells(first, where, losses)
    event = EventSpec(
        name=collector.name(name, where),
        area=first.get("area", "") or DEFAULT_AREA,
        summary=first.get("event summary", ""),
        status=cells.word("status", STATUSES) or "active",
        owner=first.get("owner", ""),
        when=first.get("when", ""),
        sent_by=tuple(_split(first.get("sent by", ""))),
        open=cells.flag("open"),
        properties=properties,
    )
    collector.add(event)


class _Cells:
    """One row, read cell by cell; what cannot be read is lost."""

    def __init__(self, row: dict[str, str], where: str, losses: Losses) -> None:
        self._row = row
        self._where = where
        self._losses = losses
        self.path = row.get("property", "")

    def text(self, column: str) -> str:
        return self._row.get(column) or ""

    def lost(self, column: str, why: str) -> None:
        self._losses.add(self._where, f"{column}: {self.text(column)[:60]}", why, self.path)

    def flag(self, column: str) -> bool:
        word = self.text(column).strip().lower()
        if word not in YES and word not in NO:
            self.lost(column, "neither yes nor no; read as no")
        return word in YES

    def word(self, column: str, known: Iterable[str]) -> str:
        word = self.text(column).strip().lower()
        if word and word not in known:
            self.lost(column, f"not one of {', '.join(known)}")
            return ""
        return word

    def spec(self) -> PropertySpec:
        """The property of the row, without what is inside it."""
        kinds = [self._kind(each) for each in _split(self.text("type"))] or ["any"]
        parts = [PropertySpec(kind=kind, **self._limits(kind)) for kind in dict.fromkeys(kinds)]
        parts = [self._sound(part) for part in parts]
        spec = parts[0]
        if len(parts) > 1:
            sound = all(part.kind in SCALARS for part in parts) and is_writable_union(parts)
            if not sound:
                self.lost("type", "a union is of scalar types with limits of their own; any value fits")
            spec = PropertySpec(kind="union", any_of=tuple(parts)) if sound else PropertySpec(kind="any")
        store_as = self.text("store as")
        column = self.text("column")
        if column and re.fullmatch(STORAGE_COLUMNS.get(spec.kind, ""), column) is None:
            self.lost("column", f"it cannot hold {spec.kind}")
            column = ""
        return msgspec.structs.replace(
            spec,
            required=self.flag("required"),
            nullable=self.flag("nullable"),
            open=self.flag("open object"),
            summary=self.text("summary"),
            unit=self.text("unit"),
            pii=self.word("pii", PII_CLASSES) or None,
            store=self.word("store", STORES) or "plain",
            store_as=store_as if is_name(store_as) else "",
            column=column,
        )

    def _kind(self, word: str) -> str:
        plain = word.strip().lower()
        kind = KIND_WORDS.get(plain, plain)
        if kind == "choice" and not self.text("choices"):
            self.lost("type", "a choice without choices; any text fits")
            return "string"
        if kind in KINDS:
            return "choice" if kind in ("string", "text") and self.text("choices") else kind
        self.lost("type", "the plan language does not know this type; any value fits")
        return "any"

    def _limits(self, kind: str) -> dict[str, Any]:
        limits: dict[str, Any] = {}
        for key in CONSTRAINTS[kind]:
            column = key.replace("_", " ")
            text = self.text(column)
            if not text or key in ("of", "properties", "open"):
                continue
            try:
                limits[key] = self._limit(key, kind, text)
            except ValueError as error:
                self.lost(column, str(error))
        return limits

    def _limit(self, key: str, kind: str, text: str) -> Any:
        if key in ("may_grow", "low_cardinality"):
            return self.flag(key.replace("_", " "))
        if key == "choices":
            values = list(dict.fromkeys(_split(text)))
            if not values or not all(map(is_name, values)):
                raise ValueError("not values that a choice can have")  # noqa: EM101
            return tuple(Choice(value=value) for value in values)
        if key == "pattern":
            matcher(text)
            return text
        if key == "format":
            if text not in FORMATS:
                raise ValueError(f"not one of {', '.join(FORMATS)}")  # noqa: EM102
            return text
        if key in _SIZES:
            if int(text) < _SIZES[key]:
                raise ValueError(f"below {_SIZES[key]}")  # noqa: EM102
            return int(text)
        if kind == "decimal":
            if not is_decimal(text):
                raise ValueError("not a decimal number")  # noqa: EM101
            return text
        return int(text) if kind == "int" or re.fullmatch(r"-?\d+", text) else float(text)

    def _sound(self, part: PropertySpec) -> PropertySpec:
        if part.kind == "choice" and not part.choices:
            return PropertySpec(kind="string")
        return part


assert issubclass(PatternError, ValueError)  # noqa: S101 - so that a pattern's reason is reported like any other


class _Tree:
    """Rows as properties inside properties."""

    def __init__(self) -> None:
        self._spec: PropertySpec | None = None
        self._inside: dict[str, _Tree] = {}
        self._item: _Tree | None = None

    def add(self, path: list[str], cells: _Cells, where: str, losses: Losses) -> None:
        node = self
        for part in path:
            if part == "[]":
                node._item = node._item or _Tree()
                node = node._item
            else:
                node = node._inside.setdefault(part, _Tree())
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


# ── writing ──────────────────────────────────────────────────────────────────


def write_csv(plan: Plan) -> Exported:
    """One file, plan.csv."""
    losses = Losses()
    plan_losses(plan, "CSV", losses)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for name, event in flat_events(plan).items():
        losses.event = name
        report_event_words(event, losses, "CSV", status=STATUSES, kept=("owner", "when", "sent_by"))
        if event.rules:
            losses.add(name, f"{len(event.rules)} rules", "a row is of one property")
        if event.examples:
            losses.add(name, f"{len(event.examples)} examples", "a row is of one property")
        head = {
            "event": name,
            "event summary": event.summary,
            "area": event.area,
            "status": event.status,
            "owner": event.owner,
            "when": event.when,
            "sent by": _joined(event.sent_by),
            "open": _word(event.open),
        }
        rows = list(_rows_of(event.properties, "", losses))
        writer.writerows([head | row for row in rows] or [head])
    for kind, specs in plan.traits.items():
        losses.event = f"traits of the {kind}"
        head = {"event": f"traits: {kind}"}
        writer.writerows([head | row for row in _rows_of(flat_properties(specs), "", losses)] or [head])
    return Exported(files={"plan.csv": out.getvalue()}, losses=tuple(losses.found))


def _rows_of(properties: dict[str, PropertySpec], prefix: str, losses: Losses) -> Iterator[dict[str, str]]:
    for name, spec in properties.items():
        yield from _rows_of_one(spec, prefix + re.sub(r"([.\[\\])", r"\\\1", name), losses, _shown(prefix, name))


def _rows_of_one(spec: PropertySpec, path: str, losses: Losses, shown: str) -> Iterator[dict[str, str]]:
    parts = spec.any_of or (spec,)
    row = {"property": path, "type": _joined(part.kind for part in parts)}
    for part in parts:
        for key in CONSTRAINTS[part.kind]:
            value = getattr(part, key)
            if key in ("of", "properties", "open") or value is None or value is False or value == ():
                continue
            row[key.replace("_", " ")] = _joined(c.value for c in value) if key == "choices" else _word(value)
        if any(choice.summary or choice.formerly for choice in part.choices):
            losses.add(losses.event, "what its choices mean", "CSV lists their values alone", shown)
    if len({part.kind for part in parts}) < len(parts) or ("choice" in row["type"] and "string" in row["type"]):
        losses.add(losses.event, "a union of one kind twice", "CSV says a limit once a row", shown)
    for key in ("summary", "unit", "pii", "store", "store_as", "column"):
        row[key.replace("_", " ")] = _word(getattr(spec, key) or "")
    row |= {"required": _word(spec.required), "nullable": _word(spec.nullable), "open object": _word(spec.open)}
    if spec.kind == "object" and spec.properties == {}:
        losses.add(losses.event, "an object of nothing", "without rows inside it is an object of anything", shown)
    yield row
    if spec.of is not None:
        yield from _rows_of_one(spec.of, f"{path}[]", losses, f"{shown}[]")
    if spec.properties:
        inner = spec.properties
        for name, each in inner.items():
            escaped = re.sub(r"([.\[\\])", r"\\\1", name)
            yield from _rows_of_one(each, f"{path}.{escaped}", losses, f"{shown}.{name}")


def _shown(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _word(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _joined(values: Iterable[str]) -> str:
    return "|".join(value.replace("\\", "\\\\").replace("|", "\\|") for value in values)


def _split(text: str) -> list[str]:
    """The parts between `|`; spaces around a part are not its own."""
    parts = [""]
    escaped = False
    for char in text:
        if escaped or char not in "\\|":
            parts[-1] += char
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            parts.append("")
    return [part.strip() for part in parts if part.strip()]


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
