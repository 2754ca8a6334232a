"""
Segment tracking plans, in the three forms that are found.

    Public API      {"data": {"trackingPlan": {…}, "rules": [rule, …]}}, each rule's schema over the whole call
    Typewriter      plan.json: {"name", "rules": [rule, …]}, each rule's schema over `properties` alone
    Config API      the old one: {"display_name", "rules": {"events": [{name, description, rules: schema}, …]}}

A rule is `{"key": "Order Completed", "type": "TRACK", "version": 1, "jsonSchema": {…}}`. TRACK becomes an event,
IDENTIFY the traits of a user, GROUP those of an account, PAGE and SCREEN an event called as their call. The label
`area` is the event's folder. Exported are plans of the Typewriter form.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..model import Plan
from .assemble import DEFAULT_AREA, Collector, Imported
from .documents import ImportRefusedError, found_files, read_json
from .exported import Exported, flat_events, plan_losses, report_event_words
from .json_schema import SchemaReader, TooManySchemasError, endless
from .losses import Losses
from .schema_scalars import shown
from .write_json_schema import SchemaWriter

TRAITS = {"IDENTIFY": "user", "GROUP": "account"}
_NEVER = "0001-01-01"
"""The day that Segment writes for "not deprecated"."""

_READ_OF_A_RULE = {"key", "type", "jsonSchema", "deprecatedAt", "name", "description", "rules"}
_BOOKKEEPING = {
    *("id", "createdAt", "updatedAt", "create_time", "update_time", "resourceSchemaId", "slug", "type", "version"),
    *("workspaceId", "pagination", "createdBy", "updatedBy"),
}
_READ_OF_A_PLAN = {"rules", "description", "display_name", "data", "trackingPlan"}


def read_segment(paths: Iterable[Path]) -> Imported:
    """
    The plan of a Segment tracking plan; several files are rules of one plan.

    Raises:
        ImportRefusedError: a file cannot be read, or is no tracking plan of Segment.
    """
    losses = Losses()
    collector = Collector(losses)
    names, summaries = [], []
    for path in found_files(paths, (".json",)):
        document = read_json(path)
        losses.file, losses.event = document.file, ""
        whole, rules = _opened(document.data, document.file)
        names.append(whole.get("display_name") or whole.get("name") or path.stem)
        summaries.append(whole.get("description") or "")
        _report_the_rest(whole, losses)
        try:
            _Reader(collector, losses, rules).read()
        except (TooManySchemasError, RecursionError) as error:
            message = f"{document.file}: {endless(error)}."
            raise ImportRefusedError(message) from error
    losses.file = ""
    summary = summaries[0] if isinstance(summaries[0], str) else ""
    return collector.plan(str(names[0]), summary)


def _opened(data: Any, file: str) -> tuple[Mapping[str, Any], list[tuple[str, dict[str, Any]]]]:
    """The plan's own keys, and (JSON pointer, rule) for each rule, in the shape of Typewriter's."""
    whole = data if isinstance(data, dict) else {"rules": data}
    if isinstance(whole.get("data"), dict):
        whole = whole["data"]
    if isinstance(whole.get("trackingPlan"), dict):
        whole = whole["trackingPlan"] | {key: value for key, value in whole.items() if key != "trackingPlan"}
    rules: Any = whole.get("rules")
    found: list[tuple[str, Any]] = []
    if isinstance(rules, list):
        found = [(f"#/rules/{index}", rule) for index, rule in enumerate(rules)]
    elif isinstance(rules, dict) and isinstance(rules.get("events"), list):
        found = [(f"#/rules/events/{i}", _old_rule(rule)) for i, rule in enumerate(rules["events"])]
        for key, kind in (("identify", "IDENTIFY"), ("group", "GROUP"), ("global", "COMMON")):
            if isinstance(rules.get(key), dict):
                found.append((f"#/rules/{key}", {"type": kind, "key": "", "jsonSchema": rules[key]}))
    else:
        message = (
            f"{file}: this is no tracking plan of Segment: it has no list `rules`, and no `rules.events`.\n"
            "  Give the JSON of the Public API, of Typewriter's plan.json, or of the old Config API."
        )
        raise ImportRefusedError(message)
    for where, rule in found:
        sound = isinstance(rule, dict) and isinstance(rule.get("key", ""), str)
        if not sound or not isinstance(rule.get("jsonSchema"), dict):
            message = f"{file}: {where} is no rule: it needs `key`, `type` and `jsonSchema`."
            raise ImportRefusedError(message)
    return whole, found


def _old_rule(rule: Any) -> Any:
    if not isinstance(rule, dict) or not isinstance(rule.get("rules"), dict):
        return None
    words = {"description": rule["description"]} if rule.get("description") else {}
    return {**rule, "key": rule.get("name"), "type": "TRACK", "jsonSchema": words | rule["rules"]}


def _report_the_rest(whole: Mapping[str, Any], losses: Losses) -> None:
    known = [key for key in whole if key in _BOOKKEEPING or (key == "name" and "display_name" in whole)]
    if known:
        losses.add("#", ", ".join(sorted(known)), "Segment's own bookkeeping; Git holds who changed what and when")
    rules: Any = whole.get("rules")
    more = {key for key in whole if key not in _BOOKKEEPING | _READ_OF_A_PLAN | {"name"}}
    more |= {
        f"rules.{key}" for key in (rules if isinstance(rules, dict) else ()) if key not in _OLD_KEYS and rules[key]
    }
    for key in sorted(more):
        losses.add(f"#/{key}", key, "the plan language has no word for it")


_OLD_KEYS = {"events", "identify", "group", "global"}


class _Reader:
    def __init__(self, collector: Collector, losses: Losses, rules: list[tuple[str, dict[str, Any]]]) -> None:
        self._collector = collector
        self._losses = losses
        self._rules = rules

    def read(self) -> None:
        dated = sorted({key for _, rule in self._rules for key in rule if key in _BOOKKEEPING - {"type"}})
        if dated:
            why = "Segment's own bookkeeping; Git holds who changed what and when"
            self._losses.add("#/rules/*", ", ".join(dated), why)
        for where, rule in self._rules:
            self._losses.event = ""
            self._rule(where, rule)

    def _rule(self, where: str, rule: dict[str, Any]) -> None:
        kind = str(rule.get("type", "TRACK")).upper()
        at = f"{where}/{'rules' if 'rules' in rule else 'jsonSchema'}"
        schema = rule["jsonSchema"]
        if kind == "COMMON":
            if any(part.get("properties") for part in _parts(schema).values()):
                self._losses.add(at, "the common schema", "it speaks of every call; write its properties as a group")
            return
        if kind in TRAITS:
            schema, at = self._inside(schema, at, "traits")
            traits = SchemaReader(schema, self._losses).event(schema, kind)
            self._collector.add_traits(TRAITS[kind], traits, at)
            return
        self._losses.event = name = self._name(kind, rule, where)
        labels = schema.get("labels") if isinstance(schema.get("labels"), dict) else {}
        words = schema.get("description")
        self._labels(labels, schema, name, where, at)
        inner, at = self._inside(
            {k: v for k, v in schema.items() if k not in ("labels", "eventMetadata")}, at, "properties"
        )
        event = SchemaReader(schema, self._losses).event(inner, name, at)
        day = rule.get("deprecatedAt")
        ended = isinstance(day, str) and bool(day) and not day.startswith(_NEVER)
        area = labels.get("area")
        changes: dict[str, Any] = {"area": area if isinstance(area, str) else DEFAULT_AREA}
        if ended:
            changes["status"] = "deprecated"
        if isinstance(words, str) and words.strip():
            changes["summary"] = words
        self._collector.add(msgspec.structs.replace(event, **changes))
        for key in rule:
            if key not in _READ_OF_A_RULE | _BOOKKEEPING:
                self._losses.add(f"{where}/{key}", key, "the plan language has no word for it")

    def _name(self, kind: str, rule: dict[str, Any], where: str) -> str:
        key = rule.get("key") or ""
        if kind in ("PAGE", "SCREEN"):
            why = "page and screen calls have no plan of their own; it stands as an event of this name"
            self._losses.add(where, f"type: {kind}", why)
            key = key or kind.lower()
        return self._collector.name(str(key), f"{where}/key")

    def _labels(self, labels: dict[str, Any], schema: dict[str, Any], name: str, where: str, at: str) -> None:
        for label, value in labels.items():
            if label != "area":
                self._losses.add(f"{at}/labels/{label}", f"label {label}: {shown(value)}", "a plan has no free labels")
        metadata = schema.get("eventMetadata")
        called = metadata.get("name") if isinstance(metadata, dict) else None
        if called not in (None, "", name):
            why = "the key is what is sent, and the name of the event"
            self._losses.add(f"{at}/eventMetadata/name", f"the name {shown(called)}", why)

    def _inside(self, schema: dict[str, Any], at: str, part: str) -> tuple[dict[str, Any], str]:
        """The schema of `properties` or `traits`, where this is one of the whole call; else the schema itself."""
        parts = _parts(schema)
        if not parts:
            return schema, at
        for key, value in parts.items():
            if key != part and (value.get("properties") or value.get("required")):
                why = f"the plan speaks of {part} here, not of the rest of the call"
                self._losses.add(f"{at}/properties/{key}", key, why)
        return parts.get(part, {}), f"{at}/properties/{part}"


def _parts(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The parts of a call (context, traits, properties), if that is what a schema speaks of."""
    properties = schema.get("properties")
    if not isinstance(properties, dict) or not {"context", "traits", "properties"} & {*properties}:
        return {}
    parts = {key: value for key, value in properties.items() if isinstance(value, dict)}
    calls = {*parts} & {"context", "traits"}
    # An event may have a property called `traits`; a call names two of its parts or has `properties` with keys.
    nested = isinstance(parts.get("properties", {}).get("properties"), dict)
    return parts if len({*parts} & {"context", "traits", "properties"}) > 1 or (nested and not calls) else {}


