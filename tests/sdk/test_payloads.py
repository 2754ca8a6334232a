from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any

import pandas
import pytest

from trackway import Tracker, __version__
from trackway.testing import FrozenClock, RecordingTransport

NOON = datetime(2026, 5, 19, 12, tzinfo=UTC)
LIBRARY = {"library": {"name": "trackway-python", "version": __version__}}
MakeTracker = Callable[..., Tracker]


@pytest.fixture
def tracker(make_tracker: MakeTracker, transport: RecordingTransport) -> Tracker:
    return make_tracker(transport=transport, clock=FrozenClock(NOON))


def only_event(tracker: Tracker, transport: RecordingTransport) -> dict[str, Any]:
    assert tracker.flush()
    (event,) = transport.events
    return event


def test_track_has_segments_shape(tracker: Tracker, transport: RecordingTransport) -> None:
    """Type, name, ids, microsecond timestamp, properties and the library, and nothing else."""
    message_id = tracker.track("Order Completed", {"total": "12.50"}, user_id="ana")
    assert only_event(tracker, transport) == {
        "type": "track",
        "event": "Order Completed",
        "messageId": message_id,
        "timestamp": "2026-05-19T12:00:00.000000Z",
        "userId": "ana",
        "properties": {"total": "12.50"},
        "context": LIBRARY,
    }


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda tracker: tracker.identify("ana", {"email": "ana@example.com"}, anonymous_id="device-1"),
            {
                "type": "identify",
                "userId": "ana",
                "anonymousId": "device-1",
                "traits": {"email": "ana@example.com"},
            },
        ),
        (
            lambda tracker: tracker.identify(anonymous_id="device-1"),
            {"type": "identify", "anonymousId": "device-1", "traits": {}},
        ),
        (
            lambda tracker: tracker.page("Cart", {"path": "/cart"}, user_id="ana"),
            {"type": "page", "name": "Cart", "userId": "ana", "properties": {"path": "/cart"}},
        ),
        (
            lambda tracker: tracker.screen("Seat Map", anonymous_id="device-1"),
            {"type": "screen", "name": "Seat Map", "anonymousId": "device-1", "properties": {}},
        ),
        (
            lambda tracker: tracker.group("acme", {"plan": "team"}, user_id="ana"),
            {"type": "group", "groupId": "acme", "userId": "ana", "traits": {"plan": "team"}},
        ),
        (
            lambda tracker: tracker.alias("device-1", "ana"),
            {"type": "alias", "previousId": "device-1", "userId": "ana"},
        ),
        (
            lambda tracker: tracker.track("Paid", user_id=7),
            {"type": "track", "event": "Paid", "userId": "7", "properties": {}},
        ),
        (
            lambda tracker: tracker.track('Say "Ü"', user_id='a"b', integrations={"All": False}),
            {
                "type": "track",
                "event": 'Say "Ü"',
                "userId": 'a"b',
                "properties": {},
                "integrations": {"All": False},
            },
        ),
    ],
    ids=["identify", "anonymous", "page", "screen", "group", "alias", "number-as-id", "quotes"],
)
def test_each_call_has_its_members(
    tracker: Tracker,
    transport: RecordingTransport,
    call: Callable[[Tracker], str | None],
    expected: dict[str, Any],
) -> None:
    """The six calls differ only in what they are about."""
    message_id = call(tracker)
    common = {"messageId": message_id, "timestamp": "2026-05-19T12:00:00.000000Z", "context": LIBRARY}
    assert only_event(tracker, transport) == expected | common


def test_context_is_added_to_ours(tracker: Tracker, transport: RecordingTransport) -> None:
    """
    The caller's members stand beside the library; `session_id` is a short way to write `context.sessionId`.
    """
    tracker.track("Paid", user_id="ana", context={"ip": "203.0.113.7"}, session_id="visit-1")
    context = only_event(tracker, transport)["context"]
    assert context == LIBRARY | {"ip": "203.0.113.7", "sessionId": "visit-1"}


