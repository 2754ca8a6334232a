"""Bad use: each row of docs/values.md, and every wrong argument of every call, through the tracker to the wire."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support.house import ROOT
from trackway import AsyncTracker, Tracker, __version__
from trackway._events.values import TOO_DEEP
from trackway.testing import FrozenClock, RecordingTransport

MakeTracker = Callable[..., Tracker]
PAGE = (ROOT / "docs" / "values.md").read_text("utf-8")
NOON = datetime(2026, 5, 19, 12, tzinfo=UTC)
CALLS = ("track", "identify", "page", "screen", "group", "alias")


def section(heading: str) -> str:
    return PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def rows(heading: str) -> list[tuple[str, str]]:
    """Return the last two cells of each row of a section's table: what is written, and what comes of it."""
    cells = [line.strip("| ").split(" | ") for line in section(heading).splitlines() if line.startswith("| ")]
    return [(row[-2].strip("`"), row[-1]) for row in cells[2:]]


VALUES = rows("Values of properties, traits and context")
ARGUMENTS = rows("Arguments of the calls")


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the page's examples use, by the page's own code."""
    found = re.search(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    defined: dict[str, Any] = {"__name__": "values"}
    exec(compile(found[1], "docs/values.md", "exec", dont_inherit=True), defined)  # noqa: S102 - the page is ours
    return defined


def wire(transport: RecordingTransport) -> list[dict[str, Any]]:
    """Return the events that were sent, read by a parser that knows no NaN."""

    def never(word: str) -> None:
        pytest.fail(f"{word} on the wire")

    return [
        event
        for request in transport.requests
        for event in json.loads(request.body.decode("utf-8"), parse_constant=never)["batch"]
    ]


@pytest.fixture
def tracker(make_tracker: MakeTracker, transport: RecordingTransport) -> Tracker:
    return make_tracker(transport=transport, clock=FrozenClock(NOON), compression="none")


@pytest.mark.parametrize(("written", "becomes"), VALUES, ids=[written for written, _ in VALUES])
@pytest.mark.parametrize("place", ["properties", "traits", "context"])
def test_each_row_of_the_table_of_values_is_true(
    tracker: Tracker, transport: RecordingTransport, names: dict[str, Any], written: str, becomes: str, place: str
) -> None:
    """The value comes out as the page says, wherever it is put."""

    value = eval(written, names)  # noqa: S307 - the page is ours
    if place == "properties":
        assert tracker.track("Paid", {"value": value}, user_id="ana")
    elif place == "traits":
        assert tracker.identify("ana", {"value": value})
    else:
        assert tracker.page("Cart", user_id="ana", context={"value": value})
    assert tracker.flush()
    assert wire(transport)[-1][place]["value"] == json.loads(becomes.strip("`"))


@pytest.mark.parametrize(("written", "becomes"), ARGUMENTS, ids=[written[8:] for written, _ in ARGUMENTS])
def test_each_row_of_the_table_of_arguments_is_true(
    tracker: Tracker, transport: RecordingTransport, names: dict[str, Any], written: str, becomes: str
) -> None:
    """The call returns the event's id and sends it as the page says, or None and counts the page's reason."""
    message_id = eval(written, {**names, "tracker": tracker})  # noqa: S307 - the page is ours
    assert tracker.flush()
    stats = tracker.stats()
    assert stats.balanced
    if dropped := re.fullmatch(r"dropped: `(\w+)`", becomes):
        assert message_id is None
        assert (dict(stats.dropped_by_reason), wire(transport)) == ({dropped[1]: 1}, [])
        return
    (event,) = wire(transport)
    expected = json.loads(becomes.strip("`").replace('"version": "…"', f'"version": "{__version__}"'))
    assert {name: event[name] for name in expected} == expected
    assert event["messageId"] == message_id


def test_depth_is_cut_off_and_generators_are_not_consumed(tracker: Tracker, transport: RecordingTransport) -> None:
    """A cycle, a thousand levels and a generator cost an event nothing but themselves."""
    cycle: dict[str, Any] = {"tea": 1}
    cycle["cycle"] = cycle
    deep: list[Any] = []
    for _ in range(1_000):
        deep = [deep]
    numbers = (number for number in (1, 2))
    for value in (cycle, deep, numbers):
        assert tracker.track("Paid", {"value": value, "note": "kept"}, user_id="ana")
    assert tracker.flush()
    sent = [event["properties"] for event in wire(transport)]
    assert [TOO_DEEP in json.dumps(properties["value"]) for properties in sent] == [True, True, False]
    assert sent[2]["value"].startswith("<generator object ")
    assert [properties["note"] for properties in sent] == ["kept"] * 3
    assert list(numbers) == [1, 2]


def test_the_tables_are_whole() -> None:
    """Every parameter of every call is in the table, and every reason for which a call drops an event."""
    written = " ".join(row for row, _ in ARGUMENTS)
    for call in CALLS:
        assert f"tracker.{call}(" in written
        for parameter in inspect.signature(getattr(Tracker, call)).parameters.values():
            if parameter.kind is parameter.KEYWORD_ONLY:
                assert f"{parameter.name}=" in written, f"{call}: {parameter.name}"
    said = {becomes for _, becomes in ARGUMENTS}
    for reason in ("no_event_name", "no_person", "bad_message_id", "not_an_object", "event_too_large"):
        assert f"dropped: `{reason}`" in said


class Refuses:
    """Raises at whatever it is asked."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __bool__(self) -> bool:
        raise RuntimeError

    def __len__(self) -> int:
        raise RuntimeError

    def __iter__(self) -> Any:
        raise RuntimeError


