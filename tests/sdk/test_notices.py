"""`on_drop`, `on_error`, `overflow` and `purge` on a real tracker."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.sdk.loopback import Loopback, Scripted, refusal
from trackway import ConfigurationError, Dropped, Tracker
from trackway._control import Purged
from trackway.testing import RecordingTransport

MakeTracker = Callable[..., Tracker]
QUICK = {"backoff_base_s": 0.01, "flush_interval_s": 0.02}


class Told:
    """What the callbacks were told, and on which thread."""

    def __init__(self) -> None:
        self.drops: list[tuple[Dropped, dict[str, Any]]] = []
        self.errors: list[Exception] = []
        self.threads: set[str] = set()

    def on_drop(self, reason: Dropped, event: dict[str, Any]) -> None:
        self.drops.append((reason, event))
        self.threads.add(threading.current_thread().name)

    def on_error(self, error: Exception) -> None:
        self.errors.append(error)


def test_a_refused_call_is_told_on_its_own_thread_with_what_it_was_given(make_tracker: MakeTracker) -> None:
    """An event that could not be made is told as far as it was given."""
    told = Told()
    tracker = make_tracker(transport=RecordingTransport(), on_drop=told.on_drop)
    tracker.track("Paid", {"total": 3})
    assert told.drops == [(Dropped.NO_PERSON, {"type": "track", "event": "Paid", "properties": {"total": 3}})]
    assert told.threads == {threading.current_thread().name}


def test_what_the_queue_had_no_room_for_is_told_whole(make_tracker: MakeTracker) -> None:
    """A program may keep it elsewhere: it has its id and its stamps."""
    told = Told()
    tracker = make_tracker(
        transport=RecordingTransport(), on_drop=told.on_drop, max_queue_events=1, flush_interval_s=60
    )
    tracker.track("Paid", {"n": 1}, user_id="ana")
    tracker.track("Paid", {"n": 2}, user_id="ana")
    ((reason, event),) = told.drops
    assert (reason, event["properties"], event["userId"]) == (Dropped.QUEUE_FULL, {"n": 2}, "ana")
    assert {"messageId", "timestamp", "context"} <= event.keys()


def test_all_that_is_left_at_the_end_is_told_one_by_one(make_tracker: MakeTracker) -> None:
    """On the closing thread, after the deadline, each event once."""
    told = Told()
    tracker = make_tracker(transport=RecordingTransport(), on_drop=told.on_drop, flush_interval_s=60)
    for number in range(1000):
        tracker.track("Paid", {"n": number}, user_id="ana")
    tracker.close(0)
    left = tracker.stats().dropped_by_reason.get(Dropped.NOT_SENT_IN_TIME, 0)
    assert [event["properties"]["n"] for _, event in told.drops] == list(range(1000 - left, 1000))


def test_a_callback_runs_without_the_lock_and_may_use_the_tracker(make_tracker: MakeTracker) -> None:
    """Another thread can track meanwhile; what the callback itself loses is counted and not told again."""
    told: list[tuple[str, bool, bool]] = []

    def on_drop(reason: Dropped, event: dict[str, Any]) -> None:
        if reason is not Dropped.NO_PERSON:
            return
        other = threading.Thread(target=lambda: tracker.track("Elsewhere", user_id="ben"))
        other.start()
        other.join(30)
        tracker.track("", user_id="ben")
        told.append((reason, other.is_alive(), tracker.stats().balanced))

    tracker = make_tracker(transport=RecordingTransport(), on_drop=on_drop)
    tracker.track("Paid")
    assert told == [(Dropped.NO_PERSON, False, True)]
    assert tracker.stats().dropped_by_reason == {Dropped.NO_PERSON: 1, Dropped.NO_EVENT_NAME: 1}
    assert tracker.stats().enqueued == 3


def test_a_callback_that_fails_harms_nobody(make_tracker: MakeTracker, caplog: pytest.LogCaptureFixture) -> None:
    """Not the caller and not the sender, sys.exit() included; the log names the kind, without the message."""

    def fail(*_: object) -> None:
        raise SystemExit("ana-the-secret")

    with Loopback(refusal(503, "spool_full")) as collector, caplog.at_level(logging.ERROR):
        tracker = make_tracker(host=collector.url, on_drop=fail, on_error=fail, **QUICK)
        tracker.track("Paid")
        tracker.track("Paid", user_id="ana")
        assert tracker.flush()
    assert tracker.stats().acked == 1
    assert "on_drop failed (SystemExit)" in caplog.text
    assert "ana-the-secret" not in caplog.text


def test_errors_of_sending_say_what_becomes_of_the_events(make_tracker: MakeTracker) -> None:
    """A passing trouble is sent again, a final no is not."""
    told = Told()
    script = (Scripted(reset="after_body"), refusal(503, "spool_full"), refusal(401, "unknown_write_key"))
    with Loopback(*script) as collector:
        tracker = make_tracker(host=collector.url, on_error=told.on_error, **QUICK)
        tracker.track("Paid", user_id="ana")
        assert tracker.flush()
        tracker.close()
    seen = [(error.reason, error.events, error.will_retry) for error in told.errors]  # type: ignore[attr-defined]
    assert seen[-2:] == [("spool_full", 1, True), ("unknown_write_key", 1, False)]
    assert seen[0][1:] == (1, True)


def test_drop_oldest_keeps_the_newest(make_tracker: MakeTracker) -> None:
    """Of six events with room for three, the last three are sent."""
    told = Told()
    transport = RecordingTransport()
    tracker = make_tracker(
        transport=transport,
        overflow="drop_oldest",
        max_queue_events=3,
        flush_interval_s=60,
        on_drop=told.on_drop,
    )
    ids = [tracker.track("Paid", {"n": number}, user_id="ana") for number in range(6)]
    assert None not in ids
    assert tracker.flush()
    assert [event["properties"]["n"] for event in transport.events] == [3, 4, 5]
    assert [event["properties"]["n"] for _, event in told.drops] == [0, 1, 2]
    stats = tracker.stats()
    assert (stats.enqueued, stats.acked, stats.dropped_by_reason) == (6, 3, {Dropped.QUEUE_FULL: 3})
    assert stats.balanced


def test_block_waits_for_room(make_tracker: MakeTracker) -> None:
    """A program that tracks faster than the collector takes is slowed down, and loses nothing."""
    with Loopback(*[Scripted(delay_s=0.01)] * 20) as collector:
        tracker = make_tracker(
            host=collector.url, overflow="block", block_timeout_s=60, max_queue_events=5, max_batch_events=2, **QUICK
        )
        for number in range(40):
            assert tracker.track("Paid", {"n": number}, user_id="ana")
        assert tracker.flush()
        assert [event["properties"]["n"] for event in collector.stored] == list(range(40))
    assert (tracker.stats().acked, tracker.stats().dropped) == (40, 0)


def test_block_gives_up_after_its_time_and_at_close(make_tracker: MakeTracker) -> None:
    """Nobody is held up for ever; a closed tracker makes no room."""
    with Loopback(*[refusal(503, "spool_full")] * 1000) as collector:
        tracker = make_tracker(host=collector.url, overflow="block", block_timeout_s=0.05, max_queue_events=1)
        tracker.track("Paid", user_id="ana")
        assert tracker.track("Paid", user_id="ana") is None
        patient = make_tracker(host=collector.url, overflow="block", block_timeout_s=600, max_queue_events=1)
        patient.track("Paid", user_id="ana")
        waiting = threading.Thread(target=lambda: patient.track("Paid", user_id="ana"))
        waiting.start()
        time.sleep(0.05)
        patient.close(0)
        waiting.join(30)
        assert not waiting.is_alive()
    assert tracker.stats().dropped_by_reason == {Dropped.QUEUE_FULL: 1}
    assert patient.stats().dropped_by_reason == {Dropped.NOT_SENT_IN_TIME: 1, Dropped.CLOSED: 1}


def test_block_never_waits_in_an_event_loop_or_under_its_own_lock(make_tracker: MakeTracker) -> None:
    """There, waiting would stop the loop, or the one who could make room."""
    with Loopback(*[refusal(503, "spool_full")] * 1000) as collector:
        tracker = make_tracker(host=collector.url, overflow="block", block_timeout_s=600, max_queue_events=1)
        tracker.track("Paid", user_id="ana")

        async def in_a_loop() -> str | None:
            return tracker.track("Paid", user_id="ana")

        assert asyncio.run(in_a_loop()) is None
        with tracker._lock:  # as a signal handler finds it that breaks into a call
            assert tracker.track("Paid", user_id="ana") is None
    assert tracker.stats().dropped_by_reason == {Dropped.QUEUE_FULL: 2}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"overflow": "explode"}, "`overflow` is 'explode'"),
        ({"sample": 1.5}, "`sample` is 1.5: write a number from 0 to 1"),
        ({"sample": {"Paid": "often"}}, "`sample` is"),
        ({"sample": True}, "`sample` is True"),
        ({"before_send": ["scrub"]}, "`before_send` is"),
        ({"on_drop": "print"}, "`on_drop` is 'print': write a function"),
        ({"consent_default": "maybe"}, "`consent_default` is 'maybe'"),
        ({"consent_categories": {"Paid": None}}, "`consent_categories` is"),
        ({"super_properties": ["a"]}, "`super_properties` is a list"),
        ({"block_timeout_s": -1}, "`block_timeout_s` is -1"),
    ],
)
def test_wrong_settings_raise_at_once(settings: dict[str, Any], words: str) -> None:
    """The message says what to write."""
    with pytest.raises(ConfigurationError, match=words):
        Tracker("shop-key", **settings)


def test_mappings_come_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions do not, and the message says so."""
    monkeypatch.setenv("TRACKWAY_SAMPLE", "0.25")
    monkeypatch.setenv("TRACKWAY_CONSENT_CATEGORIES", '{"Ad Clicked": "advertising"}')
    with Tracker("shop-key") as tracker:
        assert (tracker.options.sample, dict(tracker.options.consent_categories)) == (
            0.25,
            {"Ad Clicked": "advertising"},
        )
    monkeypatch.setenv("TRACKWAY_SAMPLE", "{half}")
    with pytest.raises(ConfigurationError, match=r"TRACKWAY_SAMPLE is no JSON. Write, for example, 0.1"):
        Tracker("shop-key")
    monkeypatch.delenv("TRACKWAY_SAMPLE")
    monkeypatch.setenv("TRACKWAY_BEFORE_SEND", "scrub")
    with pytest.raises(ConfigurationError, match="TRACKWAY_BEFORE_SEND cannot hold a function"):
        Tracker("shop-key")


