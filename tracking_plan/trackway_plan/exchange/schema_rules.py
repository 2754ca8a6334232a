"""`if … then` of JSON Schema as rules of an event: when a property has one of these values, others are required."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import SCALARS, PropertySpec, Rule
from ..verdict.fast import value_accepts

_ALLOWED_IN_IF = {"properties", "required", "type", "description", "title"}


def rule_of(schema: Mapping[str, Any], properties: Mapping[str, PropertySpec]) -> list[Rule] | str:
    """The rules of one `if`, `then`, `else`, or why there are none."""
    when = _when(schema["if"], properties)
    if isinstance(when, str):
        return when
    rules = []
    if "then" in schema:
        needed = _needed(schema["then"], properties)
        if isinstance(needed, str):
            return needed
        rules.append(Rule(when=when, then_required=needed))
    if "else" in schema:
        needed = _needed(schema["else"], properties)
        otherwise = _otherwise(when, properties)
        if isinstance(needed, str) or otherwise is None:
            return "what `else` asks for cannot be said"
        rules.append(Rule(when=otherwise, then_required=needed))
    return rules


def _when(condition: Any, properties: Mapping[str, PropertySpec]) -> dict[str, tuple[Any, ...]] | str:
    if (
        not isinstance(condition, dict)
        or {*condition} - _ALLOWED_IN_IF
        or not _is_filled(condition, "properties", dict)
    ):
        return "a rule compares properties with values, and knows no other condition"
    when = {}
    stated = condition.get("required", [])
    present = [
        *(stated if isinstance(stated, list) else ()),
        *(name for name, spec in properties.items() if spec.required),
    ]
    for name, schema in condition["properties"].items():
        values = (
            schema.get("enum", [schema["const"]] if "const" in schema else None) if isinstance(schema, dict) else None
        )
        if not isinstance(values, list) or not values or {*schema} - {"enum", "const", "type", "description", "title"}:
            return f"the condition on `{name}` is not a list of values"
        if name not in present:
            return f"the condition holds without `{name}` too; a rule waits for a value"
        spec = properties.get(name)
        if spec is None or spec.kind not in (*SCALARS, "union"):
            return f"`{name}` is no scalar property of the event"
        fitting = tuple(value for value in values if value_accepts(spec, value))
        if not fitting:
            return f"`{name}` never has the value"
        when[name] = fitting
    return when


def _needed(schema: Any, properties: Mapping[str, PropertySpec]) -> tuple[str, ...] | str:
    if (
        not isinstance(schema, dict)
        or {*schema} - {"required", "description", "title"}
        or not _is_filled(schema, "required", list)
    ):
        return "a rule can only make properties required"
    if unknown := [name for name in schema["required"] if not isinstance(name, str) or name not in properties]:
        return f"`{unknown[0]}` is no property of the event"
    return tuple(schema["required"])


def _is_filled(schema: Mapping[str, Any], key: str, kind: type[Any]) -> bool:
    return isinstance(schema.get(key), kind) and bool(schema[key])


def _otherwise(
    when: Mapping[str, tuple[Any, ...]], properties: Mapping[str, PropertySpec]
) -> dict[str, tuple[Any, ...]] | None:
    """The condition that holds when `when` does not; known where it is one required choice."""
    if len(when) != 1:
        return None
    ((name, values),) = when.items()
    spec = properties[name]
    rest = tuple(choice.value for choice in spec.choices if choice.value not in values)
    return {name: rest} if spec.kind == "choice" and spec.required and not spec.nullable and rest else None