class RefusesAsDict(dict[str, object]):
    """A mapping that cannot be read."""

    def __iter__(self) -> Any:
        raise RuntimeError

    items = keys = values = __iter__


WRONG: list[Any] = [
    *(None, True, 7, -1, 2**70, 10**5000, 1.5, float("nan"), float("inf"), 1j, "", "x", " ", "\0", "\ud800", "x" * 200),
    *(b"", b"\xff", bytearray(b"x"), [], [1], (), {}, {"a": 1}, {1: {2}}, set(), {1}, frozenset(), range(3), object()),
    *(datetime(2026, 5, 19), datetime.min.replace(tzinfo=UTC), datetime.max, date(2026, 5, 19)),  # noqa: DTZ001, DTZ901
    *(Decimal("7"), Decimal("NaN"), np.int64(7), np.float64("nan"), np.array([1, 2]), np.array(7), np.array([])),
    *(pd.NA, pd.NaT, pd.Timestamp("2026-05-19"), pd.Series([1]), pd.DataFrame({"a": [1]}), np.datetime64("NaT")),
    *(Refuses(), Refuses, RefusesAsDict(a=1), lambda: 1, (n for n in [1]), ValueError("x"), UnicodeError, print),
]
PARAMETERS = [
    (call, name) for call in CALLS for name in inspect.signature(getattr(Tracker, call)).parameters if name != "self"
]


@pytest.mark.parametrize(("call", "parameter"), PARAMETERS, ids=lambda part: part)
@pytest.mark.parametrize("settings", [{}, {"on_violation": "drop"}], ids=["no-plan", "plan"])
def test_no_argument_raises(
    make_tracker: MakeTracker,
    transport: RecordingTransport,
    shop_release: Any,
    call: str,
    parameter: str,
    settings: dict[str, Any],
) -> None:
    """Any value as any argument: the event is sent as JSON or counted as dropped, and the SDK itself never fails."""
    plan = {"plan": shop_release} if settings else {}
    tracker = make_tracker(transport=transport, compression="none", flush_interval_s=60, **plan, **settings)
    required = {"track": {"event": "Paid"}, "group": {"group_id": "acme"}, "alias": {"previous_id": "device-1"}}
    for value in WRONG:
        message_id = getattr(tracker, call)(**{"user_id": "ana", **required.get(call, {}), parameter: value})
        assert message_id is None or isinstance(message_id, str)
    assert tracker.flush()
    stats = tracker.stats()
    assert (stats.enqueued, stats.balanced) == (len(WRONG), True)
    assert len(wire(transport)) == stats.acked
    assert set(stats.dropped_by_reason) <= {
        *("no_event_name", "no_person", "bad_message_id", "not_an_object", "unserialisable", "violation")
    }


TIMEOUTS = [*WRONG, 0, -3.5, 0.01, float("inf"), float("-inf")]


def test_no_timeout_raises(make_tracker: MakeTracker, transport: RecordingTransport) -> None:
    """A timeout that is no number is the usual one, one below zero is zero; nothing pending is no wait at all."""
    for timeout in TIMEOUTS:
        tracker = make_tracker(transport=transport)
        tracker.track("Paid", user_id="ana")
        tracker.flush()
        assert tracker.flush(timeout) is True
        assert tracker.close(timeout) is True


async def test_no_timeout_raises_in_a_loop(transport: RecordingTransport) -> None:
    """Nor there."""
    for timeout in TIMEOUTS:
        tracker = AsyncTracker("shop-key", transport=transport)
        tracker.track("Paid", user_id="ana")
        await tracker.flush()
        assert await tracker.flush(timeout) is True
        assert await tracker.close(timeout) is True


def test_in_a_scope_no_argument_raises_either(make_tracker: MakeTracker, transport: RecordingTransport) -> None:
    """What a scope binds may be as wrong as what a call is given."""
    tracker = make_tracker(transport=transport, compression="none", flush_interval_s=60)
    count = 0
    for name in ("user_id", "anonymous_id", "session_id", "context", "properties"):
        for value in WRONG:
            with tracker.scope(**{"user_id": "ana", name: value}):
                tracker.track("Paid", value, context=value)
                tracker.track("Paid", {"n": 1})
            count += 2
    assert tracker.flush()
    stats = tracker.stats()
    assert (stats.enqueued, stats.balanced) == (count, True)
    assert len(wire(transport)) == stats.acked


def test_the_log_says_what_is_wrong_with_a_call(make_tracker: MakeTracker, caplog: pytest.LogCaptureFixture) -> None:
    """Not only the name of a reason: whoever reads it has not read the settings page. No value is in it."""
    tracker = make_tracker(transport=RecordingTransport())
    tracker.track("Paid", {"note": "s3cret"})
    tracker.track("Paid", ["s3cret"], user_id="ana")  # type: ignore[arg-type]
    tracker.track("Paid", {"note": "s3cret" * 9_000}, user_id="ana")
    assert [record.getMessage() for record in caplog.records] == [
        "Dropped 1 event(s) so far: no_person (neither user_id nor anonymous_id, in the call or in a scope).",
        "Dropped 1 event(s) so far: not_an_object (properties, traits, context or integrations are no mapping).",
        "Dropped 1 event(s) so far: event_too_large (over 32 KiB as JSON).",
    ]