def test_an_importer_may_name_the_library_an_event_came_from(tracker: Tracker, transport: RecordingTransport) -> None:
    """Events of another client keep its name when they are sent again through this one."""
    tracker.track("Paid", user_id="ana", context={"library": {"name": "analytics.js", "version": "4"}})
    assert only_event(tracker, transport)["context"] == {"library": {"name": "analytics.js", "version": "4"}}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (
            datetime(2026, 5, 19, 10, 0, 0, 1, tzinfo=timezone(timedelta(hours=2))),
            "2026-05-19T08:00:00.000001Z",
        ),
        (datetime(2026, 5, 19, 10), "2026-05-19T10:00:00.000000Z"),  # noqa: DTZ001
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "0001-01-01T00:00:00.000000+02:00"),
        ("2026-05-19T10:00:00+02:00", "2026-05-19T10:00:00+02:00"),
        ("yesterday", "yesterday"),
    ],
    ids=["zone", "no-zone", "year-1", "text", "nonsense"],
)
def test_a_timestamp_can_be_given(
    tracker: Tracker, transport: RecordingTransport, given: datetime | str, sent: str
) -> None:
    """A datetime goes out in UTC; text goes out as it is, and the collector judges it."""
    tracker.track("Paid", user_id="ana", timestamp=given)
    assert only_event(tracker, transport)["timestamp"] == sent


def test_a_message_id_can_be_given(tracker: Tracker, transport: RecordingTransport) -> None:
    """A program that may run twice gives its own ids, and the collector keeps one of each."""
    assert tracker.track("Paid", user_id="ana", message_id="order-17") == "order-17"
    assert only_event(tracker, transport)["messageId"] == "order-17"


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda tracker: tracker.track("Paid"), "no_person"),
        (lambda tracker: tracker.track("Paid", user_id="", anonymous_id=""), "no_person"),
        (lambda tracker: tracker.identify(), "no_person"),
        (lambda tracker: tracker.group(None, user_id="ana"), "no_person"),
        (lambda tracker: tracker.alias("", "ana"), "no_person"),
        (lambda tracker: tracker.track("", user_id="ana"), "no_event_name"),
        (lambda tracker: tracker.track("Paid", user_id="ana", message_id="x" * 101), "bad_message_id"),
        (lambda tracker: tracker.track("Paid", [1], user_id="ana"), "not_an_object"),
        (lambda tracker: tracker.identify("ana", "text"), "not_an_object"),
        (lambda tracker: tracker.track("Paid", user_id="ana", context=7), "not_an_object"),
        (lambda tracker: tracker.track("Paid", user_id="ana", integrations=["All"]), "not_an_object"),
        (lambda tracker: tracker.track("Paid", {"note": "x" * 32_768}, user_id="ana"), "event_too_large"),
        (
            lambda tracker: tracker.track("Paid", user_id="ana", context={"note": "x" * 32_768}),
            "event_too_large",
        ),
    ],
    ids=[
        *("nobody", "empty-ids", "identify-nobody", "group-nothing", "alias-nobody", "no-name", "long-id"),
        *("list", "text", "number-as-context", "list-of-integrations", "large", "large-context"),
    ],
)
def test_what_cannot_be_sent_is_dropped_with_its_reason(
    tracker: Tracker, transport: RecordingTransport, call: Callable[[Tracker], str | None], reason: str
) -> None:
    """The call returns None, nothing raises, nothing leaves, and the books say why."""
    assert call(tracker) is None
    stats = tracker.stats()
    assert (stats.enqueued, stats.dropped, dict(stats.dropped_by_reason)) == (1, 1, {reason: 1})
    assert tracker.flush()
    assert transport.requests == []


