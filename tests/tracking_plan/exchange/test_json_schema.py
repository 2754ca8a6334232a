"""JSON Schema read as the plan: what fits the schema fits the plan, and what is lost is told."""

from __future__ import annotations

from typing import Any

import pytest

from trackway_plan.exchange.json_schema import TooManySchemasError, event_from_schema, property_from_schema
from trackway_plan.model import Choice, EventSpec, PropertySpec, Rule


def _choices(*values: str) -> tuple[Choice, ...]:
    return tuple(Choice(value=value) for value in values)


EXACT = [
    ({}, PropertySpec(kind="any")),
    (True, PropertySpec(kind="any")),
    ({"type": "string", "minLength": 1, "maxLength": 9}, PropertySpec(kind="string", min_length=1, max_length=9)),
    ({"type": ["string", "null"], "description": "A"}, PropertySpec(kind="string", nullable=True, summary="A")),
    ({"type": "integer", "exclusiveMinimum": 0, "maximum": 9.5}, PropertySpec(kind="int", min=1, max=9)),
    ({"type": "integer", "minimum": 0, "exclusiveMinimum": True}, PropertySpec(kind="int", min=1)),
    ({"type": "integer", "maximum": 2**64}, PropertySpec(kind="int")),
    ({"type": "number", "minimum": 0.5}, PropertySpec(kind="number", min=0.5)),
    ({"type": "number", "multipleOf": 1}, PropertySpec(kind="int")),
    ({"type": ["integer", "number"]}, PropertySpec(kind="number")),
    ({"enum": [2, 1, 3]}, PropertySpec(kind="int", min=1, max=3)),
    ({"enum": ["a", "b", None]}, PropertySpec(kind="choice", choices=_choices("a", "b"), nullable=True)),
    ({"type": ["string", "null"], "enum": ["a"]}, PropertySpec(kind="choice", choices=_choices("a"))),
    ({"const": "a"}, PropertySpec(kind="choice", choices=_choices("a"))),
    ({"type": "string", "format": "date-time"}, PropertySpec(kind="timestamp")),
    ({"type": "string", "format": "date"}, PropertySpec(kind="date")),
    ({"type": "string", "format": "email"}, PropertySpec(kind="string", format="email")),
    ({"type": "string", "pattern": "a|b"}, PropertySpec(kind="string", pattern=".*(a|b).*")),
    ({"type": "string", "pattern": "^a$|^b"}, PropertySpec(kind="string", pattern="a|b.*")),
    ({"type": "string", "pattern": "^[a/]$"}, PropertySpec(kind="string", pattern="^[a\\/]$")),
    ({"type": "array", "items": {}}, PropertySpec(kind="list")),
    ({"type": "array", "items": {"type": "boolean"}}, PropertySpec(kind="list", of=PropertySpec(kind="bool"))),
    ({"type": "object"}, PropertySpec(kind="object")),
    ({"type": "object", "additionalProperties": False}, PropertySpec(kind="object", properties={})),
    (
        {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
        PropertySpec(kind="object", open=True, properties={"a": PropertySpec(name="a", kind="int", required=True)}),
    ),
    (
        {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]},
        PropertySpec(kind="string", max_length=5, nullable=True),
    ),
    (
        {"oneOf": [{"const": "a", "title": "First"}, {"const": "b"}]},
        PropertySpec(kind="choice", choices=(Choice(value="a", summary="First"), Choice(value="b"))),
    ),
    (
        {"type": ["string", "null", "integer"]},
        PropertySpec(kind="union", any_of=(PropertySpec(kind="string"), PropertySpec(kind="int")), nullable=True),
    ),
    (
        {"allOf": [{"type": "string", "minLength": 2}, {"minLength": 3, "maxLength": 9}]},
        PropertySpec(kind="string", min_length=3, max_length=9),
    ),
    ({"type": ["string", "integer", "number", "boolean", "object", "array", "null"]}, PropertySpec(kind="any")),
]


@pytest.mark.parametrize(("schema", "spec"), EXACT, ids=str)
def test_what_the_plan_language_can_say_is_read_exactly(schema: Any, spec: PropertySpec) -> None:
    """These schemas have a property of the same meaning, so nothing is reported."""
    found, losses = property_from_schema(schema)
    assert (found, losses) == (spec, [])


LOST = [
    ({"type": "string", "format": "uri"}, PropertySpec(kind="string"), "format: uri", "#/format"),
    ({"type": "string", "pattern": "\\s"}, PropertySpec(kind="string"), "pattern: \\s", "#/pattern"),
    ({"type": "string", "enum": ["", "a"]}, PropertySpec(kind="string"), "enum of 2", "#/enum"),
    ({"type": "number", "multipleOf": 0.01}, PropertySpec(kind="number"), "multipleOf: 0.01", "#/multipleOf"),
    ({"type": "number", "exclusiveMinimum": 0}, PropertySpec(kind="number", min=0), "exclusiveMinimum: 0", "#/minimum"),
    ({"enum": [200, 404]}, PropertySpec(kind="int", min=200, max=404), "enum: [200, 404]", "#/enum"),
    ({"type": ["string", "array"]}, PropertySpec(kind="any"), 'type: ["string", "array"]', "#/type"),
    ({"type": "null"}, PropertySpec(kind="any"), "type: null", "#/type"),
    ({"type": "money"}, PropertySpec(kind="any"), 'type: ["money"]', "#/type"),
    ({"type": "array", "uniqueItems": True}, PropertySpec(kind="list"), "uniqueItems: true", "#/uniqueItems"),
    ({"type": "array", "items": [{}, {}]}, PropertySpec(kind="list"), "items by position", "#/items"),
    ({"type": "object", "minProperties": 1}, PropertySpec(kind="object"), "minProperties: 1", "#/minProperties"),
    ({"type": "string", "default": "a"}, PropertySpec(kind="string"), "default: a", "#/default"),
    ({"$ref": "other.json"}, PropertySpec(kind="any"), "$ref other.json", "#"),
    ({"anyOf": [{"type": "array"}, {"type": "string"}]}, PropertySpec(kind="any"), "anyOf of 2", "#/anyOf"),
    (5, PropertySpec(kind="any"), "5", "#"),
]


