"""`trackway.testing` without pytest: the recorder, what equals what, DryRun, the collector in a thread."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from unittest.mock import ANY
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway import AsyncTracker, ConfigurationError, Tracker
from trackway.testing import DryRun, FrozenClock, RecordingTransport, Tracked, TrackedEvent, collector, record
from trackway.testing.matching import differences
from trackway_plan import Release

MakeTracker = Callable[..., Tracker]
STOREFRONT = Path(__file__).parents[2] / "tracking_plan" / "examples" / "storefront"

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class Currency(Enum):
    """An enum as programs have them."""

    EUR = "eur"


@dataclass
class Address:
    """A dataclass as programs have them."""

    city: str


def event_with(**properties: Any) -> TrackedEvent:
    """Return an event that carries these."""
    return TrackedEvent({"type": "track", "event": "Paid", "properties": properties})


@given(st.dictionaries(st.text(), json_values, max_size=4), st.data())
def test_an_event_matches_whatever_part_of_it_is_expected(properties: dict[str, Any], data: st.DataObject) -> None:
    """Any subset of what an event carries matches it, and one more property does not."""
    expected = {name: value for name, value in properties.items() if data.draw(st.booleans())}
    event = event_with()
    event = TrackedEvent({**event.raw, "properties": properties})
    assert differences(expected, event) == []
    assert [str(found.path) for found in differences({**expected, "\0 not there": 1}, event)] == ["\0 not there"]


@pytest.mark.parametrize(
    ("expected", "sent"),
    [
        (Decimal("12.50"), "12.50"),
        (Currency.EUR, "eur"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (datetime(2026, 5, 19, 8, 30, tzinfo=UTC), "2026-05-19T08:30:00Z"),
        (Address("Antwerp"), {"city": "Antwerp", "zip": "2000"}),
        ({"city": "Antwerp"}, {"city": "Antwerp", "zip": "2000"}),
        ([{"city": "Antwerp"}, ANY], [{"city": "Antwerp", "zip": "2000"}, 7]),
        (("a", "b"), ["a", "b"]),
        (pytest.approx(0.3), 0.1 + 0.2),
        (12, 12.0),
    ],
)
def test_values_equal_what_they_become_on_the_wire(expected: object, sent: object) -> None:
    """A test may expect the value that the program has; the event has what became of it."""
    assert differences({"value": expected}, event_with(value=sent)) == []


@pytest.mark.parametrize(
    ("expected", "sent", "says"),
    [
        (1, True, "value: expected 1, found True"),
        (True, 1, "value: expected True, found 1"),
        (12.5, "12.5", "value: expected 12.5, found '12.5'"),
        ({"city": "Ghent"}, {"city": "Antwerp"}, "value.city: expected 'Ghent', found 'Antwerp'"),
        ([1, {"a": 1}], [1, {"b": 1}], "value[1].a: expected 1, is missing"),
        ([1, 2], [1, 2, 3], "value: expected [1, 2], found [1, 2, 3]"),
        (None, 0, "value: expected None, found 0"),
    ],
)
def test_differences_say_where_and_what(expected: object, sent: object, says: str) -> None:
    """A truth value is no number, a text no number, and a difference inside names its path."""
    assert [str(found) for found in differences({"value": expected}, event_with(value=sent))] == [says]


def test_recorders_nest_and_forget() -> None:
    """An inner block records its own part, the outer one everything; after them events are sent again."""
    tracker = Tracker("key", host="http://127.0.0.1:9", exit_timeout_s=0)
    with record() as outer:
        tracker.track("A", user_id="ana")
        with record() as inner:
            tracker.track("B", user_id="ana")
        outer_names = outer.names
        outer.clear()
        tracker.page("Cart", {"path": "/cart"}, user_id="ana")
        assert outer.only("$page", name="Cart", path="/cart").type == "page"
    assert (inner.names, outer_names) == (["B"], ["A", "B"])
    assert tracker.stats().pending == 0
    tracker.track("C", user_id="ana")
    assert tracker.stats().pending == 1
    tracker.close(0)


def test_an_event_shows_its_parts() -> None:
    """Person, session, context and time can be read without knowing the wire format."""
    moment = datetime(2026, 5, 19, 8, 30, tzinfo=UTC)
    with record() as tracked:
        tracker = Tracker("key", clock=FrozenClock(moment))
        message_id = tracker.track(
            "Paid", {"total": 1}, anonymous_id=7, session_id="s-1", context={"ip": "203.0.113.7"}
        )
        tracker.group("acme", {"size": 3}, user_id="ana")
    paid, joined = tracked
    assert (paid.user_id, paid.anonymous_id, paid.session_id) == (None, "7", "s-1")
    assert (paid.message_id, paid.timestamp, paid.context["ip"]) == (message_id, moment, "203.0.113.7")
    assert (joined.name, joined.user_id, joined.properties, joined.raw["groupId"]) == (
        "$group",
        "ana",
        {"size": 3},
        "acme",
    )


def test_the_books_balance_while_it_records(make_tracker: MakeTracker) -> None:
    """Recorded events count as acked, refused ones as dropped; nothing is requested."""
    tracker = make_tracker()
    with record() as tracked:
        for number in range(10):
            tracker.track("Paid", user_id="ana" if number % 2 else None)
    stats = tracker.stats()
    assert (stats.acked, stats.dropped, stats.requests, stats.balanced) == (5, 5, 0, True)
    assert [refusal.reason for refusal in tracked.refusals] == ["no_person"] * 5


def test_a_disk_queue_stays_empty(tmp_path: Path) -> None:
    """What is recorded is not written to a disk queue either: no later program would send it."""
    with record() as tracked:
        tracker = Tracker("key", queue=str(tmp_path / "queue"), host="http://127.0.0.1:9")
        tracker.track("Paid", user_id="ana")
        tracked.only("Paid")
    tracker.close(0)
    assert not list((tmp_path / "queue").rglob("*.events"))


async def test_every_kind_of_tracker_is_heard() -> None:
    """An AsyncTracker and a tracker that sends in the call are recorded as others are; nothing takes a network."""
    in_the_call = Tracker("key", sync=True, host="http://127.0.0.1:9")
    with record() as tracked:
        async with AsyncTracker("key", host="http://127.0.0.1:9") as in_the_loop:
            in_the_loop.track("A", user_id="ana")
            assert await in_the_loop.flush()
            in_the_call.track("B", user_id="ana")
            assert tracked.names == ["A", "B"]
        await asyncio.to_thread(in_the_loop.track, "C", user_id="ana")
    assert [(refusal.name, refusal.reason) for refusal in tracked.refusals] == [("C", "closed")]
    for tracker in (in_the_loop, in_the_call):
        assert (tracker.stats().acked, tracker.stats().requests, tracker.stats().balanced) == (1, 0, True)
    in_the_call.close(0)


async def test_an_async_tracker_reaches_the_collector() -> None:
    """The collector has a thread and a loop of its own, so a test's loop may send to it."""
    with collector() as running:
        async with AsyncTracker(running.write_key, host=running.url) as tracker:
            tracker.track("Paid", {"total": 1}, user_id="ana")
            assert await tracker.flush()
        assert [event.name for event in running.accepted] == ["Paid"]


