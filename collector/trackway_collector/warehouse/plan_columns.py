"""
Typed paths of `properties` and `traits`, from a plan's release.

A path with a type is stored as a column of its own and reads fast. A path without one still holds everything,
in its own words; it is read through all the types it was sent with: `properties.total::Nullable(Float64)`.

How JSON reads back (chDB 26.9 and ClickHouse 26.7, each a test in
tests/collector/warehouse/test_json_columns.py):
* Absent is NULL, never 0. Null, `{}` and absent are the same.
* A key with a dot, `{"a.b": 1}`, is the path ``properties.`a%2Eb` ``; `{"a": {"b": 1}}` is `properties.a.b`.
* A path and its prefix live beside each other: `{"a": 5}` does not disturb a typed `a.b`, nor the other way
  round.
* Strings in paths without type stay strings, dates too. Integers are Int64, up to 2^64-1 UInt64.
* Of a key sent twice the first is kept.

What a typed path, or the format, cannot hold must not reach the insert: it would fail the whole block, or be
changed. `rows` puts such a value into `misfits`:
* whatever JSON type the typed path does not hold (text in a number, 0/1 in a Bool, anything but text in a
  String);
* 1.5 in Int64 (the engine cuts it to 1), integers outside Int64, and anywhere integers outside [-2^63, 2^64)
  or floats beyond Float64 (26.7 refuses the block, 26.9 turns the integer into a string);
* decimals with more than 9 digits after the point or 29 before it (the engine cuts);
* dates outside 1900–2299 (26.7 stores 1900-01-01), timestamps outside 1900–2299, and numbers in either;
* objects nested more than `MAX_DEPTH` deep.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from trackway_collector.warehouse.base import Warehouse
from trackway_collector.warehouse.stored_paths import safe_to_add
from trackway_plan.renames import former_properties

logger = logging.getLogger(__name__)

MAX_TYPED_PATHS = 200
"""Each typed path costs every insert: 69,000 rows/s with 20, 43,000 with 200, 7,700 with 1,000 (2 cores)."""

MAX_DEPTH = 100
"""Deeper objects are kept as text in `misfits`. The engine refuses a block with one of 1,000 levels."""

# Kind in the plan → type of the path, in the order in which paths are chosen while there is room: a number
# without type is the one that reads wrong when someone forgets that 3 and 3.5 are stored as two types.
STORAGE_TYPES: dict[str, str] = {
    "int": "Nullable(Int64)",
    "number": "Nullable(Float64)",
    "decimal": "Nullable(Decimal(38, 9))",
    "bool": "Nullable(Bool)",
    "timestamp": "Nullable(DateTime64(6, 'UTC'))",
    "date": "Nullable(Date32)",
    "choice": "LowCardinality(Nullable(String))",
    "string": "Nullable(String)",
    "text": "Nullable(String)",
}
# Lists, objects, unions and `any` have no type of their own: their paths stay dynamic.

_JSON_OPTIONS = "max_dynamic_paths = 128, max_dynamic_types = 8"


class PropertySpec(Protocol):
    """The part of `trackway_plan.PropertySpec` that decides on storage."""

    @property
    def kind(self) -> str: ...

    @property
    def store_as(self) -> str: ...


class Release(Protocol):
    """The part of `trackway_plan.Release` that decides on storage."""

    @property
    def events(self) -> Mapping[str, Any]: ...

    @property
    def traits(self) -> Mapping[str, Mapping[str, Any]]: ...


def apply_plan(warehouse: Warehouse, release: Release) -> None:
    """
    Give planned properties and traits their typed paths; what was stored before reads through them too.

    Paths are only ever added, and only where the stored values are of that type already: changing the
    column's type makes the engine write every stored value again. A path that cannot have its type yet stays
    dynamic, holds everything, and the log says why.
    """
    wanted = {
        "properties": typed_paths(spec.properties for spec in release.events.values()),
        "traits": typed_paths(release.traits.values()),
    }
    wanted["properties"] |= former_paths(release)
    for column, paths in wanted.items():
        present = _column_types(warehouse, column)
        new = _new_paths(column, present, paths)
        if new:
            added = safe_to_add(warehouse, column, new)
            if added:
                warehouse.command(f"ALTER TABLE events MODIFY COLUMN {column} {json_type({**present, **added})}")


def property_types(warehouse: Warehouse, column: str = "properties") -> dict[str, str]:
    """Typed path → ClickHouse type, as the table has it now. `column` is `properties` or `traits`."""
    return _column_types(warehouse, column)


def typed_paths(specs: Iterable[Mapping[str, PropertySpec]]) -> dict[str, str]:
    """
    Path → type for at most `MAX_TYPED_PATHS` of the properties, those first whose kind gains most.

    A name that events use with different kinds has no type of its own (int and number share Float64), so
    nothing that one event may send is a misfit because of another; nor has a name with a dot or a backslash
    in it.
    """
    kinds: dict[str, set[str]] = {}
    for properties in specs:
        for name, spec in properties.items():
            kinds.setdefault(spec.store_as or name, set()).add(spec.kind)
    typed = {name: stored for name, found in kinds.items() if (stored := _stored_as(found))}
    plain = [name for name in typed if name and not set(name) & {".", "\\", "%"}]
    order = list(STORAGE_TYPES.values())
    chosen = sorted(plain, key=lambda name: (order.index(typed[name]), name))[:MAX_TYPED_PATHS]
    return {name: typed[name] for name in chosen}


def former_paths(release: Release) -> dict[str, str]:
    """
    Path → type for properties under their former names, which old clients go on sending: the type they have now.

    A name that some event uses now is left to that event.
    """
    in_use = {spec.store_as or name for event in release.events.values() for name, spec in event.properties.items()}
    specs = [
        {old: msgspec.structs.replace(event.properties[new], store_as="")}
        for event in release.events.values()
        for old, new in former_properties(event).items()
        if old not in in_use
    ]
    return typed_paths(specs)


def json_type(paths: Mapping[str, str]) -> str:
    """The column type `JSON(…)` with these typed paths."""
    typed = [f"{_quoted(path)} {kind}" for path, kind in sorted(paths.items())]
    return f"JSON({', '.join([_JSON_OPTIONS, *typed])})"


def _stored_as(kinds: set[str]) -> str | None:
    if kinds == {"int", "number"}:
        return STORAGE_TYPES["number"]
    types = {STORAGE_TYPES.get(kind) for kind in kinds}
    if types <= {STORAGE_TYPES["choice"], STORAGE_TYPES["string"]} and len(types) == 2:
        return STORAGE_TYPES["string"]
    return types.pop() if len(types) == 1 else None


def _quoted(path: str) -> str:
    return "`" + path.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _new_paths(column: str, present: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    new: dict[str, str] = {}
    for path, kind in wanted.items():
        if path in present:
            if present[path] != kind:
                logger.warning("%s.%s stays %s; the plan now says %s", column, path, present[path], kind)
        elif len(present) + len(new) < MAX_TYPED_PATHS:
            new[path] = kind
        else:
            logger.warning("%s.%s stays untyped: %s typed paths are the limit", column, path, MAX_TYPED_PATHS)
    return new


def _column_types(warehouse: Warehouse, column: str) -> dict[str, str]:
    found = warehouse.query(
        "SELECT type FROM system.columns"
        " WHERE database = {database:String} AND table = 'events' AND name = {column:String}",
        {"database": warehouse.database, "column": column},
    )
    return parse_json_type(found.one())


_OPTION = re.compile(r"max_dynamic_(paths|types)\s*=\s*\d+\Z")


def parse_json_type(text: str) -> dict[str, str]:
    """
    Typed path → type of a column type as ClickHouse prints it, `JSON(max_dynamic_paths=…, a
    Nullable(Int64))`.
    """
    if "(" not in text:
        return {}
    inner = text[text.index("(") + 1 : text.rindex(")")]
    paths = {}
    for item in _split(inner):
        if _OPTION.match(item) or item.startswith(("SKIP ", "SKIP\t")):
            continue
        path, kind = _path_and_type(item)
        paths[path] = kind
    return paths


def _split(text: str) -> list[str]:
    """`text` at its outermost commas; parentheses, backticks and quotes hold together."""
    items, start, depth, quote, skip = [], 0, 0, "", False
    for index, char in enumerate(text):
        if skip:
            skip = False
        elif quote:
            skip = char == "\\"
            quote = "" if char == quote else quote
        elif char in "`'":
            quote = char
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "," and not depth:
            items.append(text[start:index].strip())
            start = index + 1
    return [*items, text[start:].strip()]


def _path_and_type(item: str) -> tuple[str, str]:
    if not item.startswith("`"):
        path, _, kind = item.partition(" ")
        return path, kind
    # `a b`, or `a`.`b` for nested paths
    parts, rest = [], item
    while rest.startswith("`"):
        match = re.match(r"`((?:[^`\\]|\\.)*)`", rest)
        if match is None:
            break
        parts.append(re.sub(r"\\(.)", r"\1", match[1]))
        rest = rest[match.end() :].removeprefix(".")
    return ".".join(parts), rest.strip()
