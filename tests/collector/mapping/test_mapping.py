"""What a mapping makes of a record, and what it says of a file or a record that it cannot use."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway_collector.mapping import EventMapping, MappingError, Unmappable, parse_mapping

HEAD = "mapping: 1\nevent: order_completed\n"


def mapping(text: str) -> EventMapping:
    """The mapping of a text, with the usual head where it has none."""
    return parse_mapping(text if text.startswith("mapping:") else HEAD + text, "shop.yaml")


def value(written: str, record: dict[str, Any]) -> Any:
    """What one property is made of a record."""
    made = mapping(f"properties:\n  it: {written}\n").event(record)
    assert made is not None
    return made.get("properties", {}).get("it")


@pytest.mark.parametrize(
    ("written", "record", "expected"),
    [
        ("$amount", {"amount": 5}, 5),
        ("$Order total", {"Order total": "12"}, "12"),
        ("$customer.address.city", {"customer": {"address": {"city": "Porto"}}}, "Porto"),
        ("$customer.address.city", {"customer": "lina"}, None),
        ("$items[1].sku", {"items": [{"sku": "a"}, {"sku": "b"}]}, "b"),
        ("$items[-1].sku", {"items": [{"sku": "a"}, {"sku": "b"}]}, "b"),
        ("$items[7].sku", {"items": []}, None),
        ("""'$"odd.name"'""", {"odd.name": 1}, 1),
        ("web", {}, "web"),
        ("5", {}, 5),
        ("true", {}, True),
        ("order ${id} of ${who.name}", {"id": 7, "who": {"name": "lina"}}, "order 7 of lina"),
        ("order ${id}", {}, None),
        ("'$$5 and ${n}$$'", {"n": 1}, "$5 and 1$"),
        ("{constant: [1, a]}", {}, [1, "a"]),
        ("{template: 'no. ${n}'}", {"n": 1}, "no. 1"),
        ("{field: [nick, name]}", {"nick": "", "name": "Lina"}, "Lina"),
        ("{field: plan, default: free}", {}, "free"),
        ("{field: n, as: number}", {"n": "12.50"}, 12.5),
        ("{field: n, as: number}", {"n": "12.00"}, 12),
        ("{field: n, as: number}", {"n": " -3 "}, -3),
        ("{field: n, as: number}", {"n": "1234567890123456789"}, 1234567890123456789),
        ("{field: n, as: int}", {"n": "-1234567890123456789"}, -1234567890123456789),
        ("{field: n, as: int}", {"n": "18446744073709551615"}, 2**64 - 1),
        ("{field: n, as: number, decimal: ',', grouping: '.'}", {"n": "1.234,50"}, 1234.5),
        ("{field: n, as: number, divide_by: 100}", {"n": 1250}, 12.5),
        ("{field: n, as: int}", {"n": "7.0"}, 7),
        ("{field: n, as: decimal, divide_by: 100}", {"n": 1990}, "19.9"),
        ("{field: n, as: decimal}", {"n": "0.10"}, "0.10"),
        ("{field: n, as: decimal}", {"n": Decimal("1E+3")}, "1000"),
        ("{field: n, as: text}", {"n": 3.0}, "3"),
        ("{field: paid, as: bool}", {"paid": "Yes"}, True),
        ("{field: paid, as: bool}", {"paid": 0}, False),
        ("{field: s, as: [strip, lower]}", {"s": "  LOUD "}, "loud"),
        ("{field: s, as: json}", {"s": '{"a": [1]}'}, {"a": [1]}),
        ("{field: s, split: ','}", {"s": "a, b,,c"}, ["a", "b", "c"]),
        ("{field: s, values: {visa: card, 1: one}}", {"s": "visa"}, "card"),
        ("{field: s, values: {visa: card, 1: one}}", {"s": 1}, "one"),
        ("{field: s, values: {visa: card}}", {"s": "cash"}, "cash"),
        ("{field: day, as: date, format: '%d.%m.%Y'}", {"day": "03.04.2026"}, "2026-04-03"),
        ("{field: day, as: date}", {"day": date(2026, 4, 3)}, "2026-04-03"),
        ("{field: at, as: date, zone: Asia/Tokyo}", {"at": "2026-04-03T20:00:00Z"}, "2026-04-04"),
        ("{object: {city: $city, zip: $zip}}", {"city": "Porto"}, {"city": "Porto"}),
        ("{object: {city: $city}}", {}, None),
        ("{each: lines, item: {object: {sku: $id, n: $n}}}", {"lines": [{"id": "a", "n": 2}]}, [{"sku": "a", "n": 2}]),
        ("{each: lines, item: $id}", {"lines": [{"id": "a"}, {"id": "b"}]}, ["a", "b"]),
        ("[$a, $b, x]", {"a": 1}, [1, "x"]),
    ],
)  # fmt: skip
def test_a_value_comes_from_where_the_mapping_says(written: str, record: dict[str, Any], expected: Any) -> None:
    """Fields, templates, constants, objects and lists, with their conversions; what is missing is left out."""
    assert value(written, record) == expected


@pytest.mark.parametrize(
    ("options", "given_value", "expected"),
    [
        ("", "2026-11-23T10:00:00+01:00", datetime(2026, 11, 23, 9, tzinfo=UTC)),
        ("", "2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
        ("zone: Europe/Berlin", "2026-07-01 12:00:00", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("zone: Europe/Berlin, format: '%d.%m.%Y %H:%M'", "1.12.2026 12:00", datetime(2026, 12, 1, 11, tzinfo=UTC)),
        ("format: '%d/%b/%Y:%H:%M:%S %z'", "01/Dec/2026:12:00:00 +0200", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("format: '%Y-%m-%d %H:%M:%S.%f'", "2026-12-01 12:00:00.5", datetime(2026, 12, 1, 12, 0, 0, 500_000, UTC)),
        ("format: epoch_s", 1_795_000_000, datetime.fromtimestamp(1_795_000_000, UTC)),
        ("format: epoch_s", "1795000000.25", datetime.fromtimestamp(1_795_000_000.25, UTC)),
        ("format: epoch_ms", "1795000000001", datetime.fromtimestamp(1_795_000_000, UTC) + timedelta(milliseconds=1)),
        ("format: epoch_us", 1_795_000_000_000_000, datetime.fromtimestamp(1_795_000_000, UTC)),
        ("", datetime(2026, 1, 1, 5), datetime(2026, 1, 1, 5, tzinfo=UTC)),  # noqa: DTZ001 - Parquet has such
    ],
)  # fmt: skip
def test_a_time_is_read_as_it_is_written(options: str, given_value: Any, expected: datetime) -> None:
    """ISO 8601, patterns with a zone of their own or the mapping's, and seconds since 1970 with their fractions."""
    made = mapping(f"timestamp: {{field: at, as: timestamp, {options}}}\n").event({"at": given_value})
    assert made is not None
    assert made["timestamp"] == expected


