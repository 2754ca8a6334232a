"""
Events and properties of the plan as JSON Schema that other programs read.

`schema` makes the schema that our validator runs, with keywords of our own; this one keeps to the standard. What has
no keyword goes under `x-trackway`, or, where a tool would not keep that, into the loss report.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..model import EventSpec, PropertySpec
from .extras import EVENT_EXTRAS, KEYWORD, PROPERTY_EXTRAS, EventExtras, property_extras
from .foreign_patterns import from_plan
from .losses import Losses
from .names import property_path
from .schema_scalars import URL_PATTERN

Schema = dict[str, Any]

DECIMAL_PATTERN = r"^-?[0-9]{1,38}(\.[0-9]{1,37})?$"
_TYPES = {"int": "integer", "number": "number", "bool": "boolean", "list": "array", "object": "object"}
_FORMATS = {"timestamp": "date-time", "date": "date"}


class SchemaWriter:
    """
    Writes schemas; with `extras` what JSON Schema cannot say stands under `x-trackway`, else `losses` hears of it.

    `conditions` says whether the reader knows `if`, which came with draft 7.
    """

    def __init__(self, losses: Losses, tool: str, *, extras: bool = False, conditions: bool = True) -> None:
        self.losses = losses
        self._tool = tool
        self._extras = extras
        self._conditions = conditions

    def event(self, event: EventSpec) -> Schema:
        """The schema of an event's properties, with its rules and, where they fit, its extras."""
        schema = self.object(event.properties, event.open)
        if event.summary:
            schema = {"description": event.summary} | schema
        if event.rules and self._conditions:
            schema["allOf"] = [_condition(rule.when, rule.then_required) for rule in event.rules]
        if event.status == "deprecated":
            schema["deprecated"] = True
        if event.examples and self._extras and self._conditions:
            schema["examples"] = list(event.examples)
        elif event.examples:
            self._lost("examples", "")
        if self._extras:
            extras = EventExtras(
                event=event.name,
                status="active" if event.status == "deprecated" else event.status,  # type: ignore[arg-type]
                rules=() if self._conditions else event.rules,
                **{name: getattr(event, name) for name in EVENT_EXTRAS},
            )
            schema[KEYWORD] = msgspec.to_builtins(extras)
        return schema

    def object(self, properties: Mapping[str, PropertySpec], is_open: bool, path: str = "") -> Schema:
        """The schema of an object with these properties."""
        schema: Schema = {
            "type": "object",
            "properties": {name: self.property(spec, property_path(path, name)) for name, spec in properties.items()},
        }
        if required := [name for name, spec in properties.items() if spec.required]:
            schema["required"] = required
        return schema | {"additionalProperties": is_open}

    def property(self, spec: PropertySpec, path: str) -> Schema:
        """The schema of one property."""
        schema = self._kind(spec, path)
        if spec.summary.strip():
            schema = {"description": spec.summary} | schema
        elif spec.summary:
            self._lost("a summary of spaces", path)
        extras = property_extras(spec)
        if extras and self._extras:
            return schema | {KEYWORD: extras}
        if extras:
            self._lost(", ".join(_told(spec, extras)), path)
        return schema

    def _kind(self, spec: PropertySpec, path: str) -> Schema:
        if spec.kind == "any":
            return {}
        if spec.kind == "union":
            parts = [self.property(part, path) for part in spec.any_of]
            return {"anyOf": [*parts, {"type": "null"}] if spec.nullable else parts}
        schema: Schema = {}
        if spec.kind == "object" and spec.properties is not None:
            schema = self.object(spec.properties, spec.open, path)
        elif spec.kind == "list" and spec.of is not None:
            schema = {"items": self.property(spec.of, f"{path}[]")}
        elif spec.kind == "choice":
            schema = {"enum": [choice.value for choice in spec.choices] + [None] * spec.nullable}
        json_type = _TYPES.get(spec.kind, "string")
        typed = {"type": [json_type, "null"] if spec.nullable else json_type}
        return schema | typed | self._limits(spec, path)

    def _limits(self, spec: PropertySpec, path: str) -> Schema:
        pattern = None if spec.pattern is None else from_plan(spec.pattern)
        form = spec.format or _FORMATS.get(spec.kind)
        if form == "url" and pattern is None:
            form, pattern = "uri", URL_PATTERN
        elif form == "url":
            self._lost("format: url beside a pattern", path)
            form = None
        if spec.kind == "decimal":
            return {"pattern": DECIMAL_PATTERN}
        limits = {
            "minLength": spec.min_length,
            "maxLength": spec.max_length,
            "pattern": pattern,
            "format": form,
            "minimum": spec.min,
            "maximum": spec.max,
            "multipleOf": spec.multiple_of,
            "minItems": spec.min_items,
            "maxItems": spec.max_items,
        }
        return {keyword: value for keyword, value in limits.items() if value is not None}

    def _lost(self, what: str, path: str) -> None:
        self.losses.add(self.losses.event, what, f"{self._tool} has no word for it", path)


def _condition(when: Mapping[str, tuple[Any, ...]], then_required: tuple[str, ...]) -> Schema:
    values = {name: {"enum": list(each)} for name, each in when.items()}
    return {"if": {"properties": values, "required": list(when)}, "then": {"required": list(then_required)}}


def _told(spec: PropertySpec, extras: Mapping[str, Any]) -> list[str]:
    told = [f"type: {spec.kind}"] if "kind" in extras else []
    told += [f"{name}: {getattr(spec, name)}" for name in ("min", "max", *PROPERTY_EXTRAS) if name in extras]
    return told + ["what its choices mean"] * ("choices" in extras)
