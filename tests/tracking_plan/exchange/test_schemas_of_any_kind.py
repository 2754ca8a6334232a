"""Any JSON Schema, sound or not: it is read without a crash, and the plan is never stricter than the schema."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trackway_plan.exchange.assemble import Collector
from trackway_plan.exchange.json_schema import TooManySchemasError, event_from_schema
from trackway_plan.exchange.losses import Losses
from trackway_plan.verdict.validator import Shape

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(-5, 5)
    | st.sampled_from(["", "a", "object", "#", "#/a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "type"]), inner, max_size=3),
    max_leaves=6,
)
KEYWORDS = [
    *("type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength"),
    *("maxLength", "pattern", "format", "items", "minItems", "maxItems", "properties", "required", "allOf", "anyOf"),
    *("additionalProperties", "oneOf", "$ref", "if", "then", "else", "description", "title", "default", "x-trackway"),
    *("definitions", "$defs", "patternProperties", "examples", "deprecated", "$id", "$anchor", "uniqueItems", "not"),
]
TYPES = ["string", "integer", "number", "boolean", "null", "object", "array"]
VALUES = st.sampled_from(["a", "b", "", "ab", 0, 1, 2, 2.5, -1, 1.0, True, False, None, [], ["a"], [1], {}, {"p": 1}])


@st.composite
def nonsense(draw: st.DrawFn) -> Any:
    """Keywords with values that may or may not be theirs."""
    found = draw(st.dictionaries(st.sampled_from(KEYWORDS), JSON, max_size=5))
    for key in draw(st.lists(st.sampled_from(["a", "b"]), max_size=2)):
        inner = draw(nonsense()) if draw(st.integers(0, 3)) == 0 else draw(JSON)
        found["properties"] = {key: inner}
    return found


@st.composite
def schemas(draw: st.DrawFn, depth: int = 2) -> Any:
    """Sound schemas of draft 7, with what the plan can say and what it cannot."""
    schema: dict[str, Any] = {}
    if draw(st.integers(0, 9)) > 1:
        types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True))
        schema["type"] = types[0] if len(types) == 1 else types
    some = st.integers(0, 5)
    parts: dict[str, st.SearchStrategy[Any]] = {
        "enum": st.lists(VALUES, min_size=1, max_size=4, unique_by=repr),
        "minimum": st.sampled_from([0, 1.5, -1]),
        "maximum": st.sampled_from([2, 2.5]),
        "exclusiveMinimum": st.sampled_from([0, -0.5]),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "minLength": some,
        "maxLength": some,
        "pattern": st.sampled_from(["^a", "a|b", "^a$|b", "b$", "^(a|b)*$", "[^a]"]),
        "minItems": some,
        "maxItems": some,
        "uniqueItems": st.booleans(),
        "required": st.lists(st.sampled_from(["p", "q"]), unique=True),
        "additionalProperties": st.booleans(),
    }
    for key in draw(st.lists(st.sampled_from(list(parts)), max_size=3, unique=True)):
        schema[key] = draw(parts[key])
    if depth:
        inner = schemas(depth - 1)
        deeper = {
            "properties": st.dictionaries(st.sampled_from(["p", "q"]), inner, max_size=2),
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=3),
            "oneOf": st.lists(inner, min_size=1, max_size=3),
            "allOf": st.lists(inner, min_size=1, max_size=2),
        }
        for key in draw(st.lists(st.sampled_from(list(deeper)), max_size=2, unique=True)):
            schema[key] = draw(deeper[key])
    return schema


@given(nonsense())
@settings(max_examples=200, deadline=None)
def test_nonsense_is_read_without_a_crash(schema: Any) -> None:
    """Keywords with wrong values, circles and unknown references give an event that is a sound plan."""
    losses = Losses()
    collector = Collector(losses)
    try:
        event, _ = event_from_schema(schema, "x")
    except TooManySchemasError:
        return
    collector.add(event)
    assert collector.plan("p").plan.events["x"].name == "x"


@given(schemas(), st.dictionaries(st.sampled_from(["p", "q", "r"]), VALUES, max_size=3))
@settings(max_examples=400, deadline=None)
def test_what_fits_the_schema_fits_the_plan(schema: Any, value: dict[str, Any]) -> None:
    """The plan is never stricter than the schema it was read from, whatever was lost on the way."""
    schema = {**schema, "type": "object"}
    schema.pop("enum", None)
    assume(not list(jsonschema.Draft7Validator(schema).iter_errors(value)))
    event, losses = event_from_schema(schema, "x")
    # Read as one type where none is named: the one thing that makes a plan stricter, and it is always told.
    assume(not any("without `type`" in loss.why for loss in losses))
    found = Shape("x", event.properties, event).findings(json.dumps(value).encode())
    assert found == [], (event, losses)
