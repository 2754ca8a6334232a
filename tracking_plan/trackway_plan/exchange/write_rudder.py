"""The plan as RudderStack's YAML, `rudder/v1`: a catalog of events and properties, and the rules over it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..model import EventSpec, Plan, PropertySpec
from ..yaml_text import block
from .exported import Exported, flat_events, flat_properties, plan_losses, report_event_words
from .losses import Losses
from .rudder import case_name
from .write_json_schema import SchemaWriter

_OPENED = frozenset({"spec", "events", "properties", "categories", "rules", "variants", "cases"})
_CONFIG = {
    **{key: key for key in ("enum", "minimum", "maximum", "pattern", "format")},
    "minLength": "min_length",
    "maxLength": "max_length",
    "multipleOf": "multiple_of",
    "minItems": "min_items",
    "maxItems": "max_items",
}


def write_rudder(plan: Plan) -> Exported:
    """Four files: categories.yaml, properties.yaml, events.yaml and tracking-plan.yaml."""
    losses = Losses()
    plan_losses(plan, "RudderStack", losses, kept=("name", "summary"))
    catalog = _Catalog(losses)
    events, rules, categories = [], [], _Ids()
    event_ids = _Ids()
    for name, event in flat_events(plan).items():
        losses.event = name
        report_event_words(event, losses, "RudderStack", status=("active",))
        if event.examples:
            losses.add(name, f"{len(event.examples)} examples", "RudderStack has no word for them")
        row = {"id": event_ids.of(name), "name": name, "event_type": "track", "description": event.summary}
        if not event.summary.strip():
            row.pop("description")
        area = {"category": f"#category:{categories.of(event.area)}"} if event.area else {}
        events.append(row | area)
        rule = catalog.rule(event_ids.of(name), event.properties, event.open)
        rules.append(rule | catalog.variants(event))
    for kind, call in (("user", "identify"), ("account", "group")):
        if kind in plan.traits:
            losses.event = f"traits of the {kind}"
            events.append({"id": event_ids.of(f"{call} call"), "event_type": call})
            rule = catalog.rule(event_ids.of(f"{call} call"), flat_properties(plan.traits[kind]), False)
            rules.append(rule | {"identity_section": "traits"})
    whole = {"id": _slug(plan.name), "display_name": plan.name, "description": plan.summary, "rules": rules}
    rows = [{"id": key, "name": name} for name, key in categories.found.items()]
    files = {
        "categories.yaml": _file("categories", plan, {"categories": rows}) if rows else "",
        "properties.yaml": _file("properties", plan, {"properties": list(catalog.entries)}),
        "events.yaml": _file("events", plan, {"events": events}),
        "tracking-plan.yaml": _file("tracking-plan", plan, whole),
    }
    return Exported(files={name: text for name, text in files.items() if text}, losses=tuple(losses.found))


def _file(kind: str, plan: Plan, spec: dict[str, Any]) -> str:
    head = {"version": "rudder/v1", "kind": kind, "metadata": {"name": _slug(plan.name)}}
    return block(head | {"spec": spec}, opened=_OPENED)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "_", name.lower()).strip("_")[:60] or "x"


class _Ids:
    """Names as ids of small letters, no two alike."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, name: str) -> str:
        """The id of a name, always the same."""
        if name not in self.found:
            self.found[name] = self.new(name)
        return self.found[name]

    def new(self, name: str) -> str:
        """An id that nothing has yet."""
        base = slug = _slug(name)
        number = 1
        while slug in self._taken:
            number += 1
            slug = f"{base}_{number}"
        self._taken.add(slug)
        return slug