def test_what_the_program_keeps_back_is_told_apart(make_tracker: MakeTracker) -> None:
    """Consent, sampling and `before_send` make no event; the test sees which call that was, and why."""
    keeps_back = make_tracker(
        consent_categories={"Ad Clicked": "advertising"},
        before_send=lambda event: (
            None if event.get("event") == "Debug" else {**event, "properties": {"scrubbed": True}}
        ),
    )
    keeps_back.consent(advertising=False)
    with record() as tracked:
        keeps_back.track("Ad Clicked", user_id="ana")
        keeps_back.track("Debug", user_id="ana")
        keeps_back.track("Paid", {"card": "4111"}, user_id="ana")
    assert [(refusal.name, refusal.reason) for refusal in tracked.refusals] == [
        ("Ad Clicked", "no_consent"),
        ("Debug", "before_send"),
    ]
    assert tracked.only("Paid").properties == {"scrubbed": True}
    with pytest.raises(AssertionError, match="Ad Clicked: no_consent, its category has no consent"):
        tracked.once("Ad Clicked")


def test_a_plan_behind_before_send_counts_as_the_trackers_own(make_tracker: MakeTracker, shop_release: Release) -> None:
    """The plan judges what comes out of the chain; the recorder has its verdict, and needs no other plan."""
    tracker = make_tracker(plan=shop_release, before_send=lambda event: {**event, "event": "Order Complete"})
    with record() as tracked:
        tracker.track("Order Completed", {"order_id": "o-1"}, user_id="ana")
    assert [(name, found.code) for name, found in tracked.violations] == [("Order Complete", "unplanned_event")]


def test_a_transport_of_the_tests_own_still_gets_the_events(make_tracker: MakeTracker) -> None:
    """What is recorded goes on to a RecordingTransport, which reaches no network."""
    transport = RecordingTransport()
    tracker = make_tracker(transport=transport)
    with record() as tracked:
        tracker.track("Paid", user_id="ana")
        assert tracker.flush()
    assert [event["messageId"] for event in transport.events] == [tracked[0].message_id]


