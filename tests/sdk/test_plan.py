from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trackway import PlanViolationError, Tracker
from trackway.testing import RecordingTransport
from trackway_plan import Release, Validator

MakeTracker = Callable[..., Tracker]
GOOD = {"order_id": "o-17", "items": 2, "total": "12.50", "paid_at": "2026-05-19T12:00:00Z"}
BAD = {"order_id": "o-17", "items": "two", "colour": "green"}


def protocols(tracker: Tracker, transport: RecordingTransport) -> list[dict[str, Any] | None]:
    assert tracker.flush()
    return [event["context"].get("protocols") for event in transport.events]


def stamp(release: Release) -> dict[str, Any]:
    return {"plan": "shop", "rev": 3, "hash": release.hash}


def test_every_event_carries_the_stamp_of_its_plan(
    make_tracker: MakeTracker, transport: RecordingTransport, shop_release: Release
) -> None:
    """Name, revision and hash, on all six calls, with context of one's own or without."""
    tracker = make_tracker(transport=transport, plan=shop_release)
    tracker.track("Order Completed", GOOD, user_id="ana")
    tracker.track("Order Completed", GOOD, user_id="ana", session_id="visit-1")
    tracker.track("Order Completed", GOOD, user_id="ana", context={"protocols": {"rev": 99}})
    tracker.identify("ana", {"email": "ana@example.com"})
    tracker.page("Cart", user_id="ana")
    tracker.screen("Cart", user_id="ana")
    tracker.group("acme", user_id="ana")
    tracker.alias("device-1", "ana")
    assert protocols(tracker, transport) == [stamp(shop_release)] * 8
    assert tracker.stats().flagged == 0


def test_a_plan_can_be_a_file(
    make_tracker: MakeTracker, transport: RecordingTransport, shop_release: Release, tmp_path: Path
) -> None:
    """The file is what `trackway plan release` writes, named as text or as a path."""
    file = tmp_path / "0003.json"
    file.write_bytes(shop_release.to_json())
    for plan in (file, str(file)):
        tracker = make_tracker(transport=transport, plan=plan)
        tracker.track("Order Completed", GOOD, user_id="ana")
        assert tracker.flush()
    assert [event["context"]["protocols"] for event in transport.events] == [stamp(shop_release)] * 2


def test_without_a_plan_nothing_is_checked_or_stamped(make_tracker: MakeTracker, transport: RecordingTransport) -> None:
    """A plan can come later."""
    tracker = make_tracker(transport=transport)
    tracker.track("Order Completed", BAD, user_id="ana")
    assert protocols(tracker, transport) == [None]


def test_flag_sends_the_event_marked(
    make_tracker: MakeTracker, transport: RecordingTransport, shop_release: Release
) -> None:
    """The marks are codes and paths; the properties go out as they were."""
    tracker = make_tracker(transport=transport, plan=shop_release, on_violation="flag")
    tracker.track("Order Completed", BAD, user_id="ana")
    (found,) = protocols(tracker, transport)
    assert found is not None
    marks = found.pop("violations")
    assert found == stamp(shop_release)
    assert sorted((mark["code"], mark["path"]) for mark in marks) == [
        ("unplanned_property", "/colour"),
        ("wrong_type", "/items"),
    ]
    assert transport.events[0]["properties"] == BAD
    assert (tracker.stats().flagged, tracker.stats().acked) == (1, 1)


def test_drop_counts_the_event_and_sends_nothing(
    make_tracker: MakeTracker, transport: RecordingTransport, shop_release: Release
) -> None:
    """What fits the plan is not touched."""
    tracker = make_tracker(transport=transport, plan=shop_release, on_violation="drop")
    assert tracker.track("Order Completed", BAD, user_id="ana") is None
    assert tracker.track("Order Completed", GOOD, user_id="ana")
    assert tracker.flush()
    stats = tracker.stats()
    assert (stats.enqueued, stats.acked, stats.flagged) == (2, 1, 0)
    assert dict(stats.dropped_by_reason) == {"violation": 1}


def test_off_checks_nothing_and_stamps_all_the_same(
    make_tracker: MakeTracker, transport: RecordingTransport, shop_release: Release
) -> None:
    """The collector knows by the stamp what the program was written for."""
    tracker = make_tracker(transport=transport, plan=shop_release, on_violation="off")
    tracker.track("Order Completed", BAD, user_id="ana")
    tracker.identify("ana", {"email": 7})
    assert protocols(tracker, transport) == [stamp(shop_release)] * 2
    assert tracker.stats().flagged == 0


