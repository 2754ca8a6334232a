"""The fast way never says yes where jsonschema says no, over every feature of the plan language."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from trackway_plan.model import (
    SCALARS,
    Choice,
    EventSpec,
    Plan,
    PropertySpec,
    Rule,
)
from trackway_plan.release import compile_release
from trackway_plan.schema import event_schema, schema_validator
from trackway_plan.validate import Shape, Validator

NAMES = ["a", "b", "total", "class", "__x", "_y", "p0", "p1", "a b", "a.b", "数据", "é", "e\u0301", "ſ", "😀", "self", "a/b~", 'q"', "b\\s"]
NUMBERS = [
    "0", "-0", "-0.0", "1", "1.0", "-1", "1.5", "0.1", "1e2", "1E-2", "2.0", "3", "5", "10", "15", "15.0", "100", "1e400", "-1e400",
    "9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "-9223372036854775809", "18446744073709551616", "9223372036854775807.0", "1e19", "1e308",
    "1.7976931348623157e308", "1.7976931348623159e308", str(2**1024 - 2**970), str(2**1024 - 2**970 - 1), str(2**1024), "1" + "0" * 400,
]  # fmt: skip
TEXTS = [
    "", "x", "ab", "abc", "USD", "USD\n", "usd", "١٢٣", "123", "12.50", "-3", "+3", "1e5", "1_0", " 1", "NaN", "Infinity", "0012.5000",
    "9" * 38, "9" * 39, "é", "e\u0301", "😀😀", "card", "wallet", "Card", "2026-03-01", "2026-02-29", "2024-02-29", "20260301", "0000-01-01",
    "2026-03-01T09:30:00Z", "2026-03-01T09:30:00", "2026-03-01T09:30:00+02:00", "2026-03-01 09:30:00Z", "2026-03-01T24:00:00Z",
    "2026-03-01T09:30:60Z", "2026-03-01T09:30:00.123456789Z", "2026-02-30T09:30:00Z", "2026-03-01T09:30:00z", "2026-W09-7T09:30:00Z",
    "mila@example.org", "mila@example", "https://example.org/a?b=1", "ftp://example.org", "127.0.0.1", "127.1", "::1", "fe80::1%eth0",
    "3f2b8c1e-0d4a-4f6b-9c2d-1e5a7b8c9d0e", "3f2b8c1e0d4a4f6b9c2d1e5a7b8c9d0e", "example.org", "exa_mple.org", "\u2028", "a\tb",
]  # fmt: skip
PATTERNS = ["^[A-Z]{3}$", r"\d+(\.\d+)?", "[^a]*", ".*", r"\w{1,3}", "a|b|ab", "😀+", "", r"[A-Za-z\-]+@[a-z.]+"]
FORMATS = [None, None, "email", "uuid", "url", "hostname", "ipv4", "ipv6"]
BROKEN = ['"\\ud800"', '"\\udc00x"', '"\\ud83d\\ude00"', '"\\u0000"', '"a\\u0062"', "{", "[1,]", "nul", '"\x01"', "01", "1.", ".5", "NaN"]

small = st.integers(0, 4)
sometimes = st.one_of


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


@st.composite
def scalar_specs(draw: st.DrawFn) -> PropertySpec:
    """A scalar with any of the constraints its kind takes."""
    kind = draw(st.sampled_from(SCALARS))
    limits: dict[str, Any] = {}
    if kind in ("string", "text"):
        limits = {
            "min_length": draw(optional(small)),
            "max_length": draw(optional(small)),
            "pattern": draw(optional(st.sampled_from(PATTERNS))),
            "format": draw(st.sampled_from(FORMATS)),
        }
    elif kind == "int":
        edges = st.one_of(st.integers(-3, 20), st.sampled_from([2**53 + 1, 2**63 - 1, -(2**63)]))
        limits = {"min": draw(optional(edges)), "max": draw(optional(edges)), "multiple_of": draw(optional(st.integers(1, 5)))}
    elif kind == "number":
        edges = st.one_of(
            st.integers(-3, 20),
            st.sampled_from([0.1, 2.5, 1e300, -1e300, 2**53 + 1, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 9007199254740992.0]),
        )
        limits = {"min": draw(optional(edges)), "max": draw(optional(edges))}
    elif kind == "decimal":
        edges = st.sampled_from(["0", "12.5", "-3", "1000", "0.1"])
        limits = {"min": draw(optional(edges)), "max": draw(optional(edges))}
    elif kind == "choice":
        values = draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4, unique=True))
        limits = {"choices": tuple(Choice(value=value) for value in values), "may_grow": draw(st.booleans())}
    return PropertySpec(kind=kind, **limits)


@st.composite
def specs(draw: st.DrawFn, depth: int = 2) -> PropertySpec:
    """Any property the language can state, lists, objects and unions included."""
    kind = draw(st.sampled_from(["scalar"] * 5 + ["union", "any"] + ["list", "object"] * (depth > 0)))
    spec = PropertySpec(kind="any")
    if kind == "scalar":
        spec = draw(scalar_specs())
    elif kind == "union":
        spec = PropertySpec(kind="union", any_of=tuple(draw(st.lists(scalar_specs(), min_size=2, max_size=3))))
    elif kind == "list":
        of = draw(optional(specs(depth=depth - 1)))
        spec = PropertySpec(kind="list", of=of, min_items=draw(optional(small)), max_items=draw(optional(small)))
    elif kind == "object":
        spec = PropertySpec(kind="object", properties=draw(optional(property_maps(depth - 1))))
    return msgspec.structs.replace(spec, nullable=draw(st.booleans()))


@st.composite
def property_maps(draw: st.DrawFn, depth: int) -> dict[str, PropertySpec]:
    """Properties under names of any script, some required."""
    names = draw(st.lists(st.sampled_from(NAMES), max_size=5, unique=True))
    return {
        name: msgspec.structs.replace(draw(specs(depth=depth)), name=name, required=draw(st.booleans())) for name in names
    }


@st.composite
def events(draw: st.DrawFn) -> EventSpec:
    """An event with properties and perhaps rules over its scalars."""
    properties = draw(property_maps(2))
    rules = []
    scalars = [name for name, spec in properties.items() if spec.kind in SCALARS]
    if scalars:
        plain = st.one_of(st.none(), st.booleans(), st.integers(-1, 3), st.just(1.0), st.sampled_from(TEXTS))
        for name in draw(st.lists(st.sampled_from(scalars), max_size=2, unique=True)):
            then = draw(st.lists(st.sampled_from(list(properties)), min_size=1, max_size=2, unique=True))
            values = tuple(draw(st.lists(plain, min_size=1, max_size=3)))
            rules.append(Rule(when={name: values}, then_required=tuple(then)))
    return EventSpec(name="seen", properties=properties, rules=tuple(rules))


@st.composite
def json_text(draw: st.DrawFn, spec: PropertySpec) -> str:
    """Raw JSON for a value: mostly near what the plan asks for, sometimes anything, sometimes not JSON at all."""
    way = draw(st.integers(0, 19))
    if way == 0:
        return draw(st.sampled_from(BROKEN))
    if way == 1:
        return draw(st.sampled_from([*NUMBERS, "true", "false", "null", "[]", "{}", '[[[{"a":1e400}]]]']))
    if spec.nullable and way == 2:
        return "null"
    kind = spec.kind
    if kind == "union":
        return draw(json_text(draw(st.sampled_from(spec.any_of))))
    if kind in ("int", "number"):
        edges = [str(bound) for bound in (spec.min, spec.max) if bound is not None]
        return draw(st.sampled_from([*edges, *NUMBERS, *NUMBERS[:14]]))
    if kind == "bool":
        return draw(st.sampled_from(["true", "false", "1", "0"]))
    if kind == "list":
        item = spec.of or PropertySpec(kind="any")
        return "[" + ", ".join(draw(st.lists(json_text(item), max_size=4))) + "]"
    if kind == "object":
        return draw(object_text(spec.properties if spec.properties is not None else {"a": PropertySpec(kind="any")}))
    if kind == "any":
        return draw(st.sampled_from(["null", "1.0", "[1, {}]", '{"a": {"a": 1, "a": 2}}', "1e400", '"\\ud800"', "18446744073709551616"]))
    fitting = [choice.value for choice in spec.choices] or TEXTS
    return json.dumps(draw(st.one_of(st.sampled_from(fitting), st.sampled_from(TEXTS))), ensure_ascii=draw(st.booleans()))


@st.composite
def object_text(draw: st.DrawFn, properties: dict[str, PropertySpec]) -> str:
    """Raw JSON for an object: planned keys, some left out, some twice, some unplanned, escaped or not."""
    pairs = []
    for name, spec in properties.items():
        for _ in range(draw(st.sampled_from([1, 1, 1, 1, 1, 1, 0, 2] if not spec.required else [1] * 12 + [0, 2]))):
            pairs.append((name, draw(json_text(spec))))
    if draw(st.integers(0, 11)) == 0:
        pairs.append((draw(st.sampled_from(NAMES)), draw(st.sampled_from(NUMBERS))))
    if draw(st.booleans()):
        pairs.reverse()
    return "{" + ",".join(f"{json.dumps(key, ensure_ascii=draw(st.booleans()))}:{value}" for key, value in pairs) + "}"


@st.composite
def cases(draw: st.DrawFn) -> tuple[EventSpec, bytes]:
    event = draw(events())
    return event, draw(object_text(event.properties)).encode("utf-8", "surrogatepass")


accepted = 0


@given(cases())
@settings(max_examples=600, deadline=None)
def test_what_the_fast_way_accepts_jsonschema_accepts(case: tuple[EventSpec, bytes]) -> None:
    """A yes of the msgspec decoder and its extra check is a yes of jsonschema on Python's own reading of the JSON."""
    event, raw = case
    if Shape(event.name, event.properties, event).accepts(raw):
        value = json.loads(raw)
        errors = [error.message for error in schema_validator(event_schema(event)).iter_errors(value)]
        assert errors == []


@given(cases())
@settings(max_examples=300, deadline=None)
def test_the_verdict_is_the_one_of_jsonschema(case: tuple[EventSpec, bytes]) -> None:
    """`check_track` says ok exactly when the JSON can be read and jsonschema finds nothing."""
    event, raw = case
    validator = Validator(compile_release(Plan(name="tea", events={event.name: event}), 1))
    verdict = validator.check_track(event.name, raw)
    try:
        value = json.loads(raw, parse_constant=lambda text: 1 / 0)
        readable = not _beyond_floats(value) and json.dumps(value, ensure_ascii=False).encode() is not None
    except (ValueError, ZeroDivisionError):
        readable = False
    if not readable:
        assert verdict.outcome == "quarantined"
        return
    errors = list(schema_validator(event_schema(event)).iter_errors(value))
    assert (verdict.outcome == "ok") == (not errors)
    assert (verdict.violations == ()) == (not errors)


def _beyond_floats(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_beyond_floats, value.values()))
    if isinstance(value, list):
        return any(map(_beyond_floats, value))
    return isinstance(value, float) and not math.isfinite(value)
