"""The fast way never says yes where jsonschema says no, over every feature of the plan language."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway_plan.model import (
    SCALARS,
    STRIPPABLE,
    Choice,
    EventSpec,
    Former,
    Plan,
    PropertySpec,
    Rule,
)
from trackway_plan.redact import Redactor, without
from trackway_plan.release import compile_release
from trackway_plan.verdict.fast import value_accepts
from trackway_plan.verdict.schema import event_schema, schema_validator
from trackway_plan.verdict.validator import UNREADABLE, Shape, Validator, Verdict

NAMES = [
    "a",
    "b",
    "total",
    "class",
    "__x",
    "_y",
    "p0",
    "p1",
    "a b",
    "a.b",
    "数据",
    "é",
    "e\u0301",
    "ſ",
    "😀",
    "self",
    "a/b~",
]
AWKWARD = ['q"', "b\\s"]  # names that msgspec cannot hold, so there is no fast way
NUMBERS = [
    "0",
    "-0",
    "-0.0",
    "1",
    "1.0",
    "-1",
    "1.5",
    "0.1",
    "1e2",
    "1E-2",
    "2.0",
    "3",
    "5",
    "10",
    "15",
    "15.0",
    "100",
    "1e400",
    "-1e400",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "-9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "9223372036854775807.0",
    "1e19",
    "1e308",
    "1.7976931348623157e308",
    "1.7976931348623159e308",
    str(2**1024 - 2**970),
    str(2**1024 - 2**970 - 1),
    str(2**1024),
    "1" + "0" * 400,
]
TEXTS = [
    "",
    "x",
    "ab",
    "abc",
    "USD",
    "USD\n",
    "usd",
    "١٢٣",
    "123",
    "12.50",
    "-3",
    "+3",
    "1e5",
    "1_0",
    " 1",
    "NaN",
    "Infinity",
    "0012.5000",
    "9" * 38,
    "9" * 39,
    "é",
    "e\u0301",
    "😀😀",
    "card",
    "wallet",
    "Card",
    "2026-03-01",
    "2026-02-29",
    "2024-02-29",
    "20260301",
    "0000-01-01",
    "2026-03-01T09:30:00Z",
    "2026-03-01T09:30:00",
    "2026-03-01T09:30:00+02:00",
    "2026-03-01 09:30:00Z",
    "2026-03-01T24:00:00Z",
    "2026-03-01T09:30:60Z",
    "2026-03-01T09:30:00.123456789Z",
    "2026-02-30T09:30:00Z",
    "2026-03-01T09:30:00z",
    "2026-W09-7T09:30:00Z",
    "mila@example.org",
    "mila@example",
    "https://example.org/a?b=1",
    "ftp://example.org",
    "127.0.0.1",
    "127.1",
    "::1",
    "fe80::1%eth0",
    "3f2b8c1e-0d4a-4f6b-9c2d-1e5a7b8c9d0e",
    "3f2b8c1e0d4a4f6b9c2d1e5a7b8c9d0e",
    "example.org",
    "exa_mple.org",
    "\u2028",
    "a\tb",
]
PATTERNS = [
    "^[A-Z]{3}$",
    r"\d+(\.\d+)?",
    "[^a]*",
    ".*",
    r"\w{1,3}",
    "a|b|ab",
    "😀+",
    "",
    r"[A-Za-z\-]+@[a-z.]+",
]
FORMATS = [None, None, "email", "uuid", "url", "hostname", "ipv4", "ipv6"]
BROKEN = [
    '"\\ud800"',
    '"\\udc00x"',
    '"\\ud83d\\ude00"',
    '"\\u0000"',
    '"a\\u0062"',
    "{",
    "[1,]",
    "nul",
    '"\x01"',
    "01",
    "1.",
    ".5",
    "NaN",
]

HASHED = "hmac-sha256:" + "0a" * 32
KEY = b"a key of the operator's own"

small = st.integers(0, 4)


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
        limits = {
            "min": draw(optional(edges)),
            "max": draw(optional(edges)),
            "multiple_of": draw(optional(st.integers(1, 5))),
        }
    elif kind == "number":
        edges = st.one_of(
            st.integers(-3, 20),
            st.sampled_from(
                [
                    0.1,
                    2.5,
                    1e300,
                    -1e300,
                    2**53 + 1,
                    2**53,
                    2**63 - 1,
                    2**63,
                    -(2**63) - 1,
                    2**64,
                    9007199254740992.0,
                ]
            ),
        )
        limits = {"min": draw(optional(edges)), "max": draw(optional(edges))}
    elif kind == "decimal":
        edges = st.sampled_from(["0", "12.5", "-3", "1000", "0.1"])
        limits = {"min": draw(optional(edges)), "max": draw(optional(edges))}
    elif kind == "choice":
        values = draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4, unique=True))
        former = [text for text in TEXTS if text not in values]
        olds = draw(st.lists(st.sampled_from(former), max_size=len(values), unique=True))
        choices = tuple(
            Choice(value=value, formerly=(olds[at],) if at < len(olds) else ()) for at, value in enumerate(values)
        )
        limits = {"choices": choices, "may_grow": draw(st.booleans())}
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
        if of is not None and of.store == "drop":
            of = msgspec.structs.replace(of, store="hash")  # the plan language has no list of dropped items
        spec = PropertySpec(kind="list", of=of, min_items=draw(optional(small)), max_items=draw(optional(small)))
    elif kind == "object":
        properties = draw(optional(property_maps(depth - 1)))
        spec = PropertySpec(kind="object", properties=properties, open=properties is not None and draw(st.booleans()))
    store = draw(st.sampled_from(["plain"] * 8 + ["hash", "drop"]))
    return msgspec.structs.replace(spec, nullable=draw(st.booleans()), store=store)


@st.composite
def property_maps(draw: st.DrawFn, depth: int) -> dict[str, PropertySpec]:
    """Properties under names of any script, some required."""
    known = NAMES + AWKWARD * (draw(st.integers(0, 9)) == 0)
    names = draw(st.lists(st.sampled_from(known), max_size=5, unique=True))
    return {
        name: msgspec.structs.replace(draw(specs(depth=depth)), name=name, required=draw(st.booleans()))
        for name in names
    }


@st.composite
def events(draw: st.DrawFn) -> EventSpec:
    """An event with properties and perhaps rules over its scalars."""
    properties = draw(property_maps(2))
    rules = []
    scalars = [name for name, spec in properties.items() if spec.kind in SCALARS]
    if scalars:
        anything = st.one_of(st.none(), st.booleans(), st.integers(-1, 3), st.just(1.0))
        for name in draw(st.lists(st.sampled_from(scalars), max_size=2, unique=True)):
            raw = [*map(json.dumps, TEXTS), *NUMBERS, "true", "false"]
            known = [json.loads(text) for text in fitting(properties[name], raw) if "1e4" not in text]
            values = draw(st.lists(st.one_of(st.sampled_from(known), anything), min_size=1, max_size=4))
            then = draw(st.lists(st.sampled_from(list(properties)), min_size=1, max_size=2, unique=True))
            rules.append(Rule(when={name: tuple(values)}, then_required=tuple(then)))
    formerly = draw(formers(properties))
    return EventSpec(
        name="seen", open=draw(st.booleans()), properties=properties, rules=tuple(rules), formerly=formerly
    )


@st.composite
def formers(draw: st.DrawFn, properties: dict[str, PropertySpec]) -> tuple[Former, ...]:
    """A former name of the event, perhaps, and of some properties: several of one, or one in use again."""
    found = [Former(event="spotted", through=draw(optional(small)))] * draw(st.booleans())
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True)) if properties else ():
        now = draw(st.sampled_from(list(properties)))
        if now != name:
            found.append(Former(property=name, now=now, through=draw(optional(small))))
    return tuple(found)


def under_present_names(event: EventSpec, value: Any) -> Any:
    """Properties as they are called now, by the rule the plan language states: the present, then the newest name."""
    if not isinstance(value, dict):
        return value
    renamed = dict(value)
    newest_first = sorted(event.formerly, key=lambda former: -(former.through or 2**62))
    for former in newest_first:
        if former.property in renamed and former.property not in event.properties and former.now not in renamed:
            renamed[former.now] = renamed.pop(former.property)
    return renamed


@st.composite
def json_text(draw: st.DrawFn, spec: PropertySpec) -> str:
    """Raw JSON for a value: mostly near what the plan asks for, sometimes anything, or no JSON."""
    way = draw(st.integers(0, 79))
    if way == 0:
        return draw(st.sampled_from(BROKEN))
    if way < 4:
        return draw(st.sampled_from([*NUMBERS, "true", "false", "null", "[]", "{}", '[[[{"a":1e400}]]]']))
    if spec.nullable and way < 12:
        return "null"
    if spec.store == "hash" and way > 50:
        return json.dumps(HASHED)
    kind = spec.kind
    if kind == "union":
        return draw(json_text(draw(st.sampled_from(spec.any_of))))
    if kind in ("int", "number"):
        edges = [str(bound) for bound in (spec.min, spec.max) if bound is not None]
        known = [*edges, *NUMBERS]
        return draw(st.sampled_from([*fitting(spec, known), *known] if way < 30 else fitting(spec, known)))
    if kind == "bool":
        return draw(st.sampled_from(["true", "false", "true", "false", "true", "false", "1", "0"]))
    if kind == "list":
        item = spec.of or PropertySpec(kind="any")
        return "[" + ", ".join(draw(st.lists(json_text(item), max_size=4))) + "]"
    if kind == "object":
        return draw(object_text(spec.properties if spec.properties is not None else {"a": PropertySpec(kind="any")}))
    if kind == "any":
        return draw(st.sampled_from(["null", "1.0", "[1, {}]", '{"a": {"a": 1, "a": 2}}', "18446744073709551616"]))
    known = [
        json.dumps(text, ensure_ascii=way % 2 == 0) for text in ([choice.value for choice in spec.choices] or TEXTS)
    ]
    return draw(st.sampled_from([*known, *map(json.dumps, TEXTS)] if way < 30 else fitting(spec, known)))


def fitting(spec: PropertySpec, known: list[str]) -> list[str]:
    """Those of some raw values that the plan should take, or all if it takes none of them."""
    return [raw for raw in known if value_accepts(spec, json.loads(raw))] or known


@st.composite
def object_text(draw: st.DrawFn, properties: dict[str, PropertySpec]) -> str:
    """Raw JSON for an object: planned keys, some left out, some twice, some unplanned, escaped or not."""
    pairs = []
    for name, spec in properties.items():
        for _ in range(draw(st.sampled_from([1, 1, 1, 1, 1, 1, 0, 2] if not spec.required else [1] * 12 + [0, 2]))):
            pairs.append((name, draw(json_text(spec))))
    if draw(st.integers(0, 9)) == 0:
        pairs.append((draw(st.sampled_from(NAMES)), draw(st.sampled_from([*NUMBERS, *BROKEN, "null", '{"a": []}']))))
    if draw(st.booleans()):
        pairs.reverse()
    return "{" + ",".join(f"{json.dumps(key, ensure_ascii=draw(st.booleans()))}:{value}" for key, value in pairs) + "}"


@st.composite
def cases(draw: st.DrawFn) -> tuple[EventSpec, bytes]:
    event = draw(events())
    sent = {former.now: former.property for former in event.formerly if former.property and draw(st.booleans())}
    properties = {sent.get(name, name): spec for name, spec in event.properties.items()}
    return event, draw(object_text(properties)).encode("utf-8", "surrogatepass")


def _spec(kind: str, **limits: Any) -> PropertySpec:
    return PropertySpec(name="v", kind=kind, **limits)


DIFFERENCES = [
    pytest.param(_spec("int"), b'{"v": 1.0}', "ok", id="an integer written 1.0"),
    pytest.param(_spec("int"), b'{"v": 9223372036854775808}', "quarantined", id="beyond 64 bits"),
    pytest.param(_spec("int", max=2**63 - 1), b'{"v": 9223372036854775807}', "ok", id="the last of 64 bits"),
    pytest.param(_spec("int", multiple_of=5), b'{"v": 15.0}', "ok", id="a multiple written 15.0"),
    pytest.param(_spec("number"), b'{"v": 1e400}', "quarantined", id="beyond a float"),
    pytest.param(_spec("number"), b'{"v": 1%s}' % (b"0" * 400), "quarantined", id="an integer beyond a float"),
    pytest.param(_spec("number", max=2**53), b'{"v": 9007199254740993}', "flagged", id="rounding under a maximum"),
    pytest.param(_spec("number", min=2**53 + 1), b'{"v": 9007199254740992.0}', "flagged", id="a bound no float has"),
    pytest.param(_spec("number", min=2**64), b'{"v": 9223372036854775807}', "flagged", id="a bound beyond 64 bits"),
    pytest.param(_spec("decimal"), b'{"v": 12.5}', "quarantined", id="a decimal as number"),
    pytest.param(_spec("decimal", max="12.5"), b'{"v": "12.500000000000000000001"}', "flagged", id="an exact bound"),
    pytest.param(_spec("timestamp"), b'{"v": "2026-03-01T09:30:00"}', "quarantined", id="no zone"),
    pytest.param(_spec("timestamp"), b'{"v": "2026-02-30T09:30:00Z"}', "quarantined", id="30 February"),
    pytest.param(_spec("date"), b'{"v": "20260301"}', "quarantined", id="a date without hyphens"),
    pytest.param(
        _spec("string", format="uuid"), b'{"v": "3f2b8c1e0d4a4f6b9c2d1e5a7b8c9d0e"}', "flagged", id="hex UUID"
    ),
    pytest.param(_spec("string", pattern="^[A-Z]{3}$"), b'{"v": "USD\\n"}', "flagged", id="a final newline"),
    pytest.param(_spec("string", max_length=1), '{"v": "😀"}'.encode(), "ok", id="length in code points"),
    pytest.param(_spec("string"), b'{"v": "\\ud800"}', "quarantined", id="a lone surrogate"),
    pytest.param(_spec("int"), b'{"v": "x", "v": 1}', "ok", id="a key twice: the last counts"),
    pytest.param(_spec("int"), b'{"v": 1, "v": "x"}', "quarantined", id="a key twice: the last is wrong"),
    pytest.param(_spec("bool"), b'{"v": 1}', "quarantined", id="1 is not true"),
    pytest.param(_spec("int"), b'{"v": true}', "quarantined", id="true is not 1"),
    pytest.param(_spec("any"), b'{"v": %s}' % (b"[" * 5000 + b"]" * 5000), "quarantined", id="very deep"),
]
"""Where msgspec, Python and JSON Schema differ: a property, the JSON, the verdict."""


@pytest.mark.parametrize(("spec", "raw", "outcome"), DIFFERENCES)
def test_known_differences_have_one_verdict(spec: PropertySpec, raw: bytes, outcome: str) -> None:
    """Values that msgspec and jsonschema see differently have the verdict the plan language states."""
    event = EventSpec(name="seen", properties={"v": spec})
    verdict = Validator(compile_release(Plan(name="tea", events={"seen": event}), 1)).check_track("seen", raw)
    assert verdict.outcome == outcome
    if outcome != "ok":
        assert not Shape("seen", {"v": spec}, event).accepts(raw)


@pytest.mark.parametrize(
    ("when", "value", "broken"),
    [
        ("wallet", '"wallet"', True),
        ("wallet", '"card"', False),
        (1, "1", True),
        (1, "1.0", True),
        (1, "true", False),
        (True, "1", False),
        (True, "true", True),
        (None, "null", True),
        (2**53 + 1, "9007199254740993", True),
        (2**53 + 1, "9007199254740992", False),
    ],
)
def test_a_rule_compares_as_json_does(when: Any, value: str, broken: bool) -> None:
    """In a rule 1 equals 1.0 and differs from true, and large integers are compared exactly."""
    parts = (_spec("string"), _spec("number"), _spec("bool"))
    kinds = [PropertySpec(kind="union", any_of=parts, nullable=True), _spec("any")]
    kinds += [_spec("number")] * (isinstance(when, int) and not isinstance(when, bool) and value[0].isdigit())
    for kind in kinds:
        properties = {"v": msgspec.structs.replace(kind, name="v"), "w": PropertySpec(name="w", kind="int")}
        event = EventSpec(name="seen", properties=properties, rules=(Rule(when={"v": (when,)}, then_required=("w",)),))
        validator = Validator(compile_release(Plan(name="tea", events={"seen": event}), 1))
        verdict = validator.check_track("seen", f'{{"v": {value}}}'.encode())
        assert [violation.code for violation in verdict.violations] == ["rule_failed"] * broken
        assert validator.check_track("seen", f'{{"v": {value}, "w": 1}}'.encode()).outcome == "ok"


OPEN = [
    pytest.param('{"v": 1, "more": true}', "ok", id="another key"),
    pytest.param('{"v": 1, "o": {"w": 2, "more": [1]}}', "ok", id="another key inside"),
    pytest.param('{"v": 1, "closed": {"more": 1}}', "flagged", id="another key inside what is closed"),
    pytest.param('{"v": "x", "more": true}', "quarantined", id="a planned key of the wrong type"),
    pytest.param('{"more": true}', "flagged", id="a planned key missing"),
    pytest.param('{"v": 1, "more": 1e400}', "quarantined", id="another key beyond a float"),
    pytest.param('{"v": 1, "more": "\\ud800"}', "quarantined", id="another key with a lone surrogate"),
]


@pytest.mark.parametrize(("raw", "outcome"), OPEN)
def test_an_open_event_takes_other_keys_that_are_json(raw: str, outcome: str) -> None:
    """`open: true` welcomes keys the plan does not mention, and leaves what it does mention as strict as before."""
    inner = {"w": _spec("int")}
    properties = {
        "v": PropertySpec(name="v", kind="int", required=True),
        "o": PropertySpec(name="o", kind="object", properties=inner, open=True),
        "closed": PropertySpec(name="closed", kind="object", properties=inner),
    }
    event = EventSpec(name="seen", open=True, properties=properties)
    validator = Validator(compile_release(Plan(name="tea", events={"seen": event}), 1))
    assert validator.check_track("seen", raw.encode()).outcome == outcome
    assert Shape("seen", properties, event).accepts(raw.encode()) == (outcome == "ok")
    assert validator.fast_events(None) == ()


@given(cases())
@settings(max_examples=500, deadline=None)
def test_what_the_fast_way_accepts_jsonschema_accepts(case: tuple[EventSpec, bytes]) -> None:
    """A yes of msgspec and the extra check, whatever the names, is a yes of jsonschema on Python's reading."""
    event, raw = case
    validator = Validator(compile_release(Plan(name="tea", events={event.name: event}), 1))
    shape = Shape(event.name, event.properties, event)
    asked = [shape, shape.as_sent(json.loads(raw) if _readable(raw) else {})]
    for name in validator.fast_events(None):
        struct, extra = validator.properties_type(name), validator.extra_check(name)
        assert struct is not None
        try:
            said = msgspec.json.decode(raw, type=struct)
        except UNREADABLE:
            continue
        assert (extra is not None and not extra(said)) or _errors(event, raw) == []
    for each in asked:
        assert not each.accepts(raw) or _errors(event, raw) == []