def test_an_event_of_exactly_32_kib_is_sent(make_tracker: MakeTracker, transport: RecordingTransport) -> None:
    """The limit is the collector's, to the byte."""
    tracker = make_tracker(transport=transport)
    bare = b'{"type":"track","event":"Paid","messageId":"' + b"-" * 36 + b'","timestamp":"' + b"-" * 27
    bare += b'","userId":"ana","properties":{"note":""},"context":'
    room = 32 * 1024 - len(bare) - len(f'{{"library":{{"name":"trackway-python","version":"{__version__}"}}}}}}')
    assert tracker.track("Paid", {"note": "x" * room}, user_id="ana")
    assert tracker.track("Paid", {"note": "x" * (room + 1)}, user_id="ana") is None
    assert tracker.flush()
    assert len(transport.events) == 1


def test_the_callers_dicts_stay_as_they_are(tracker: Tracker, transport: RecordingTransport) -> None:
    """Nothing is added to them, and changing them afterwards changes nothing that was tracked."""
    properties: dict[str, Any] = {"items": [{"sku": "tea"}], "size": {3}}
    context: dict[str, Any] = {"page": {"path": "/cart"}}
    before = copy.deepcopy((properties, context))
    tracker.track("Paid", properties, user_id="ana", context=context)
    assert (properties, context) == before
    properties["items"][0]["sku"] = "coffee"
    assert only_event(tracker, transport)["properties"]["items"] == [{"sku": "tea"}]


class Event(str, Enum):  # noqa: UP042 - what it is in programs older than StrEnum, where `str` of it is "Event.PAID"
    """Names of events, as many programs keep them."""

    PAID = "Paid"


def test_anything_may_be_an_event_name(make_tracker: MakeTracker, transport: RecordingTransport) -> None:
    """A name that is no text becomes one: a wrong name can be mended, an event that was never sent cannot."""
    tracker = make_tracker(transport=transport)
    for name in (7, ["Paid"], Event.PAID, b"Paid"):
        assert tracker.track(name, user_id="ana")  # type: ignore[arg-type]
    assert tracker.flush()
    assert [event["event"] for event in transport.events] == ["7", "['Paid']", "Paid", "Paid"]


NOBODY = [None, "", float("nan"), pandas.NA, pandas.NaT]


@pytest.mark.parametrize("nobody", NOBODY, ids=repr)
@pytest.mark.parametrize(
    "call",
    [
        lambda tracker, who: tracker.track("Paid", user_id=who),
        lambda tracker, who: tracker.identify(who),
        lambda tracker, who: tracker.page("Cart", anonymous_id=who),
        lambda tracker, who: tracker.group(who, user_id="ana"),
        lambda tracker, who: tracker.alias(who, "ana"),
        lambda tracker, who: tracker.alias("device-1", who),
    ],
    ids=["track", "identify", "page", "group", "alias", "alias-user"],
)
def test_what_is_missing_in_a_table_is_nobody(
    tracker: Tracker, caplog: pytest.LogCaptureFixture, call: Callable[[Tracker, Any], str | None], nobody: Any
) -> None:
    """NaN from a data frame does not become a person called "nan": the event is refused, counted and logged."""
    assert call(tracker, nobody) is None
    assert dict(tracker.stats().dropped_by_reason) == {"no_person": 1}
    assert "no_person" in caplog.text


def test_a_missing_id_beside_a_present_one_is_left_out(tracker: Tracker, transport: RecordingTransport) -> None:
    """The event is that of whoever is named; a session that is NaN is no session."""
    tracker.track("Paid", user_id=float("nan"), anonymous_id="device-1", session_id=float("nan"))  # type: ignore[arg-type]
    event = only_event(tracker, transport)
    assert "userId" not in event
    assert event["anonymousId"] == "device-1"
    assert event["context"] == LIBRARY


@pytest.mark.parametrize("given", ["", float("nan")])
def test_an_empty_message_id_is_none(tracker: Tracker, transport: RecordingTransport, given: Any) -> None:
    """Each event gets an id of its own, which is returned: sharing "" they would pass for one event sent again."""
    ids = [tracker.track("Paid", user_id="ana", message_id=given) for _ in range(2)]
    tracker.flush()
    assert [event["messageId"] for event in transport.events] == ids
    assert len({*ids}) == 2
    assert all(id_ and len(id_) == 36 for id_ in ids)
