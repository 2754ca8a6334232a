from __future__ import annotations

import copy
import json
import logging
import threading
from collections import OrderedDict, UserDict, deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway._events.arguments import Refused, encode_text
from trackway._events.payloads import object_body
from trackway._events.values import MAX_DEPTH, TOO_DEEP


class Tier(Enum):
    GOLD = "gold"


class Size(IntEnum):
    LARGE = 3


class Kind(StrEnum):
    NEW = "new"


class Shouting(str):
    def __str__(self) -> str:
        return "not the text"


class Money(float):
    pass


@dataclass
class Item:
    sku: str
    price: Decimal


class Point(msgspec.Struct):
    x: int


class Strange:
    def __str__(self) -> str:
        return "strange thing"


class Mute:
    def __str__(self) -> str:
        raise RuntimeError


def sent(value: Any) -> Any:
    return json.loads(object_body({"value": value}))["value"]


OUTCOMES: list[tuple[object, object]] = [
    (datetime(2026, 5, 19, 8, 30, tzinfo=UTC), "2026-05-19T08:30:00Z"),
    (datetime(2026, 5, 19, 8, 30, tzinfo=timezone(timedelta(hours=2))), "2026-05-19T08:30:00+02:00"),
    (datetime(2026, 5, 19, 8, 30), "2026-05-19T08:30:00"),  # noqa: DTZ001
    (date(2026, 5, 19), "2026-05-19"),
    (time(8, 30), "08:30:00"),
    (timedelta(minutes=90), "PT5400S"),
    (Decimal("12.50"), "12.50"),
    (Decimal("NaN"), "NaN"),
    (UUID("01890000-0000-7000-8000-000000000000"), "01890000-0000-7000-8000-000000000000"),
    (Tier.GOLD, "gold"),
    (Size.LARGE, 3),
    (Kind.NEW, "new"),
    (Item("tea", Decimal("3.20")), {"sku": "tea", "price": "3.20"}),
    (Point(7), {"x": 7}),
    (b"\xff\x00", "/wA="),
    (bytearray(b"a"), "YQ=="),
    ({"tea"}, ["tea"]),
    (frozenset({"tea"}), ["tea"]),
    (("tea", 2), ["tea", 2]),
    (deque(["tea"]), ["tea"]),
    (range(3), [0, 1, 2]),
    (OrderedDict(tea=1), {"tea": 1}),
    (UserDict(tea=1), {"tea": 1}),
    (float("nan"), None),
    (float("inf"), None),
    (2**63, 2**63),
    (-(2**100), -(2**100)),
    (10**5000, "<int too long>"),
    (Shouting("the text"), "the text"),
    (Money(1.5), 1.5),
    (PurePosixPath("/tmp/a"), "/tmp/a"),
    (np.int64(3), 3),
    (np.float64(1.5), 1.5),
    (np.float32("nan"), None),
    (np.bool_(True), True),
    (np.str_("tea"), "tea"),
    (np.array([1, 2]), [1, 2]),
    (np.datetime64("2026-05-19"), "2026-05-19"),
    (pd.Timestamp("2026-05-19T08:30:00Z"), "2026-05-19T08:30:00Z"),
    (pd.NaT, None),
    (pd.Series([1, 2]), [1, 2]),
    (1j, "1j"),
    (Strange(), "strange thing"),
    (Mute(), "<Mute>"),
    ({True: 1, None: 2, (1, 2): 3, 4: 5}, {"true": 1, "null": 2, "(1, 2)": 3, "4": 5}),
    ("\ud800 lone", "\ufffd lone"),
    ({"\ud800": Strange()}, {"\ufffd": "strange thing"}),
    ({"\ud800": {"sizes": {Size.LARGE}, "n": 2**70}}, {"\ufffd": {"sizes": [3], "n": 2**70}}),
]


@pytest.mark.parametrize(
    ("value", "expected"),
    OUTCOMES,
    ids=[f"{number}-{type(value).__name__}" for number, (value, _) in enumerate(OUTCOMES)],
)
def test_each_kind_of_value_has_its_outcome(value: object, expected: object) -> None:
    """The table at the top of `_values` is what happens."""
    assert sent(value) == expected


def test_a_value_inside_itself_is_cut_off() -> None:
    """A cycle does not take the event with it."""
    basket: dict[str, Any] = {"tea": 1}
    basket["basket"] = basket
    found = sent(basket)
    for _ in range(MAX_DEPTH - 2):
        assert found["tea"] == 1
        found = found["basket"]
    assert found["basket"] == TOO_DEEP


def test_a_value_that_is_a_million_levels_deep_is_cut_off() -> None:
    """Nor does depth."""
    deep: list[Any] = []
    for _ in range(1_000_000):
        deep = [deep]
    assert TOO_DEEP in json.dumps(sent(deep))
    while deep:  # freed level by level, or the interpreter recurses
        deep = deep.pop()


def test_a_generator_is_not_consumed() -> None:
    """Tracking looks at values and leaves them as they were."""
    numbers = (number for number in (1, 2))
    assert "generator" in sent(numbers)
    assert list(numbers) == [1, 2]


@pytest.mark.parametrize("value", [[1], "text", 7, "\ud800"], ids=["list", "text", "number", "surrogate"])
def test_what_is_no_mapping_is_refused(value: object) -> None:
    """Properties are an object on the wire; the rest is counted as dropped."""
    with pytest.raises(Refused) as caught:
        object_body(value)
    assert caught.value.reason == "not_an_object"


def test_a_dict_that_another_thread_changes_is_still_encoded() -> None:
    """A racing thread costs at most its own keys."""
    shared: dict[str, object] = {}
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            shared[f"key{number % 500}"] = Strange()
            shared.pop(f"key{(number + 250) % 500}", None)
            number += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            assert object_body(shared)
    finally:
        stop.set()
        thread.join()


def test_a_value_sent_as_text_is_logged_once_by_type_and_never_by_content(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Developers hear of it; what the value was stays out of the log."""

    class Passport:
        def __str__(self) -> str:
            return "secret number"

    with caplog.at_level(logging.DEBUG):
        assert sent([Passport(), Passport()]) == ["secret number", "secret number"]
    assert [record.message for record in caplog.records] == [
        "A value of type Passport was sent as text; convert it where it is tracked."
    ]


_LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.decimals() | st.datetimes() | st.dates()
)
_TEXT = st.text(st.characters(exclude_categories=()))
_TREES = st.recursive(
    _LEAVES | _TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXT | st.integers() | st.booleans() | st.none(), inner),
    max_leaves=20,
)


@given(st.dictionaries(_TEXT, _TREES))
def test_any_tree_of_values_becomes_json_and_stays_as_it_was(properties: dict[str, object]) -> None:
    """Whatever is in it, the event is JSON at the end, and the caller's dict is untouched."""
    before = copy.deepcopy(properties)
    assert isinstance(json.loads(object_body(properties)), dict)
    assert repr(properties) == repr(before)


@given(_TEXT)
def test_any_text_can_be_an_id(text: str) -> None:
    """Lone surrogates included."""
    expected = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert json.loads(encode_text(text)) == expected