@given(cases(), st.booleans())
@settings(max_examples=250, deadline=None)
def test_the_verdict_is_the_one_of_jsonschema(case: tuple[EventSpec, bytes], former: bool) -> None:
    """`check_track` says ok exactly when the JSON can be read and jsonschema finds nothing, whatever the names."""
    event, raw = case
    validator = Validator(compile_release(Plan(name="tea", events={event.name: event}), 1))
    renamed = former and any(each.event for each in event.formerly)
    verdict = validator.check_track("spotted" if renamed else event.name, raw)
    if not _readable(raw):
        assert verdict.outcome == "quarantined"
        return
    errors = _errors(event, raw)
    assert (verdict.outcome == "ok") == (not errors)
    assert (verdict.violations == ()) == (not errors)


@given(cases())
@settings(max_examples=300, deadline=None)
def test_what_is_left_of_an_event_is_no_worse(case: tuple[EventSpec, bytes]) -> None:
    """After hash and drop an event has no violation that it had not before, and nothing is left to hash or drop."""
    event, raw = case
    release = compile_release(Plan(name="tea", events={event.name: event}), 1)
    validator, redactor = Validator(release), Redactor([release], KEY)
    before = validator.check_track(event.name, raw)
    try:
        left = bytes(redactor.properties(event.name, raw))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        assert before.outcome == "quarantined"
        return
    if not _readable(raw):
        return
    assert _kinds(validator.check_track(event.name, left)) <= _kinds(before)
    assert bytes(redactor.properties(event.name, left)) == left