def write_segment(plan: Plan) -> Exported:
    """One file, plan.json, as Typewriter reads it."""
    losses = Losses()
    plan_losses(plan, "Segment", losses, kept=("name", "summary"))
    rules = []
    for name, event in flat_events(plan).items():
        losses.event = name
        schema = SchemaWriter(losses, "Segment").event(event)
        deprecated = bool(schema.pop("deprecated", False))
        labels = {"labels": {"area": event.area}} if event.area else {}
        rules.append(_rule("TRACK", name, schema | labels, deprecated))
        report_event_words(event, losses, "Segment", status=("active", "deprecated"))
    for kind, tool_kind in (("user", "IDENTIFY"), ("account", "GROUP")):
        if kind in plan.traits:
            losses.event = f"traits of the {kind}"
            rules.append(_rule(tool_kind, "", SchemaWriter(losses, "Segment").object(plan.traits[kind], False), False))
    document = {"name": plan.name, "description": plan.summary, "rules": rules}
    return Exported(
        files={"plan.json": json.dumps(document, ensure_ascii=False, indent=2) + "\n"}, losses=tuple(losses.found)
    )


def _rule(kind: str, key: str, schema: dict[str, Any], deprecated: bool) -> dict[str, Any]:
    # Whole-call form, as the Public API has it: an event with a property `context` is then not mistaken for a call.
    part = "properties" if kind == "TRACK" else "traits"
    words = {name: schema[name] for name in ("description", "labels") if name in schema}
    inner = {name: value for name, value in schema.items() if name not in words}
    parts: dict[str, Any] = {"context": {}, "traits": {}, "properties": {}} | {part: inner}
    whole = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"} | words | {"properties": parts}
    rule = {"key": key, "type": kind, "version": 1, "jsonSchema": whole}
    return rule | {"deprecatedAt": "2000-01-01T00:00:00.000Z"} if deprecated else rule
