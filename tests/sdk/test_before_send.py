"""`before_send`: the program's own functions see each event as it would be sent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from trackway import Dropped, PlanViolationError, Tracker
from trackway.testing import RecordingTransport
from trackway_plan import EventSpec, Plan, PropertySpec, Release, compile_release

MakeTracker = Callable[..., Tracker]
Event = dict[str, Any]


def sent(tracker: Tracker, transport: RecordingTransport) -> list[Event]:
    """Return what has left."""
    assert tracker.flush()
    return transport.events


def test_functions_run_in_order_and_see_what_would_be_sent(
    make_tracker: MakeTracker, transport: RecordingTransport
) -> None:
    """The second sees what the first made; ids, stamps and context are there as on the wire."""
    seen: list[Event] = []

    def scrub(event: Event) -> Event:
        seen.append({**event, "properties": dict(event["properties"])})
        event["properties"].pop("email")
        return event

    def enrich(event: Event) -> Event:
        return {**event, "properties": {**event["properties"], "region": "EU"}}

    tracker = make_tracker(transport=transport, before_send=[scrub, enrich])
    properties = {"email": "ana@example.com", "total": 12.5}
    message_id = tracker.track("Paid", properties, user_id="ana", session_id="s-1", integrations={"All": False})
    (event,) = sent(tracker, transport)
    assert event["properties"] == {"total": 12.5, "region": "EU"}
    assert properties == {"email": "ana@example.com", "total": 12.5}
    (before,) = seen
    assert before == {**event, "properties": properties}
    assert (event["messageId"], event["context"]["sessionId"]) == (message_id, "s-1")
    assert event["integrations"] == {"All": False}


def test_what_it_leaves_alone_is_sent_as_it_was(make_tracker: MakeTracker) -> None:
    """With a function that does nothing, all six calls send what they send without one."""

    def calls(**settings: Any) -> list[Event]:
        transport = RecordingTransport()
        tracker = make_tracker(transport=transport, **settings)
        who: dict[str, Any] = {"timestamp": "2026-05-19T08:30:00Z", "context": {"ip": "203.0.113.7"}}
        tracker.track("Paid", {"n": 10**25, "f": 0.1, "t": "ü"}, user_id="ana", message_id="m-1", **who)
        tracker.identify("ana", {"plan": "free"}, anonymous_id="visitor", message_id="m-2", **who)
        tracker.page("Home", {"path": "/"}, anonymous_id=7, message_id="m-3", **who)
        tracker.screen("", user_id="ana", message_id="m-4", **who)
        tracker.group("acme", {"size": 3}, user_id="ana", message_id="m-5", **who)
        tracker.alias("visitor", "ana", message_id="m-6", **who)
        return sent(tracker, transport)

    assert calls(before_send=lambda event: event) == calls()
    assert len(calls()) == 6


def test_none_holds_an_event_back_and_is_no_loss(make_tracker: MakeTracker, transport: RecordingTransport) -> None:
    """The program asked for it."""
    tracker = make_tracker(transport=transport, before_send=lambda event: None)
    assert tracker.track("Paid", user_id="ana") is None
    assert sent(tracker, transport) == []
    assert (tracker.stats().dropped_by_reason, tracker.stats().lost) == ({Dropped.BEFORE_SEND: 1}, 0)


def _fail(event: Event) -> Event:
    raise ValueError(event["userId"])


@pytest.mark.parametrize(
    "function",
    [
        _fail,
        lambda event: event["properties"]["missing"],
        lambda event: [event],
        lambda event: True,
        lambda event: {**event, "type": "bogus"},
        lambda event: {**event, "type": []},
        lambda event: {},
    ],
    ids=["raises", "key error", "list", "bool", "unknown type", "no type at all", "empty"],
)
def test_a_function_that_fails_drops_the_event(
    make_tracker: MakeTracker,
    transport: RecordingTransport,
    caplog: pytest.LogCaptureFixture,
    function: Callable[[Event], Any],
) -> None:
    """What was to be scrubbed does not leave unscrubbed; the loss is counted, told, and logged without values."""
    errors: list[Exception] = []
    tracker = make_tracker(transport=transport, before_send=function, on_error=errors.append)
    with caplog.at_level(logging.DEBUG):
        assert tracker.track("Paid", user_id="ana-the-secret") is None
    assert sent(tracker, transport) == []
    assert (tracker.stats().dropped_by_reason, tracker.stats().lost) == ({Dropped.BEFORE_SEND_FAILED: 1}, 1)
    assert len(errors) == 1
    assert "ana-the-secret" not in caplog.text
    assert type(errors[0]).__name__ in caplog.text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"userId": None}, Dropped.NO_PERSON),
        ({"event": ""}, Dropped.NO_EVENT_NAME),
        ({"properties": [1]}, Dropped.NOT_AN_OBJECT),
        ({"context": 7}, Dropped.NOT_AN_OBJECT),
        ({"messageId": "x" * 101}, Dropped.BAD_MESSAGE_ID),
        ({"properties": {"note": "x" * 40_000}}, Dropped.EVENT_TOO_LARGE),
    ],
    ids=str,
)
def test_what_it_makes_is_held_to_the_same_rules(
    make_tracker: MakeTracker, transport: RecordingTransport, change: Event, reason: Dropped
) -> None:
    """An event that could not have been tracked cannot be made here either."""
    tracker = make_tracker(transport=transport, before_send=lambda event: {**event, **change})
    assert tracker.track("Paid", user_id="ana") is None
    assert tracker.stats().dropped_by_reason == {reason: 1}


def test_strange_values_are_sent_as_track_would_send_them(
    make_tracker: MakeTracker, transport: RecordingTransport
) -> None:
    """Python's values become JSON by the same table."""
    tracker = make_tracker(
        transport=transport,
        before_send=lambda event: {**event, "properties": {"tags": {"tea"}, "nan": float("nan")}, "extra": {1: b"x"}},
    )
    tracker.track("Paid", user_id="ana")
    (event,) = sent(tracker, transport)
    assert (event["properties"], event["extra"]) == ({"tags": ["tea"], "nan": None}, {"1": "eA=="})