def test_raise_says_what_is_wrong_where_and_counts(
    make_tracker: MakeTracker, transport: RecordingTransport, shop_release: Release
) -> None:
    """A test that tracks a wrong event fails with the plan's own words; the books still balance."""
    tracker = make_tracker(transport=transport, plan=shop_release, on_violation="raise")
    with pytest.raises(PlanViolationError, match=r"`Order Completed` breaks the plan `shop` \(revision 3\)") as caught:
        tracker.track("Order Completed", BAD, user_id="ana")
    assert (caught.value.event, caught.value.plan, caught.value.rev) == ("Order Completed", "shop", 3)
    assert {violation.path for violation in caught.value.violations} == {"/items", "/colour"}
    assert "/items" in str(caught.value)
    with pytest.raises(PlanViolationError, match=r"\$identify"):
        tracker.identify("ana", {"email": 7})
    # Only violations raise: other troubles are counted, as always.
    assert tracker.track("Order Completed", GOOD) is None
    stats = tracker.stats()
    assert (stats.enqueued, dict(stats.dropped_by_reason)) == (3, {"violation": 2, "no_person": 1})


@pytest.mark.parametrize(
    ("event", "properties", "source"),
    [
        ("Order Completed", GOOD, None),
        ("Order Completed", GOOD, "web"),
        ("Order Completed", {}, "backend"),
        ("Order Completed", {"order_id": "x" * 21}, None),
        ("Order Completed", {"order_id": "o-17", "items": 0}, None),
        ("Order Completed", {"order_id": "o-17", "items": 2.0}, None),
        ("Order Completed", {"order_id": "o-17", "total": "12,50"}, None),
        ("Order Completed", {"order_id": "o-17", "paid_at": "2026-05-19T12:00:00"}, None),
        ("Order Sent", {}, None),
        ("Order Complete", GOOD, None),
    ],
    ids=[
        "good",
        "wrong-source",
        "missing",
        "long",
        "small",
        "float",
        "comma",
        "no-zone",
        "retired",
        "unplanned",
    ],
)
def test_the_verdict_is_the_collectors(
    make_tracker: MakeTracker,
    shop_release: Release,
    event: str,
    properties: dict[str, object],
    source: str | None,
) -> None:
    """Same validator, same codes, same paths, same words, whichever way the SDK takes to it."""
    expected = Validator(shop_release).check_track(event, properties, source).violations
    tracker = make_tracker(transport=RecordingTransport(), plan=shop_release, source=source, on_violation="raise")
    if not expected:
        assert tracker.track(event, properties, user_id="ana")
        return
    with pytest.raises(PlanViolationError) as caught:
        tracker.track(event, properties, user_id="ana")
    assert caught.value.violations == expected


def test_a_check_that_fails_lets_the_event_pass(
    make_tracker: MakeTracker, transport: RecordingTransport, shop_release: Release
) -> None:
    """A broken plan check is no verdict, and no reason to lose events: the collector will judge."""
    tracker = make_tracker(transport=transport, plan=shop_release, on_violation="drop")
    deep: list[object] = []
    for _ in range(900):
        deep = [deep]
    for properties in ({"order_id": deep}, {"order_id": "\ud800"}, {"order_id": float("nan")}):
        tracker.track("Order Completed", properties, user_id="ana")
    assert tracker.flush()
    assert tracker.stats().dropped_by_reason.get("internal_error", 0) == 0
    assert tracker.stats().balanced


def test_violations_are_logged_once_without_values(
    make_tracker: MakeTracker, shop_release: Release, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the event, the code and the path; what a person typed is not in it."""
    with caplog.at_level(logging.DEBUG):
        tracker = make_tracker(transport=RecordingTransport(), plan=shop_release)
        for _ in range(3):
            tracker.track("Order Completed", {"order_id": 4_111_111_111}, user_id="ana")
            tracker.flush()
    messages = [record.getMessage() for record in caplog.records if record.name == "trackway"]
    assert messages == ["Event `Order Completed` breaks the plan at /order_id: wrong_type."]


def test_a_name_is_one_line_of_the_log_whatever_is_in_it(
    make_tracker: MakeTracker, shop_release: Release, caplog: pytest.LogCaptureFixture
) -> None:
    """Line ends cannot forge lines, half characters cannot make a log handler fail; other scripts stay readable."""
    tracker = make_tracker(transport=RecordingTransport(), plan=shop_release)
    with caplog.at_level(logging.DEBUG):
        tracker.track("注文\nERROR \ud800", {}, user_id="ana")
    messages = [record.getMessage() for record in caplog.records if record.name == "trackway"]
    assert messages == ["Event `注文\\nERROR \\ud800` breaks the plan at (event): unplanned_event."]