@pytest.mark.parametrize(("schema", "spec", "what", "where"), LOST, ids=str)
def test_what_it_cannot_say_becomes_looser_and_is_reported(
    schema: Any, spec: PropertySpec, what: str, where: str
) -> None:
    """Each of these loses one thing, and the report names it and its place."""
    found, losses = property_from_schema(schema)
    assert found == spec
    assert [(loss.what, loss.where) for loss in losses] == [(what, where)]
    assert all(loss.why for loss in losses)


def test_an_event_is_open_unless_the_schema_closes_it() -> None:
    """Only `additionalProperties: false` makes other keys unplanned; without it the event says `open`."""
    schema = {"type": "object", "properties": {"sku": {"type": "string"}}, "description": "Tea was bought."}
    sku = {"sku": PropertySpec(name="sku", kind="string")}
    expected = EventSpec(name="tea", summary="Tea was bought.", open=True, properties=sku)
    assert event_from_schema(schema, "tea") == (expected, [])
    closed, losses = event_from_schema(schema | {"additionalProperties": False}, "tea")
    assert (closed.open, losses) == (False, [])


def test_conditions_become_rules() -> None:
    """`if` a required property has a value `then` others are required: a rule; `else` too where the rest is known."""
    schema = {
        "properties": {"by": {"enum": ["card", "wallet"]}, "brand": {}, "iban": {}},
        "required": ["by"],
        "if": {"properties": {"by": {"const": "wallet"}}},
        "then": {"required": ["brand"]},
        "else": {"required": ["iban"]},
        "allOf": [{"if": {"properties": {"by": {"enum": ["card"]}}}, "then": {"required": ["brand"]}}],
    }
    event, losses = event_from_schema(schema, "paid")
    assert losses == []
    assert event.rules == (
        Rule(when={"by": ("wallet",)}, then_required=("brand",)),
        Rule(when={"by": ("card",)}, then_required=("iban",)),
        Rule(when={"by": ("card",)}, then_required=("brand",)),
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {}}, "if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["a"]}},
        {"properties": {"a": {}}, "required": ["a"], "if": {"required": ["b"]}, "then": {"required": ["a"]}},
        {
            "properties": {"a": {"type": "string"}},
            "required": ["a"],
            "if": {"properties": {"a": {"const": "x"}}},
            "then": {"properties": {"b": {"type": "string"}}},
        },
    ],
)
def test_a_condition_that_is_no_rule_is_reported(schema: dict[str, Any]) -> None:
    """What a rule cannot say is left out, and told."""
    event, losses = event_from_schema(schema, "paid")
    assert event.rules == ()
    assert [loss.what for loss in losses] == ["if … then"]


def test_references_are_followed_and_circles_are_cut() -> None:
    """Local references, anchors and the own `$id` are read in place; a schema inside itself is left free."""
    schema = {
        "$id": "https://example.org/order",
        "type": "object",
        "properties": {
            "a": {"$ref": "#/definitions/text", "description": "Beside it."},
            "b": {"$ref": "https://example.org/order#name"},
            "c": {"$ref": "#"},
        },
        "additionalProperties": False,
        "definitions": {"text": {"type": "string"}, "n": {"$anchor": "name", "type": "integer"}},
    }
    event, losses = event_from_schema(schema, "order")
    assert event.properties["a"] == PropertySpec(name="a", kind="string", summary="Beside it.")
    assert event.properties["b"] == PropertySpec(name="b", kind="int")
    assert [(loss.where, loss.what) for loss in losses] == [("#/properties/c/properties/c", "$ref #")]


def test_references_that_multiply_end_in_an_error() -> None:
    """Ten levels of ten references each would be ten thousand million schemas."""
    definitions: dict[str, Any] = {"d0": {"type": "string"}}
    for level in range(1, 11):
        definitions[f"d{level}"] = {"properties": {f"p{i}": {"$ref": f"#/definitions/d{level - 1}"} for i in range(10)}}
    with pytest.raises(TooManySchemasError, match="20,000"):
        event_from_schema({"$ref": "#/definitions/d10", "definitions": definitions}, "bomb")


def test_a_schema_deeper_than_the_plan_allows_is_cut() -> None:
    """Below 20 levels any value fits, and the report says where."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(100):
        schema = {"type": "object", "properties": {"a": schema}}
    _, losses = event_from_schema(schema, "deep")
    assert [loss.what for loss in losses] == ["what is inside"]


def test_names_the_plan_refuses_are_mapped_and_told() -> None:
    """A name with a line break or spaces around it gets the nearest one that fits and that nobody has."""
    event, losses = event_from_schema({"properties": {" a ": {}, "a": {}, "b\nc": {}}, "required": [" a "]}, "x")
    assert list(event.properties) == ["a 2", "a", "b c"]
    assert event.properties["a 2"].required
    assert [loss.path for loss in losses] == [" a ", "b\nc"]
