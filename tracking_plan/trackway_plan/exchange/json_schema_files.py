"""
JSON Schema and Iglu, one event a file, from and to plans.

A file's event is called as `x-trackway` says, else as Iglu's `self.name`, else as the file; its area is Iglu's
vendor, else the file's folder. Of several versions of an Iglu schema the newest is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..model import EventSpec, Plan
from .assemble import DEFAULT_AREA, Collector, Imported
from .documents import Document, ImportRefusedError, found_files, read_json
from .exported import Exported, flat_events, plan_losses
from .extras import KEYWORD
from .json_schema import SchemaReader, TooManySchemasError, endless
from .losses import Losses
from .write_json_schema import SchemaWriter

DRAFT = "https://json-schema.org/draft/2020-12/schema"
IGLU_SELF = "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#"
_VERSION = re.compile(r"(\d+)-(\d+)-(\d+)")


def read_json_schemas(paths: Iterable[Path]) -> Imported:
    """
    The plan of JSON Schema files, Iglu's self-describing ones among them.

    Raises:
        ImportRefusedError: a file cannot be read, or holds no schema.
    """
    given = list(paths)
    documents = [read_json(path) for path in found_files(given, (".json",))]
    losses = Losses()
    collector = Collector(losses)
    for document in _newest(documents, losses):
        losses.file, losses.event = document.file, ""
        try:
            _event(document, collector, losses)
        except (TooManySchemasError, RecursionError) as error:
            message = f"{document.file}: {endless(error)}.\n  Write out what is small, or leave out what is not sent."
            raise ImportRefusedError(message) from error
    losses.file = ""
    return collector.plan(given[0].resolve().stem)


def _newest(documents: list[Document], losses: Losses) -> list[Document]:
    """The documents without older versions of the same Iglu schema."""
    newest: dict[Any, tuple[tuple[int, ...], Document]] = {}
    for document in documents:
        if not isinstance(document.data, dict):
            message = f"{document.file}: a JSON Schema is an object; this is {type(document.data).__name__}."
            raise ImportRefusedError(message)
        identity = document.data.get("self")
        if not isinstance(identity, dict):
            newest[document.file] = (), document
            continue
        key = identity.get("vendor"), identity.get("name")
        found = _VERSION.fullmatch(str(identity.get("version")))
        version = tuple(map(int, found.groups())) if found else ()
        older = newest.get(str(key))
        if older is not None:
            losses.file = (document if older[0] > version else older[1]).file
            losses.add("#/self/version", "an older version", "a plan holds the newest; Git and releases hold the rest")
        if older is None or version >= older[0]:
            newest[str(key)] = version, document
    return [document for _, document in newest.values()]


def _event(document: Document, collector: Collector, losses: Losses) -> None:
    schema = document.data
    extras = schema.get(KEYWORD) if isinstance(schema.get(KEYWORD), dict) else {}
    identity = schema.get("self") if isinstance(schema.get("self"), dict) else {}
    path = Path(document.file)
    kind = extras.get("traits")
    if kind in ("user", "account"):
        collector.add_traits(kind, SchemaReader(schema, losses).event(schema, kind), "#")
        return
    stem = path.name.removesuffix(".json").removesuffix(".schema")
    name = next((each for each in (extras.get("event"), identity.get("name"), stem) if isinstance(each, str)), stem)
    event = SchemaReader(schema, losses).event(schema, collector.name(name, "#"))
    if not event.area:
        area = identity.get("vendor") or path.resolve().parent.name
        event = EventSpec(**{field: getattr(event, field) for field in event.__struct_fields__} | {"area": str(area)})
    collector.add(event)


def write_json_schemas(plan: Plan, iglu: bool = False) -> Exported:
    """A JSON Schema file for each event and for traits: of draft 2020-12, or as Iglu's self-describing draft 4."""
    tool = "Iglu" if iglu else "JSON Schema"
    losses = Losses()
    plan_losses(plan, tool, losses)
    files: dict[str, str] = {}
    vendor = re.sub(r"[^A-Za-z0-9_.-]+", "_", plan.name).strip("_.") or "plan"
    for name, event in flat_events(plan).items():
        losses.event = name
        schema = SchemaWriter(losses, tool, extras=True, conditions=not iglu).event(event)
        _place(files, vendor, event.area or DEFAULT_AREA, name, schema, iglu)
    for kind, specs in plan.traits.items():
        losses.event = f"traits of the {kind}"
        schema = SchemaWriter(losses, tool, extras=True).object(specs, is_open=False)
        _place(files, vendor, "traits", kind, schema | {KEYWORD: {"traits": kind}}, iglu)
    return Exported(files=files, losses=tuple(losses.found))


def _place(files: dict[str, str], vendor: str, area: str, name: str, schema: dict[str, Any], iglu: bool) -> None:
    stem = re.sub(r"[^A-Za-z0-9_-]+" if iglu else r"[^\w-]+", "_", name).strip("_")[:80] or "event"
    unique, number = stem, 1
    while (path := f"{vendor}/{unique}/jsonschema/1-0-0" if iglu else f"{area}/{unique}.json") in files:
        number += 1
        unique = f"{stem}_{number}"
    if iglu:
        identity = {"vendor": vendor, "name": unique, "format": "jsonschema", "version": "1-0-0"}
        schema = {"$schema": IGLU_SELF, "self": identity} | schema
    else:
        schema = {"$schema": DRAFT} | schema
    files[path] = json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