def test_many_threads_are_recorded_without_loss() -> None:
    """Every event of many threads is there once."""
    tracker = Tracker("key")
    with record() as tracked:
        threads = [
            threading.Thread(target=lambda: [tracker.track("Paid", user_id="ana") for _ in range(500)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({event.message_id for event in tracked}) == 2000


def _in_child(tracker: Tracker) -> None:
    tracker.track("Paid", user_id="ana")
    assert tracker.flush()
    assert tracker.stats().requests == 0


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork")
def test_a_forked_child_sends_nothing_either(make_tracker: MakeTracker) -> None:
    """A child that is forked inside the block is offline as its parent is; its events stay in it."""
    tracker = make_tracker()
    with record() as tracked:
        child = multiprocessing.get_context("fork").Process(target=_in_child, args=(tracker,))
        child.start()
        child.join(30)
    assert child.exitcode == 0
    tracked.assert_none()


def test_a_plan_for_trackers_that_have_none(tmp_path: Path, shop_release: Release) -> None:
    """`record(plan)` takes a release or its file, and says what is wrong in full sentences."""
    (tmp_path / "0003.json").write_bytes(shop_release.to_json())
    for plan in (shop_release, tmp_path / "0003.json", str(tmp_path / "0003.json")):
        with record(plan) as tracked:
            tracker = Tracker("key")
            tracker.track("Order Completed", {"order_id": "o-1", "items": 0}, user_id="ana")
            tracker.identify("ana", {"email": 7})
        with pytest.raises(
            AssertionError, match=r"`Order Completed` /items: .+\[out_of_range\]\n.+`\$identify` /email:"
        ):
            tracked.assert_fits_plan()


def test_marks_of_the_trackers_own_check_are_kept(make_tracker: MakeTracker, shop_release: Release) -> None:
    """A tracker that flags says itself what is wrong; the recorder has it with its sentence."""
    tracker = make_tracker(plan=shop_release)
    with record() as tracked:
        tracker.track("Order Complete", user_id="ana")
    ((name, violation),) = tracked.violations
    assert (name, violation.code) == ("Order Complete", "unplanned_event")
    assert "Order Completed" in violation.message


def test_a_recorder_has_no_place_for_snapshots_of_its_own() -> None:
    """Outside pytest nobody knows where a snapshot would lie; the plain list is there for everybody."""
    tracked = Tracked()
    with pytest.raises(RuntimeError, match="fixture `tracked`"):
        tracked.assert_matches()
    assert tracked.snapshot() == []


def test_a_dry_run_shows_events_and_sends_none(capsys: pytest.CaptureFixture[str]) -> None:
    """Each event is a line, on standard error or wherever the program wants it."""
    lines: list[str] = []
    for transport in (DryRun(lines.append), DryRun()):
        with Tracker("key", transport=transport) as tracker:
            tracker.track("Paid", {"total": 12.5}, user_id="ana")
    assert lines == ['Paid  ana  {"total":12.5}']
    assert capsys.readouterr().err == 'Paid  ana  {"total":12.5}\n'


def test_a_collector_judges_in_the_test() -> None:
    """Accepted, flagged and quarantined events can be read as soon as the tracker is flushed, with what is wrong."""
    with collector(plan=STOREFRONT, write_keys={"api": "a-key", "web": "w-key"}) as running:
        with Tracker(
            "a-key", host=running.url, plan=STOREFRONT / "releases" / "0001.json", on_violation="flag"
        ) as tracker:
            tracker.track("no such event", user_id="ana")
            tracker.page("Cart", user_id="ana")
            assert tracker.flush()
            assert tracker.stats().acked == 2
        assert [(event.name, event.outcome, event.source) for event in running.accepted] == [("$page", "ok", "api")]
        assert [(event.name, event.codes) for event in running.quarantined] == [("no such event", ("unplanned_event",))]
        assert (running.flagged, running.rejected) == ([], [])
        running.post(
            [{"type": "surprise", "messageId": "m-1"}, {"type": "track", "event": "x" * 40_000}], write_key="w-key"
        )
        assert [(event.message_id, event.codes) for event in running.quarantined[1:]] == [("m-1", ("unknown_type",))]
        assert all(event.reasons for event in running.quarantined)
        assert [event.codes for event in running.rejected] == [("event_too_large",)]


def test_a_collector_refuses_in_the_test() -> None:
    """A wrong key is refused as it would be in production, and a test can see it."""
    with collector() as running:
        with Tracker("wrong-key", host=running.url) as tracker:
            tracker.track("Paid", user_id="ana")
            assert tracker.flush()
            assert tracker.stats().rejected_by_reason == {"unknown_write_key": 1}
        assert running.refused_requests == {(401, "unknown_write_key"): 1}
        with pytest.raises(AssertionError, match="unknown_write_key"):
            running.post([], write_key="wrong-key")
        assert running.events == []


def test_what_was_recorded_can_be_judged_by_a_collector() -> None:
    """`tracked` and a collector work together: record what the program emits, then post it."""
    with record() as tracked, collector() as running:
        Tracker("program's own key").track("Paid", {"total": 1}, user_id="ana")
        running.post(tracked)
        assert [event.message_id for event in running.accepted] == [tracked.only("Paid").message_id]


def test_a_collector_with_a_plan_that_is_not_there_says_so(tmp_path: Path) -> None:
    """The error is the collector's own, as a ConfigurationError of the SDK."""
    with pytest.raises(ConfigurationError, match="no such plan"), collector(plan=tmp_path / "nowhere"):
        pass


def test_several_collectors_do_not_meet() -> None:
    """Each has its own port, key and spool; ended, it is gone."""
    with collector() as one, collector() as other:
        one.post([{"type": "track", "event": "Paid", "userId": "ana", "messageId": "m-1"}])
        assert (len(one.accepted), len(other.accepted)) == (1, 0)
        assert one.write_key != other.write_key
    with pytest.raises(Exception, match="NewConnectionError"):
        one.post([])