def test_the_plan_judges_what_comes_out(make_tracker: MakeTracker, shop_release: Release) -> None:
    """A mended event is no violation, a broken one is; the stamp is the plan's, whatever the function writes."""

    def mend(event: Event) -> Event:
        event["context"]["protocols"] = {"plan": "forged"}
        event["properties"]["order_id"] = "o-1" if event["properties"].get("mend") else 7
        event["properties"].pop("mend", None)
        return event

    transport = RecordingTransport()
    tracker = make_tracker(transport=transport, plan=shop_release, before_send=mend)
    tracker.track("Order Completed", {"mend": True}, user_id="ana")
    tracker.track("Order Completed", {"order_id": "o-2"}, user_id="ana")
    whole, broken = sent(tracker, transport)
    assert whole["context"]["protocols"]["plan"] == "shop"
    assert "violations" not in whole["context"]["protocols"]
    assert broken["context"]["protocols"]["violations"] == [{"code": "wrong_type", "path": "/order_id"}]
    assert tracker.stats().flagged == 1
    strict = make_tracker(transport=RecordingTransport(), plan=shop_release, on_violation="raise", before_send=mend)
    assert strict.track("Order Completed", {"mend": True}, user_id="ana")
    with pytest.raises(PlanViolationError, match="order_id"):
        strict.track("Order Completed", {"order_id": "o-2"}, user_id="ana")


def test_what_may_not_be_stored_does_not_leave_whoever_put_it_in(make_tracker: MakeTracker) -> None:
    """`store: drop` and `store: hash` hold for what a function adds, in properties and in traits."""
    secret = {
        "card": PropertySpec(name="card", kind="string", store="drop"),
        "email": PropertySpec(name="email", kind="string", store="hash"),
    }
    release = compile_release(
        Plan(
            name="shop",
            events={"Paid": EventSpec(name="Paid", properties=secret)},
            traits={"user": {"card": secret["card"]}},
        ),
        rev=1,
    )

    def add(event: Event) -> Event:
        held = "traits" if event["type"] == "identify" else "properties"
        return {**event, held: {"card": "4111", "email": "ana@example.com"}}

    transport = RecordingTransport()
    tracker = make_tracker(transport=transport, plan=release, before_send=add, hash_key="k" * 16, on_violation="flag")
    tracker.track("Paid", user_id="ana")
    tracker.identify("ana")
    paid, ana = sent(tracker, transport)
    assert list(paid["properties"]) == ["email"]
    assert paid["properties"]["email"].startswith("hmac-sha256:")
    assert "card" not in ana["traits"]


def test_a_function_that_tracks_does_not_go_round_for_ever(make_tracker: MakeTracker) -> None:
    """The event it tracks is dropped, the one at hand is sent."""
    transport = RecordingTransport()

    def track_too(event: Event) -> Event:
        tracker.track("Seen", user_id="ana")
        return event

    tracker = make_tracker(transport=transport, before_send=track_too)
    tracker.track("Paid", user_id="ana")
    assert [event["event"] for event in sent(tracker, transport)] == ["Paid"]
    assert tracker.stats().dropped_by_reason == {Dropped.BEFORE_SEND_FAILED: 1}


def test_held_back_events_are_neither_sampled_nor_asked_for_consent_again(make_tracker: MakeTracker) -> None:
    """Consent and sample come first, by the name and the person of the call: a function sees only what passed."""
    seen: list[str] = []
    tracker = make_tracker(
        transport=RecordingTransport(),
        consent_categories={"Ad Clicked": "advertising"},
        before_send=lambda event: seen.append(event["event"]),
    )
    tracker.consent(advertising=False)
    tracker.track("Ad Clicked", user_id="ana")
    tracker.track("Paid", user_id="ana")
    assert seen == ["Paid"]
