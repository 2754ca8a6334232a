"""
RudderStack's tracking plans as YAML, `rudder/v0.1` and `rudder/v1`: a folder of files, or the files.

    kind: events        id, name, event_type, description, category
    kind: properties    id, name, type (or types), description, config: JSON Schema's limits
    kind: custom-types  id, name, type, config, properties, variants
    kind: categories    id, name
    kind: tp | tracking-plan    rules: event, properties with `required` and nested properties, variants

Each rule is written as one JSON Schema, with custom types in its `$defs`, and read as such. Custom types become named
types, a category the folder of its events, variants rules where a rule can say them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..model import KINDS, PropertySpec
from .assemble import DEFAULT_AREA, Collector, Imported
from .documents import Document, ImportRefusedError, found_files, read_yaml
from .json_schema import SchemaReader, TooManySchemasError, endless
from .losses import Losses
from .names import is_name, plan_name
from .rudder_catalog import Catalog, Entry
from .schema_scalars import shown

TRAITS = {"identify": "user", "group": "account"}
_READ_OF_A_RULE = {"id", "type", "event", "properties", "variants", "identity_section", "allow_unplanned"}
_READ_OF_A_RULE |= {"additional_properties"}
_READ_OF_A_PROPERTY = {"$ref", "property", "required", "properties", "additional_properties", "additionalProperties"}


def read_rudder(paths: Iterable[Path]) -> Imported:
    """
    The plan of RudderStack's YAML.

    Raises:
        ImportRefusedError: a file cannot be read, no tracking plan is among them, or a reference leads nowhere.
    """
    documents = [read_yaml(path) for path in found_files(paths, (".yaml", ".yml"))]
    losses = Losses()
    catalog = Catalog(documents, losses)
    plans = [each for each in documents if _kind(each) in ("tp", "tracking-plan")]
    if not plans:
        files = ", ".join(document.file for document in documents[:5])
        message = (
            f"{files}: there is no file of kind `tracking-plan` (or `tp`); its rules say what belongs to the plan."
        )
        raise ImportRefusedError(message)
    reader = _Reader(catalog, losses)
    for document in plans:
        reader.plan(document)
    reader.finish()
    spec = plans[0].data["spec"]
    name = spec.get("display_name") or spec.get("name") or spec.get("id") or "imported"
    summary = spec.get("description")
    return reader.collector.plan(str(name), summary if isinstance(summary, str) else "")


def _kind(document: Document) -> str:
    return str(document.data.get("kind")) if isinstance(document.data, dict) else ""


class _Reader:
    def __init__(self, catalog: Catalog, losses: Losses) -> None:
        self.catalog = catalog
        self.losses = losses
        self.collector = Collector(losses)
        self._types: dict[str, PropertySpec] = {}
        self._opened: list[str] = []

    def plan(self, document: Document) -> None:
        """Read every rule of a tracking plan."""
        self.losses.file, self.losses.event = document.file, ""
        rules = document.data["spec"].get("rules", [])
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            message = f"{document.file}: `spec.rules` must be a list of rules."
            raise ImportRefusedError(message)
        for index, rule in enumerate(rules):
            self.losses.file, self.losses.event = document.file, ""
            self._rule(rule, f"#/spec/rules/{index}")

    def finish(self) -> None:
        """Name what the catalog holds and no rule mentions: it is not part of the plan."""
        self.losses.event = ""
        for kind, entries in self.catalog.unused().items():
            self.losses.file = entries[0].file
            names = ", ".join(entry.id for entry in entries)
            self.losses.add(f"#/spec/{kind}", f"{kind}: {names}", "no rule of the tracking plan mentions it")
        self.losses.file = ""
        self.collector.types = {spec.named_type: spec for spec in self._types.values()}

    def _rule(self, rule: dict[str, Any], where: str) -> None:
        reference = rule.get("event")
        told = rule | reference if isinstance(reference, dict) else rule
        entry = self.catalog.find("events", _reference(reference), where, self.losses.file)
        kind = str(entry.data.get("event_type", "track"))
        called = entry.data.get("name") or entry.data.get("display_name")
        closed = told.get("allow_unplanned", told.get("additional_properties", False)) is not True
        schema = self._object(rule.get("properties") or [], closed, where)
        self._unread(rule, _READ_OF_A_RULE, where)
        if kind in TRAITS:
            self.losses.event = f"traits of the {TRAITS[kind]}"
            self._variants(rule.get("variants"), schema, where)
            self.collector.add_traits(TRAITS[kind], self._read(schema, kind, where), where)
            return
        if kind in ("page", "screen"):
            why = "page and screen calls have no plan of their own; it stands as an event of this name"
            self.losses.add(f"{where}/event", f"event_type: {kind}", why)
        name = self.collector.name(str(called or kind), f"{where}/event")
        self._variants(rule.get("variants"), schema, where)
        event = self._read(schema, name, where)
        words = entry.data.get("description")
        self.collector.add(
            msgspec.structs.replace(
                event, summary=words if isinstance(words, str) else "", area=self._area(entry, where)
            )
        )

    def _read(self, schema: dict[str, Any], name: str, where: str) -> Any:
        try:
            return SchemaReader(schema, self.losses, self._types).event(schema, name, where)
        except (TooManySchemasError, RecursionError) as error:
            message = f"{self.losses.file}: {where}: {endless(error)}."
            raise ImportRefusedError(message) from error

    def _area(self, entry: Entry, where: str) -> str:
        reference = entry.data.get("category")
        if not reference:
            return DEFAULT_AREA
        category = self.catalog.find("categories", reference, f"{where}/event", entry.file)
        return str(category.data.get("name") or category.id)

    # ── properties as JSON Schema ────────────────────────────────────────────

    def _object(self, members: Any, closed: bool, where: str) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        required = []
        if not isinstance(members, list):
            message = f"{self.losses.file}: {where}/properties must be a list."
            raise ImportRefusedError(message)
        for index, member in enumerate(members):
            at = f"{where}/properties/{index}"
            name, schema = self._member(member, at)
            properties[name] = schema
            if member.get("required") is True:
                required.append(name)
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": not closed}

    def _member(self, member: Any, where: str) -> tuple[str, Any]:
        entry = self.catalog.find("properties", _reference(member), where, self.losses.file)
        schema = self._schema(entry, where)
        nested = member.get("properties")
        if nested:
            more = member.get("additional_properties", member.get("additionalProperties", True))
            inner = self._object(nested, more is False, where)
            if "array" in _types(schema):
                schema = schema | {"items": inner}
            else:
                schema = schema | inner | {"type": schema.get("type", "object")}
        self._unread(member, _READ_OF_A_PROPERTY, where)
        return self._name(entry), schema

    def _name(self, entry: Entry) -> str:
        return str(entry.data.get("name") or entry.data.get("display_name") or entry.id)

    def _schema(self, entry: Entry, where: str) -> dict[str, Any]:
        """The JSON Schema of a property or custom type of the catalog."""
        data = entry.data
        schema: dict[str, Any] = {}
        stated = data.get("types", data.get("type"))
        types = [each.strip() for each in stated.split(",")] if isinstance(stated, str) else stated
        if isinstance(types, list) and len(types) == 1 and self.catalog.is_type(types[0]):
            schema["$ref"] = self._named(types[0], where)
        elif isinstance(types, list) and types and types != [""]:
            schema["type"] = types if len(types) > 1 else types[0]
        limits = self.catalog.limits(entry, where)
        if (items := limits.pop("items", None)) is not None:
            schema["items"] = self._items(items, where)
        words = data.get("description")
        return schema | limits | ({"description": words} if isinstance(words, str) and words else {})

    def _items(self, items: list[Any], where: str) -> dict[str, Any]:
        if len(items) == 1 and self.catalog.is_type(items[0]):
            return {"$ref": self._named(items[0], where)}
        return {"type": items if len(items) > 1 else items[0]} if items else {}

    def _named(self, reference: str, where: str) -> str:
        """The reference under which `SchemaReader` finds a custom type, read when first met."""
        entry = self.catalog.find("custom-types", reference, where, self.losses.file)
        key = f"#/$defs/{entry.id}"
        if key in self._types:
            return key
        if key in self._opened:
            self.losses.add(where, f"custom type {entry.id}", "it holds itself; its inside is left free")
            self._types[key] = PropertySpec(kind="any", named_type=self._type_name(entry))
            return key
        self._opened.append(key)
        at, event = f"custom-types/{entry.id}", self.losses.event
        self.losses.event = ""
        schema = self._schema(entry, at)
        if entry.data.get("properties"):
            schema = self._object(entry.data["properties"], False, at) | schema
        self._variants(entry.data.get("variants"), schema, at)
        spec = SchemaReader(schema, self.losses, self._types).property(schema, at, "")
        self._types[key] = msgspec.structs.replace(spec, named_type=self._type_name(entry))
        self.losses.event = event
        self._opened.pop()
        return key

    def _type_name(self, entry: Entry) -> str:
        name = str(entry.data.get("name") or entry.id)
        taken = {*KINDS, *(spec.named_type for spec in self._types.values())}
        return name if is_name(name) and name not in taken else plan_name(name, taken)

    # ── variants ─────────────────────────────────────────────────────────────

    def _variants(self, variants: Any, schema: dict[str, Any], where: str) -> None:
        """Add to a schema what its variants say: their properties, and `if … then` for those they require."""
        for index, variant in enumerate(variants if isinstance(variants, list) else ()):
            at = f"{where}/variants/{index}"
            if not isinstance(variant, dict) or variant.get("type") != "discriminator":
                self.losses.add(at, "a variant", "it has no discriminator")
                continue
            entry = self.catalog.find("properties", variant.get("discriminator"), at, self.losses.file)
            self._cases(variant, self._name(entry), schema, at)

    def _cases(self, variant: dict[str, Any], name: str, schema: dict[str, Any], where: str) -> None:
        default = variant.get("default") or []
        default = default.get("properties", []) if isinstance(default, dict) else default
        cases = variant.get("cases") or []
        for index, case in enumerate([*cases, {"properties": default}]):
            at = f"{where}/cases/{index}" if index < len(cases) else f"{where}/default"
            inner = self._object(case.get("properties") or [], True, at)
            added = [key for key in inner["properties"] if key not in schema["properties"]]
            schema["properties"] |= {key: inner["properties"][key] for key in added}
            if added:
                why = "a rule cannot say when a property may be absent; it is optional always"
                self.losses.add(at, f"{', '.join(added)} in this case alone", why, added[0])
            if not inner["required"]:
                continue
            if "match" not in case:
                why = "what holds in all other cases cannot be said"
                self.losses.add(at, f"required: {', '.join(inner['required'])}", why)
                continue
            words = [case[key] for key in ("display_name", "description") if case.get(key)]
            if words and words != [case_name(name, case["match"])]:
                self.losses.add(at, f"words: {shown(words[0])}", "a rule has no words")
            condition = {"properties": {name: {"enum": case["match"]}}, "required": [name]}
            then = {"required": inner["required"]}
            schema.setdefault("allOf", []).append({"if": condition, "then": then})

    def _unread(self, data: Mapping[str, Any], known: set[str], where: str) -> None:
        for key in data:
            if key not in known:
                self.losses.add(f"{where}/{key}", f"{key}: {shown(data[key])}", "the plan language has no word for it")


def case_name(name: str, match: list[Any]) -> str:
    """What an export calls a case: its condition."""
    return f"{name}: {' | '.join(map(str, match))}"


def _reference(value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("$ref", value.get("property", value.get("event")))
    return value


def _types(schema: Mapping[str, Any]) -> list[Any]:
    value = schema.get("type", [])
    return value if isinstance(value, list) else [value]