def test_purge_deletes_a_person_by_any_of_their_ids(make_tracker: MakeTracker) -> None:
    """As user, as visitor, and as either end of an alias; numbers are texts, as on the wire."""
    transport = RecordingTransport()
    tracker = make_tracker(transport=transport, flush_interval_s=60)
    for number in (7, 8):
        tracker.track("Paid", user_id=number)
        tracker.track("Seen", anonymous_id=f"visitor-{number}")
        tracker.alias(f"visitor-{number}", number)
    assert tracker.purge(7) == Purged(2, 0)
    assert tracker.purge(user_id=7, anonymous_id="visitor-7") == Purged(1, 0)
    assert tracker.flush()
    assert [event.get("userId", event.get("anonymousId")) for event in transport.events] == ["8", "visitor-8", "8"]
    stats = tracker.stats()
    assert (stats.dropped_by_reason, stats.lost, stats.balanced) == ({Dropped.PURGED: 3}, 0, True)


def test_purge_deletes_a_category_or_all(make_tracker: MakeTracker) -> None:
    """After a withdrawn consent, what was queued before it can go, too."""
    transport = RecordingTransport()
    tracker = make_tracker(transport=transport, flush_interval_s=60, consent_categories={"Ad Clicked": "advertising"})
    for name in ("Ad Clicked", "Paid"):
        for person in ("ana", "ben"):
            tracker.track(name, user_id=person)
    assert tracker.purge("ana", category="advertising") == Purged(1, 0)
    assert tracker.purge(category="advertising") == Purged(1, 0)
    assert tracker.purge() == Purged(2, 0)
    assert tracker.flush()
    assert transport.events == []


