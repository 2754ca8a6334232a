"""RudderStack's catalog: events, properties, custom types and categories by the references that rules use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from .documents import Document, ImportRefusedError
from .losses import Losses
from .schema_scalars import shown

LISTS = {"events": "events", "properties": "properties", "custom-types": "types", "categories": "categories"}
"""Kind of file → the key in its `spec` that holds the list."""

_REFERENCE = re.compile(r"#/([a-z-]+)/[^/]+/(.+)|#([a-z-]+):(.+)")
_SINGULAR = {"event": "events", "property": "properties", "custom-type": "custom-types", "category": "categories"}
_LIMITS = {
    **{key: key for key in ("enum", "minimum", "maximum", "pattern", "format", "minLength", "maxLength")},
    **{key: key for key in ("exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems")},
    "uniqueItems": "uniqueItems",
    "itemTypes": "items",
    "min_length": "minLength",
    "max_length": "maxLength",
    "exclusive_minimum": "exclusiveMinimum",
    "exclusive_maximum": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "min_items": "minItems",
    "max_items": "maxItems",
    "unique_items": "uniqueItems",
    "item_types": "items",
    "item_type": "items",
}
"""Limit, in the words of either version → JSON Schema's."""

_READ = {
    "events": {"id", "name", "display_name", "event_type", "description", "category"},
    "properties": {"id", "name", "display_name", "type", "types", "description", "propConfig", "config"},
    "custom-types": {"id", "name", "type", "types", "description", "config", "properties", "variants"},
    "categories": {"id", "name"},
}
_READ["properties"] |= {"item_type", "item_types"}
_READ["custom-types"] |= {"item_type", "item_types"}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One event, property, custom type or category."""

    kind: str
    id: str
    file: str
    where: str
    data: dict[str, Any]


class Catalog:
    """
    Every entry of the files.

    Raises:
        ImportRefusedError: a file is not of RudderStack, or two entries have one id.
    """

    def __init__(self, documents: Sequence[Document], losses: Losses) -> None:
        self._losses = losses
        self._entries: dict[tuple[str, str], Entry] = {}
        self._used: set[tuple[str, str]] = set()
        for document in documents:
            self._read(document)

    def _read(self, document: Document) -> None:
        data = document.data
        spec = data.get("spec") if isinstance(data, dict) else None
        if (
            not isinstance(data, dict)
            or not str(data.get("version", "")).startswith("rudder/")
            or not isinstance(spec, dict)
        ):
            message = (
                f"{document.file}: this is no file of RudderStack: it needs `version: rudder/…`, `kind` and `spec`."
            )
            raise ImportRefusedError(message)
        kind = str(data.get("kind"))
        key = LISTS.get(kind)
        if key is None:
            if kind not in ("tp", "tracking-plan"):
                self._losses.file = document.file
                self._losses.add("#/kind", f"kind: {kind}", "it is no part of a tracking plan")
            return
        rows = spec.get(key, [])
        for index, row in enumerate(rows if isinstance(rows, list) else [None]):
            where = f"#/spec/{key}/{index}"
            if not isinstance(row, dict) or not isinstance(row.get("id"), str):
                message = f"{document.file}: {where} needs an `id`."
                raise ImportRefusedError(message)
            if (kind, row["id"]) in self._entries:
                other = self._entries[kind, row["id"]]
                message = f"{document.file}: {where}: the id `{row['id']}` stands in {other.file} ({other.where}) too."
                raise ImportRefusedError(message)
            self._entries[kind, row["id"]] = Entry(kind=kind, id=row["id"], file=document.file, where=where, data=row)

    def is_type(self, reference: Any) -> bool:
        """Whether this is a reference to a custom type, and no name of a type."""
        return isinstance(reference, str) and reference.startswith("#")

    def find(self, kind: str, reference: Any, where: str, file: str) -> Entry:
        """
        The entry of a reference, `#/properties/group/id` or `#property:id`; reports what of it is not read.

        Raises:
            ImportRefusedError: it is no such reference, or leads nowhere.
        """
        found = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
        named = (found[1] or _SINGULAR.get(found[3], found[3]), found[2] or found[4]) if found else ("", "")
        entry = self._entries.get(named)
        if entry is None or named[0] != kind:
            message = f"{file}: {where}: there is no entry of {kind} for the reference {shown(reference)}."
            known = sorted(each for group, each in self._entries if group == kind)
            raise ImportRefusedError(message + (f"\n  Known: {', '.join(known[:20])}." if known else ""))
        if named not in self._used:
            self._used.add(named)
            for key in entry.data:
                if key not in _READ[kind]:
                    self._losses.add(f"{entry.where}/{key}", f"{key}: {shown(entry.data[key])}", "it has no word here")
        return entry

    def limits(self, entry: Entry, where: str) -> dict[str, Any]:
        """The limits of a property or custom type, in JSON Schema's words; `items` is a list of types."""
        stated = entry.data.get("config", entry.data.get("propConfig")) or {}
        own = {key: entry.data[key] for key in ("item_type", "item_types") if key in entry.data}
        found: dict[str, Any] = {}
        for key, value in ({**stated, **own} if isinstance(stated, dict) else own).items():
            if key not in _LIMITS:
                self._losses.add(f"{entry.where}/config/{key}", f"{key}: {shown(value)}", "it has no word here")
                continue
            found[_LIMITS[key]] = value
        if "items" in found:
            items = found["items"]
            found["items"] = items if isinstance(items, list) else [items]
        return found

    def unused(self) -> dict[str, list[Entry]]:
        """Kind → the entries that no rule led to."""
        found: dict[str, list[Entry]] = {}
        for key, entry in self._entries.items():
            if key not in self._used:
                found.setdefault(entry.kind, []).append(entry)
        return found