class _Catalog:
    """The properties of all events, each written once."""

    def __init__(self, losses: Losses) -> None:
        self.entries: list[dict[str, Any]] = []
        self._known: dict[str, str] = {}
        self._ids = _Ids()
        self._losses = losses
        self._writer = SchemaWriter(losses, "RudderStack")

    def rule(self, event: str, properties: Mapping[str, PropertySpec], is_open: bool) -> dict[str, Any]:
        """The rule of an event."""
        members = self._members(
            {name: self._writer.property(spec, name) for name, spec in properties.items()},
            [name for name, spec in properties.items() if spec.required],
            "",
        )
        head = {"type": "event_rule", "id": f"{event}_rule", "event": f"#event:{event}"}
        return head | {"additional_properties": is_open} | ({"properties": members} if members else {})

    def variants(self, event: EventSpec) -> dict[str, Any]:
        """The rules of an event as one variant; those that wait for other properties than the first are lost."""
        if not event.rules:
            return {}
        name = next(iter(event.rules[0].when))
        cases = []
        for rule in event.rules:
            if [*rule.when] != [name] or not all(isinstance(value, str | int | bool) for value in rule.when[name]):
                self._losses.add(event.name, "a rule", "a variant waits for values of one property, the first rule's")
                continue
            match = list(rule.when[name])
            needed = [
                {"property": self._reference(each, event.properties[each]), "required": True}
                for each in rule.then_required
            ]
            cases.append({"display_name": case_name(name, match), "match": match, "properties": needed})
        if not cases:
            return {}
        discriminator = self._reference(name, event.properties[name])
        return {"variants": [{"type": "discriminator", "discriminator": discriminator, "cases": cases}]}

    def _reference(self, name: str, spec: PropertySpec) -> str:
        quiet = _Quiet(self)
        return quiet.reference(name, spec)

    def _members(self, schemas: Mapping[str, Any], required: list[str], path: str) -> list[dict[str, Any]]:
        return [self._member(name, schema, name in required, path) for name, schema in schemas.items()]

    def _member(self, name: str, schema: dict[str, Any], required: bool, path: str) -> dict[str, Any]:
        shown = f"{path}.{name}" if path else name
        row, nested = self.row(name, schema, shown)
        member = {"property": self.entry(name, row), "required": required}
        if nested is None:
            return member
        at = shown if nested is schema else f"{shown}[]"
        inner = self._members(nested["properties"], nested.get("required", []), at)
        return member | {"properties": inner, "additional_properties": nested["additionalProperties"]}

    def entry(self, name: str, row: dict[str, Any]) -> str:
        """The reference to a property of the catalog, which is written when first met."""
        key = repr((name, row))
        if key not in self._known:
            self._known[key] = self._ids.new(name)
            self.entries.append({"id": self._known[key], "name": name} | row)
        return f"#property:{self._known[key]}"

    def row(self, name: str, schema: dict[str, Any], path: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """What the catalog says of a property, and the schema of the object inside it, if one is."""
        if "anyOf" in schema:
            schema = self._union(schema, path)
        types = schema.get("type", [])
        row: dict[str, Any] = {"type": types} if isinstance(types, str) else {"types": types} if types else {}
        config = {_CONFIG[key]: value for key, value in schema.items() if key in _CONFIG}
        nested = schema if "properties" in schema else None
        if "items" in schema:
            item, nested = self._item(schema["items"], path)
            config |= item
        if nested is not None and not nested["properties"]:
            self._lost("an object of nothing", path if nested is schema else f"{path}[]")
            nested = None
        if "description" in schema:
            row["description"] = schema["description"]
        return row | ({"config": config} if config else {}), nested

    def _item(self, items: dict[str, Any], path: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
        if "properties" in items:
            if items.get("type") != "object" or "description" in items:
                self._lost("what is said of an item beside its keys", f"{path}[]")
            if not items["properties"]:
                return {"item_types": ["object"]}, items
            return {}, items
        if "anyOf" in items:
            items = self._union(items, f"{path}[]")
        types = items.get("type", [])
        if {*items} - {"type"}:
            self._lost("what is said of an item beside its type", f"{path}[]")
        return {"item_types": types if isinstance(types, list) else [types]} if types else {}, None

    def _union(self, schema: dict[str, Any], path: str) -> dict[str, Any]:
        """The types of a union alone; a limit of one part would be one of all."""
        parts = schema["anyOf"]
        types = list(dict.fromkeys(part["type"] for part in parts))
        if any({*part} - {"type"} for part in parts) or len(types) < len(parts) or {"integer", "number"} <= {*types}:
            self._lost("the limits of a union's parts", path)
        return {key: value for key, value in schema.items() if key != "anyOf"} | {"type": types}

    def _lost(self, what: str, path: str) -> None:
        self._losses.add(self._losses.event, what, "RudderStack has no word for it", path)


class _Quiet(_Catalog):
    """The same catalog without reporting a property's losses again."""

    def __init__(self, catalog: _Catalog) -> None:
        super().__init__(Losses())
        self.entries, self._known, self._ids = catalog.entries, catalog._known, catalog._ids

    def reference(self, name: str, spec: PropertySpec) -> str:
        """The reference to a property that the event's rule has written already."""
        row, _ = self.row(name, self._writer.property(spec, name), name)
        return self.entry(name, row)