@pytest.mark.parametrize(
    ("written", "record", "reason"),
    [
        ("{field: n, as: number}", {"n": "1,5"}, "properties.it: `n` is no number"),
        ("{field: n, as: number}", {"n": "NaN"}, "properties.it: `n` is no number"),
        ("{field: n, as: number}", {"n": float("inf")}, "properties.it: `n` is no number"),
        ("{field: n, as: number}", {"n": True}, "properties.it: `n` is no number"),
        ("{field: n, as: number, decimal: ','}", {"n": "1.5"}, "properties.it: `n` is no number"),
        ("{field: n, as: int}", {"n": "1.5"}, "properties.it: `n` has a fraction, and a whole number is wanted"),
        ("{field: n, as: bool}", {"n": "perhaps"}, "properties.it: `n` is neither true nor false"),
        ("{field: n, required: true}", {"n": ""}, "properties.it: `n` is missing"),
        ("{field: n, values: {a: b}, only: true}", {"n": "x"}, "properties.it: `n` is none of the values in the table"),
        ("{field: n, as: json}", {"n": "{"}, "properties.it: `n` is not JSON"),
        ("{field: n, as: timestamp}", {"n": 5}, "is a number; say what of"),
        ("{field: n, as: timestamp, format: '%d.%m.%Y'}", {"n": "31.02.2026"}, "is no time written as `%d.%m.%Y`"),
        ("{each: rows, item: {object: {n: {field: n, as: int}}}}", {"rows": [{"n": 1}, {"n": "secret"}]},
         "properties.it[1].n: `n` is no number"),
    ],
)  # fmt: skip
def test_a_record_that_does_not_fit_is_told_by_field_and_never_by_value(
    written: str, record: dict[str, Any], reason: str
) -> None:
    """The reason names the part of the event and the field of the record; the value, perhaps personal, stays out."""
    with pytest.raises(Unmappable) as raised:
        value(written, record)
    assert reason in str(raised.value)
    assert "secret" not in str(raised.value)


