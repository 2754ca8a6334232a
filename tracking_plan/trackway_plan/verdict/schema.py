"""
The plan as JSON Schema (Draft 2020-12): what has the last word on an event.

Three things have no standard keyword: a pattern that matches the whole value (`pattern` is emitted anchored
and checked by our own matcher, because `$` in Python also matches before a final newline), and the bounds of
decimals (`decimalMinimum`, `decimalMaximum`), which are text. `format` is always asserted. What is written here,
`compiled` has to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..model import EventSpec, PropertySpec, Rule
from ..redact import HASHED_PATTERN, stored
from . import formats
from .patterns import matcher

if TYPE_CHECKING:
    from jsonschema.protocols import Validator as SchemaValidator

Schema = dict[str, Any]

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
FLOAT_END = 2**1024 - 2**970
"""The first integer that rounds to infinity as a 64-bit float."""

_HASHED_ELSE: Schema = {"if": {"type": "string", "pattern": f"^(?:{HASHED_PATTERN})$"}}

_JSON_TYPE = {"int": "integer", "number": "number", "bool": "boolean", "list": "array", "object": "object"}


def event_schema(event: EventSpec) -> Schema:
    """The schema of an event's `properties`, its rules included."""
    schema = object_schema(event.properties, event.open)
    if rules := checkable_rules(event):
        schema["allOf"] = [
            {
                "if": {
                    "properties": {name: {"enum": list(values)} for name, values in rule.when.items()},
                    "required": list(rule.when),
                },
                "then": {"required": list(rule.then_required)},
            }
            for rule in rules
        ]
    return schema


def checkable_rules(event: EventSpec) -> tuple[Rule, ...]:
    """
    The event's rules, without what would depend on who looks: values that are dropped or hashed on the way.

    `validate` refuses such rules in a plan; a release may be older than that.
    """
    how = {name: stored(spec) for name, spec in event.properties.items()}
    rules = []
    for rule in event.rules:
        then = tuple(name for name in rule.then_required if how.get(name) != "drop")
        if then and all(how.get(name, "plain") == "plain" for name in rule.when):
            rules.append(Rule(when=rule.when, then_required=then))
    return tuple(rules)


def object_schema(properties: Mapping[str, PropertySpec], is_open: bool = False) -> Schema:
    """The schema of an object that holds these properties and, unless it is open, no others."""
    schema: Schema = {
        "type": "object",
        "properties": {name: property_schema(spec) for name, spec in properties.items()},
    }
    if not is_open:
        schema["additionalProperties"] = False
    # What is dropped may have been dropped already.
    if required := [name for name, spec in properties.items() if spec.required and stored(spec) != "drop"]:
        schema["required"] = required
    return schema


def property_schema(spec: PropertySpec) -> Schema:
    """The schema of one value: what is dropped may be anything, and what is hashed may be its hash."""
    how = stored(spec)
    if how == "drop" or spec.kind == "any":
        return {}
    return _HASHED_ELSE | {"else": _plain_schema(spec)} if how == "hash" else _plain_schema(spec)


def _plain_schema(spec: PropertySpec) -> Schema:
    if spec.kind == "union":
        return {"anyOf": [property_schema(part) for part in spec.any_of] + [{"type": "null"}] * spec.nullable}
    schema: Schema = {}
    if spec.kind == "object" and spec.properties is not None:
        schema = object_schema(spec.properties, spec.open)
    if spec.kind == "list" and spec.of is not None:
        schema["items"] = property_schema(spec.of)
    if spec.kind == "choice":
        schema["enum"] = [*spec.values] + [None] * spec.nullable
    json_type = _JSON_TYPE.get(spec.kind, "string")
    schema["type"] = [json_type, "null"] if spec.nullable else json_type
    return schema | _limits(spec)


def _limits(spec: PropertySpec) -> Schema:
    limits: Schema = {
        "minLength": spec.min_length,
        "maxLength": spec.max_length,
        "pattern": None if spec.pattern is None else f"^(?:{spec.pattern})$",
        "format": spec.kind if spec.kind in formats.KIND_FORMATS else spec.format,
        "multipleOf": spec.multiple_of,
        "minItems": spec.min_items,
        "maxItems": spec.max_items,
    }
    if spec.kind == "decimal":
        limits |= {"decimalMinimum": spec.min, "decimalMaximum": spec.max}
    elif spec.kind == "int":
        # 64 bits are part of the type; narrower bounds are the plan's.
        limits |= {"minimum": INT_MIN, "maximum": INT_MAX}
        limits["allOf"] = _bounds(spec)
    elif spec.kind == "number":
        limits |= {"exclusiveMinimum": -FLOAT_END, "exclusiveMaximum": FLOAT_END}
        limits["allOf"] = _bounds(spec)
    return {keyword: value for keyword, value in limits.items() if value is not None}


def _bounds(spec: PropertySpec) -> list[Schema] | None:
    bounds = {keyword: value for keyword, value in (("minimum", spec.min), ("maximum", spec.max)) if value is not None}
    return [bounds] if bounds else None


def schema_validator(schema: Schema) -> SchemaValidator:
    """A jsonschema validator for a schema of this module; imports jsonschema, which takes 0.1 s."""
    import jsonschema

    checker = jsonschema.FormatChecker(formats=())
    for name, (check, _) in (formats.FORMATS | formats.KIND_FORMATS).items():
        checker.checks(name)(_for_text(check))
    extended: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
        jsonschema.Draft202012Validator,
        {
            "pattern": _keyword(lambda text, pattern: matcher(pattern[4:-2])(text)),
            "decimalMinimum": _keyword(formats.decimal_at_least),
            "decimalMaximum": _keyword(formats.decimal_at_most),
        },
    )
    validator: SchemaValidator = extended(schema, format_checker=checker)
    return validator


def _for_text(check: formats.Check) -> Any:
    return lambda value: not isinstance(value, str) or check(value)


def _keyword(check: Any) -> Any:
    def validate(_validator: Any, argument: Any, value: object, _schema: object) -> Iterator[Any]:
        from jsonschema import ValidationError

        if isinstance(value, str) and not check(value, argument):
            yield ValidationError(f"{value!r} fails {argument!r}")

    return validate
