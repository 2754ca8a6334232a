"""How JSON reads back: the list in `plan_columns`, point by point, on both engines."""

from __future__ import annotations

import msgspec
import pytest

from trackway_collector.warehouse import Terminal, Warehouse
from trackway_collector.warehouse.plan_columns import MAX_DEPTH, json_type

NOON = "2026-05-01T12:00:00Z"


def store(warehouse: Warehouse, properties: str) -> None:
    """One event with these properties, given as JSON text."""
    row = b'{"timestamp":"%b","received_at":"%b","properties":%b}\n' % (
        NOON.encode(),
        NOON.encode(),
        properties.encode(),
    )
    warehouse.insert_rows("events", row, token=properties[:100], query_id=f"load-{hash(properties)}")


def one(warehouse: Warehouse, expression: str) -> object:
    return warehouse.query(f"SELECT {expression} FROM events").one()  # noqa: S608


@pytest.fixture
def typed(warehouse: Warehouse) -> Warehouse:
    """A warehouse with a typed path of its own, and one inside an object."""
    kinds = {"total": "Nullable(Float64)", "address.zip": "Nullable(String)"}
    warehouse.command(
        f"ALTER TABLE events MODIFY COLUMN properties {json_type(kinds)}".replace("`address.zip`", "address.zip")
    )
    return warehouse


@pytest.mark.parametrize("properties", ["{}", '{"total":null}', '{"other":{}}', '{"other":null}'])
def test_absent_is_null_and_never_0(typed: Warehouse, properties: str) -> None:
    """A typed path, and one nobody has heard of."""
    store(typed, properties)
    assert one(typed, "properties.total") is None
    assert one(typed, "properties.unheard_of") is None
    assert one(typed, "count(properties.total)") == 0


def test_a_dot_in_a_key_is_no_step_into_an_object(warehouse: Warehouse) -> None:
    """Both are kept, each under its own path."""
    store(warehouse, '{"a.b":1,"a":{"b":2}}')
    assert one(warehouse, "properties.`a%2Eb`") == 1
    assert one(warehouse, "properties.a.b") == 2


def test_a_value_beside_a_path_below_it(typed: Warehouse) -> None:
    """`{"address": 5}` fails no block and disturbs no typed `address.zip`."""
    store(typed, '{"address":5}')
    assert one(typed, "properties.address") == 5
    assert one(typed, "properties.address.zip") is None


@pytest.mark.parametrize("text", ["2026-05-01", "2026-05-01T12:00:00Z", "2026-05-01 12:00:00", "5", "true", "null", ""])
def test_text_without_a_type_stays_text(warehouse: Warehouse, text: str) -> None:
    """Whatever it looks like."""
    store(warehouse, msgspec.json.encode({"x": text}).decode())
    assert one(warehouse, "properties.x") == text
    assert one(warehouse, "dynamicType(properties.x)") == "String"


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (0, "Int64"),
        (-(2**63), "Int64"),
        (2**63 - 1, "Int64"),
        (2**64 - 1, "UInt64"),
        (1.5, "Float64"),
        (-0.25, "Float64"),
    ],
)
def test_numbers_without_a_type_are_exact(warehouse: Warehouse, number: float, kind: str) -> None:
    """Up to 64 bits."""
    store(warehouse, msgspec.json.encode({"x": number}).decode())
    assert one(warehouse, "properties.x") == number
    assert one(warehouse, "dynamicType(properties.x)") == kind


def test_the_first_of_a_key_sent_twice_is_kept(warehouse: Warehouse) -> None:
    """And the block does not fail."""
    store(warehouse, '{"x":1,"x":2}')
    assert one(warehouse, "properties.x") == 1


def test_ten_thousand_properties_are_kept(warehouse: Warehouse) -> None:
    """128 paths have columns of their own, the others share one; each reads back."""
    store(warehouse, msgspec.json.encode({f"k{number}": number for number in range(10_000)}).decode())
    assert one(warehouse, "length(JSONAllPaths(properties))") == 10_000
    assert [one(warehouse, f"properties.k{number}") for number in (0, 128, 5_000, 9_999)] == [
        0,
        128,
        5_000,
        9_999,
    ]


def test_deep_objects_are_kept_up_to_a_depth(warehouse: Warehouse) -> None:
    """`MAX_DEPTH` levels read back; the engine refuses a thousand, so `rows` must not send them."""
    store(warehouse, '{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH)
    assert one(warehouse, "properties." + ".".join("a" * MAX_DEPTH)) == 1
    with pytest.raises(Terminal):
        store(warehouse, '{"a":' * 1_100 + "1" + "}" * 1_100)


@pytest.mark.parametrize("value", ['"abc"', "[1]", '{"x":1}'])
def test_what_does_not_fit_its_type_fails_the_block(typed: Warehouse, value: str) -> None:
    """Which is why `rows` must put it into `misfits`."""
    with pytest.raises(Terminal) as raised:
        store(typed, f'{{"total":{value}}}')
    assert raised.value.name == "INCORRECT_DATA"


def test_lists_of_anything_are_kept(warehouse: Warehouse) -> None:
    """Mixed lists, and lists of objects."""
    store(warehouse, '{"items":[1,"a",null,{"sku":"b"}],"lines":[{"sku":"c"},{"sku":"d","n":2}]}')
    assert one(warehouse, "toJSONString(properties.items)") == '[1,"a",null,{"sku":"b"}]'
    assert one(warehouse, "properties.lines[].sku.:String") == ["c", "d"]


def test_odd_keys_are_kept(warehouse: Warehouse) -> None:
    """Empty, with quotes, with spaces, in other scripts."""
    keys = ["", "we`ird", 'quo"te', "with space", "ключ", "钥匙", "a/b", "x'y"]
    store(warehouse, msgspec.json.encode({key: number for number, key in enumerate(keys)}).decode())
    assert sorted(one(warehouse, "JSONAllPaths(properties)")) == sorted(keys)  # type: ignore[call-overload]
