"""The compiled checks find what jsonschema finds: the same failures, in the same order, over the whole language."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.plan_strategies import plans
from tests.tracking_plan.test_one_verdict import cases
from trackway_plan.model import EventSpec, PropertySpec, Rule, ViolationCode
from trackway_plan.verdict.compiled import Checks, UnknownSchemaError
from trackway_plan.verdict.failures import Failure, Path, of_errors
from trackway_plan.verdict.schema import Schema, event_schema, object_schema, schema_validator
from trackway_plan.verdict.validator import UNREADABLE, Shape

HASH = "hmac-sha256:" + "0a" * 32

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([-1, 0, 1, 5, 1.0, 0.1, 2.5, 1e308, 2**1024]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
    st.sampled_from([HASH, "12.5", "2026-03-01", "2026-03-01T09:30:00Z", "a", "USD", "::1", "mila@example.org"]),
)


def values_of(names: list[str]) -> st.SearchStrategy[Any]:
    """Any JSON value, its keys mostly among `names`."""
    keys = st.one_of(st.sampled_from([*names, "v"]), st.text(max_size=3))
    return st.recursive(
        leaves, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner)), max_leaves=12
    )


def names_in(properties: dict[str, PropertySpec]) -> list[str]:
    """All names in a tree of properties."""
    inside = [spec.properties or (spec.of.properties if spec.of else None) or {} for spec in properties.values()]
    return [*properties, *(name for each in inside for name in names_in(each))]


def by_jsonschema(schema: Schema, value: Any) -> list[Failure]:
    """What jsonschema finds."""
    return list(of_errors(schema_validator(schema).iter_errors(value)))


@given(cases())
@settings(max_examples=500, deadline=None)
def test_events_have_the_failures_jsonschema_finds(case: tuple[EventSpec, bytes]) -> None:
    """Of events near the plan both find the same failures, in the same order, down to the parts of a union."""
    event, raw = case
    try:
        value = msgspec.json.decode(raw)
    except UNREADABLE:
        return
    schema = event_schema(event)
    assert repr(Checks(schema).failures(value)) == repr(by_jsonschema(schema, value))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_value_has_the_failures_jsonschema_finds(data: st.DataObject) -> None:
    """Of whole random plans, events and traits, and any JSON value at all, both find the same failures."""
    plan = data.draw(plans())
    shapes = [(event_schema(event), event.properties) for event in plan.events.values()]
    shapes += [(object_schema(traits), traits) for traits in plan.traits.values()]
    schema, properties = data.draw(st.sampled_from(shapes))
    checks = Checks(schema)
    for _ in range(3):
        value = data.draw(values_of(names_in(properties)))
        if isinstance(value, dict) and data.draw(st.booleans()):
            value |= {name: data.draw(values_of(names_in(properties))) for name in properties}
        assert repr(checks.failures(value)) == repr(by_jsonschema(schema, value))


@given(cases())
@settings(max_examples=150, deadline=None)
def test_findings_are_those_of_jsonschema(case: tuple[EventSpec, bytes]) -> None:
    """Code, path and sentence of every finding are the same, whoever looks."""
    event, raw = case
    try:
        value = msgspec.json.decode(raw)
    except UNREADABLE:
        return
    shape, other = (Shape(event.name, event.properties, event) for _ in range(2))
    assert shape.as_sent(value).schema_findings(value) == _only_jsonschema(other.as_sent(value)).schema_findings(value)


def _only_jsonschema(shape: Shape) -> Shape:
    shape._checks = Checks(shape.schema | {"minProperties": 0})
    return shape


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"uniqueItems": True}, [1]),
        ({"format": "phone"}, "x"),
        ({"type": "text"}, "x"),
        ({"enum": [[1]]}, [1]),
        ({"multipleOf": 0.5}, 1),
        ({"additionalProperties": {"type": "string"}}, {}),
        ({"properties": {"v": {"const": 1}}}, {"v": 1}),
        ({"type": "object"}, (1,)),
    ],
)
def test_what_is_not_known_is_not_guessed(schema: Schema, value: Any) -> None:
    """A keyword, format, type or value the compiled checks do not know is left to jsonschema."""
    with pytest.raises(UnknownSchemaError):
        Checks(schema).failures(value)


def test_jsonschema_judges_what_only_it_can() -> None:
    """A rule about values that are lists, which no plan file can say, is checked all the same."""
    properties = {name: PropertySpec(name=name, kind="any") for name in ("v", "w")}
    values: Any = ([1],)
    event = EventSpec(name="seen", properties=properties, rules=(Rule(when={"v": values}, then_required=("w",)),))
    shape = Shape("seen", properties, event)
    assert shape.schema_findings({"v": [1]}) == [("rule_failed", ("w",), "`w` is required when `v` is [1].")]
    assert shape.schema_findings({"v": [2]}) == []


def test_a_property_may_be_called_as_a_keyword_of_the_schema() -> None:
    """What misses inside a property called `then` or `allOf` is told as anywhere else."""
    inner = {"w": PropertySpec(name="w", kind="int", required=True)}
    names = ("then", "allOf", "if", "required")
    properties = {name: PropertySpec(name=name, kind="object", properties=inner) for name in names}
    event = EventSpec(name="seen", properties=properties)
    shape = _only_jsonschema(Shape("seen", properties, event))
    value: dict[str, Any] = {name: {} for name in names}
    expected = [("missing_required", (name, "w"), f"`{name}.w` is required and missing.") for name in names]
    assert shape.schema_findings(value) == expected
    assert Shape("seen", properties, event).schema_findings(value) == expected


def test_many_missing_properties_are_counted_once() -> None:
    """Of 30 properties that are missing 20 are told, and that there are 10 more."""
    properties = {f"p{n}": PropertySpec(name=f"p{n}", kind="int", required=True) for n in range(30)}
    untold: list[tuple[ViolationCode, Path]] = []
    found = Shape("seen", properties).schema_findings({}, untold)
    assert len(found) == 21
    assert found[-1] == ("missing_required", (), "There are 10 more violations of this kind.")
    assert untold == [("missing_required", (f"p{n}",)) for n in range(20, 30)]