def test_the_event_is_chosen_by_the_record() -> None:
    """The first rule whose `when` holds makes the event; what stands at the top of the file holds for all rules."""
    found = mapping(
        """\
mapping: 1
messageId: $id
userId: $data.customer
properties: {currency: {field: data.currency, as: upper}}
events:
  - when: {type: charge.succeeded, data.amount: {not: 0}}
    event: order_paid
    properties: {total: {field: data.amount, as: decimal, divide_by: 100}}
  - when: {type: [charge.refunded, charge.disputed]}
    event: order_refunded
  - when: {type: {matches: "customer\\\\..*"}, data.email: {present: true}}
    type: identify
    traits: {email: $data.email}
  - when: {type: ping}
    skip: true
"""
    )
    paid = {"id": "evt_1", "type": "charge.succeeded", "data": {"customer": 7, "currency": "eur", "amount": 1250}}
    assert found.event(paid) == {
        "type": "track",
        "event": "order_paid",
        "messageId": "evt_1",
        "userId": "7",
        "properties": {"currency": "EUR", "total": "12.5"},
    }
    refunded = found.event(paid | {"type": "charge.disputed"})
    assert refunded is not None
    assert refunded["event"] == "order_refunded"
    told = found.event({"id": "evt_2", "type": "customer.created", "data": {"customer": "c", "email": "l@example.org"}})
    assert told is not None
    assert (told["type"], told["traits"]) == ("identify", {"email": "l@example.org"})
    assert found.event({"type": "ping"}) is None
    with pytest.raises(Unmappable, match="no rule of `events` is for this record"):
        found.event({"id": "evt_3", "type": "charge.succeeded", "data": {"amount": 0}})


def test_an_event_can_be_mended() -> None:
    """With `base: record` all that the mapping does not touch stays, and so do records that no rule is for."""
    found = mapping(
        """\
mapping: 1
base: record
rename: {properties.totl: properties.total}
drop: [properties.debug]
events:
  - when: {event: order_completd}
    event: order_completed
    properties: {total: {field: properties.total, as: number}}
"""
    )
    sent: dict[str, Any] = {"type": "track", "event": "order_completd", "messageId": "m-1", "userId": "lina",
            "properties": {"totl": "5.50", "debug": 1, "coupon": "SPRING"}}  # fmt: skip
    assert found.event(sent) == {
        "type": "track",
        "event": "order_completed",
        "messageId": "m-1",
        "userId": "lina",
        "properties": {"total": 5.5, "coupon": "SPRING"},
    }
    other = {"type": "track", "event": "other", "messageId": "m-2", "properties": {"a": 1}}
    assert found.event(other) == other
    assert sent["properties"]["totl"] == "5.50", "the record itself is left alone"


def test_the_rest_of_a_record_can_become_properties() -> None:
    """`*` takes in the members of the record or of an object in it; what is named beside it comes on top."""
    found = mapping('properties: {"*": {except: [id, when]}, source: csv}\nmessageId: $id\n')
    made = found.event({"id": "1", "when": "x", "a": 1, "b": None, "source": "shop"})
    assert made is not None
    assert made["properties"] == {"a": 1, "source": "csv"}
    inner = mapping('properties: {"*": $data}\n').event({"data": {"a": 1}})
    assert inner is not None
    assert inner["properties"] == {"a": 1}