@pytest.mark.parametrize("missing", [None, "", float("nan")])
def test_purge_of_nobody_deletes_nothing(make_tracker: MakeTracker, missing: Any) -> None:
    """A missing id must not delete everybody's events."""
    tracker = make_tracker(transport=RecordingTransport(), flush_interval_s=60)
    tracker.track("Paid", user_id="ana")
    assert [tracker.purge(missing), tracker.purge(user_id=missing), tracker.purge("ana", category=missing)] == [
        Purged(0, 0)
    ] * 3
    assert tracker.stats().pending == 1


def test_purge_says_what_is_on_its_way_and_does_not_send_it_again(make_tracker: MakeTracker) -> None:
    """Nobody can call a request back, but a failed one is not repeated; who waits in flush() does not wait in vain."""
    barrier = threading.Barrier(2)
    with Loopback(Scripted(503, b"{}", barrier=barrier)) as collector:
        tracker = make_tracker(host=collector.url, **QUICK)
        tracker.track("Paid", user_id="ana")
        while not collector.seen:
            time.sleep(0.005)
        assert tracker.purge("ana") == Purged(0, 1)
        barrier.wait(timeout=30)
        assert tracker.flush()
        assert tracker.stats().dropped_by_reason == {Dropped.PURGED: 1}
    assert len(collector.seen) == 1


def test_losses_reach_the_collector_with_the_next_batch(make_tracker: MakeTracker) -> None:
    """Once, and again with the same id when the answer was lost; what was asked for is no loss."""
    with Loopback(Scripted(reset="after_body")) as collector:
        tracker = make_tracker(host=collector.url, sample={"Page Viewed": 0}, **QUICK)
        tracker.track("Paid")
        tracker.track("Page Viewed", user_id="ana")
        tracker.track("Paid", user_id="ana")
        assert tracker.flush()
        tracker.track("Paid", user_id="ana")
        assert tracker.flush()
    first, again, later = (seen.batch for seen in collector.seen)
    assert first["losses"] == again["losses"] == [{"reason": "no_person", "events": 1}]
    assert first["lossesId"] == again["lossesId"]
    assert "losses" not in later


def test_losses_without_a_batch_to_travel_with_go_on_their_own_at_close(make_tracker: MakeTracker) -> None:
    """One request without events, tried once; with no time left it is not made."""
    with Loopback() as collector:
        tracker = make_tracker(host=collector.url)
        tracker.track("Paid")
        assert tracker.close()
        (seen,) = collector.seen
        assert (seen.batch["losses"], seen.batch["batch"]) == ([{"reason": "no_person", "events": 1}], [])
        hasty = make_tracker(host=collector.url)
        hasty.track("Paid")
        assert hasty.close(0)
    assert len(collector.seen) == 1
    with Loopback(*[refusal(503, "spool_full")] * 5) as collector:
        tracker = make_tracker(host=collector.url)
        tracker.track("Paid")
        assert tracker.close()
    assert len(collector.seen) == 1