@given(cases())
@settings(max_examples=300, deadline=None)
def test_what_the_collector_takes_as_it_is_needs_no_redaction(case: tuple[EventSpec, bytes]) -> None:
    """A yes of the `redacted` type and check is a yes of the verdict, and hash and drop would change nothing."""
    event, raw = case
    release = compile_release(Plan(name="tea", events={event.name: event}), 1)
    shape = Shape(event.name, event.properties, event)
    if shape.redacted_struct is None:
        return
    try:
        value = msgspec.json.decode(raw, type=shape.redacted_struct)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    if shape.redacted_extra is None or shape.redacted_extra(value):
        assert Validator(release).check_track(event.name, raw).outcome == "ok"
        assert msgspec.json.decode(bytes(Redactor([release], KEY).properties(event.name, raw))) == msgspec.json.decode(
            raw
        )


@given(cases())
@settings(max_examples=300, deadline=None)
def test_what_is_stripped_is_gone(case: tuple[EventSpec, bytes]) -> None:
    """Where the policy strips all that can be stripped, what is left breaks no such rule; nothing else is touched."""
    event, raw = case
    policy = {code.value: "strip" for code in STRIPPABLE}
    plan = Plan(name="tea", events={event.name: event}, on_violation=policy)
    validator = Validator(compile_release(plan, 1))
    verdict = validator.check_track(event.name, raw)
    if not _readable(raw):
        assert verdict.outcome == "quarantined"
        return
    left = bytes(without(raw, verdict.strip))
    assert not {code for code, _ in _kinds(validator.check_track(event.name, left))} & set(policy)
    assert verdict.strip or left == raw


def _kinds(verdict: Verdict) -> set[tuple[str, str]]:
    return {(violation.code, violation.path) for violation in verdict.violations}


def _errors(event: EventSpec, raw: bytes) -> list[str]:
    value = under_present_names(event, json.loads(raw))
    return [error.message for error in schema_validator(event_schema(event)).iter_errors(value)]


def _readable(raw: bytes) -> bool:
    """Whether this JSON can be stored: numbers finite and texts Unicode, under repeated keys too."""

    def number(text: str) -> float:
        if not math.isfinite(float(text)):
            raise ValueError(text)
        return float(text)

    try:
        pairs = json.loads(raw, parse_constant=number, parse_float=number, object_pairs_hook=list)
        json.dumps(pairs, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True