def test_the_id_follows_from_the_record() -> None:
    """Of chosen fields it is the same while they are; without any it is that of the whole record, key order aside."""
    by_field = mapping("messageId: {of: [order_id]}\n")
    first, second = by_field.event({"order_id": "A-1", "n": 1}), by_field.event({"order_id": "A-1", "n": 2})
    other = by_field.event({"order_id": "A-2", "n": 1})
    assert first
    assert second
    assert other
    assert first["messageId"] == second["messageId"] != other["messageId"]
    whole = mapping("")
    one, two = whole.event({"a": 1, "b": 2}), whole.event({"b": 2, "a": 1})
    assert one
    assert two
    assert one["messageId"] == two["messageId"]
    for record in ({}, {"order_id": ""}):
        with pytest.raises(Unmappable, match="order_id"):
            by_field.event(record)
    with pytest.raises(Unmappable, match="messageId: is missing"):
        mapping("messageId: $id\n").event({})


@given(
    st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=9), max_size=6)
)
def test_any_record_becomes_an_event_or_is_told_why_not(record: dict[str, Any]) -> None:
    """No record makes a mapping raise anything but `Unmappable`."""
    written = """\
userId: $a
timestamp: {field: b, as: timestamp, zone: Europe/Berlin}
rename: {c: d}
properties: {"*": $, n: {field: d, as: number}, t: "${a}-${b}", j: {field: "e.f[0]", as: json}}
"""
    found = mapping(written)
    with contextlib.suppress(Unmappable):
        assert found.event(record)


WRONG = [
    ("evnt: x\n", "shop.yaml:3:1: a mapping has no key `evnt`. Did you mean `event`?"),
    ("properties: {a: {feld: b}}\n", "shop.yaml:3:17: `a` does not say where its value comes from."),
    ("properties: {a: {field: b, as: nmber}}\n", "`as` of `a` is `nmber`. Did you mean `number`?"),
    ("properties: {a: {field: b, as: text, zone: UTC}}\n", "`zone` of `a` is for `as: timestamp or date`."),
    ("timestamp: {field: b, as: timestamp, format: iso8601}\n", "`format` is `iso8601`."),
    ("timestamp: {field: b, as: timestamp, zone: Mars}\n", "`zone` is `Mars`, which the zone database does not know."),
    ("timestamp: now\n", "`timestamp` is a field."),
    ("userId: $a..b\n", "`a..b` is no path"),
    ("userId: $\n", "a field is missing here."),
    ("properties: {a: 'x ${a[b]}'}\n", "is no path"),
    ("otherwise: skip\n", "`otherwise` is about records that no rule of `events` is for."),
    ("events: []\n", "`events` has no rules."),
    ("events: [{when: {a: {matches: '('}}, event: x}]\n", "`matches` is no regular expression"),
    ("events: [{when: {a: {is: 1}}, event: x}]\n", "a condition has no key `is`."),
    ("rename: {a: 'b[0]'}\n", "`b[0]` names a place in a list; a value can be moved to a name only."),
    ("csv: {delimiter: '||'}\n", "`delimiter` is one character."),
    ("csv: {encoding: utf-16}\n", "`encoding` is `utf-16`."),
    ("properties: {a: {field: n, as: number, divide_by: 0}}\n", "`divide_by` is a number other than 0."),
    ("properties: {a: {field: n, as: number, grouping: .}}\n", "`decimal` and `grouping` are the same character."),
    ("mapping: 2\nevent: x\n", "`mapping` is the version of the language, 1."),
    ("mapping: 1\nuserId: $a\n", "the event has no name."),
    ("- a\n", "a mapping must be a mapping, not a list."),
    ("mapping: 1\nevent: x\n  bad\n\t: y\n", "this is not YAML: found a tab"),
]


@pytest.mark.parametrize(("text", "expected"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_mapping_says_where_and_how_to_mend(text: str, expected: str) -> None:
    """Everything that is wrong with a mapping is told by file, line and column before any record is looked at."""
    with pytest.raises(MappingError) as raised:
        parse_mapping(text if text.startswith(("mapping:", "- ")) else HEAD + text, "shop.yaml")
    assert expected in str(raised.value), str(raised.value)
    assert str(raised.value).startswith("shop.yaml:")
