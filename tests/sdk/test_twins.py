"""`Tracker`, `Tracker(sync=True)` and `AsyncTracker` are one thing driven in three ways."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest

from tests.sdk.loopback import Loopback, Scripted, refusal
from trackway import AsyncTracker, Stats, Tracker
from trackway.testing import RecordingTransport

QUICK: dict[str, Any] = {"backoff_base_s": 0.01, "flush_interval_s": 60, "on_violation": "flag"}


@dataclass
class Story:
    """What a server answers, and what a program does."""

    script: tuple[Scripted, ...]
    events: int
    settings: dict[str, Any]


STORIES = {
    "all is well": Story((), 10, {"max_batch_events": 4}),
    "a collector that is full": Story(
        (refusal(503, "spool_full"), refusal(429, "rate_limited", Retry_After="0")), 5, {}
    ),
    "a connection that breaks": Story((Scripted(reset="after_body"),), 5, {}),
    "a kept connection that breaks": Story((Scripted(), Scripted(reset="after_body")), 5, {"max_batch_events": 2}),
    "a batch that is too large": Story((refusal(413, "batch_too_large"), refusal(400, "too_many_events")), 7, {}),
    "a key that is not known": Story((refusal(401, "unknown_write_key"),), 5, {"max_batch_events": 2}),
    "events that are refused": Story(
        (Scripted(body=b'{"success":true,"rejected":[{"messageId":"m1","code":"bad_event"}]}'),), 3, {}
    ),
    "what is no collector": Story((Scripted(404, b"<html>"),), 3, {"max_batch_events": 1}),
    "large batches": Story((refusal(503, "spool_full"),), 40, {"gzip_over_bytes": 500}),
    "a queue that is full": Story((), 10, {"max_queue_events": 6}),
}


OF_THE_REQUEST = ("host", "content-length")


def call(tracker: Tracker | AsyncTracker, events: int) -> None:
    for number in range(events):
        tracker.track("Paid", {"n": number}, user_id="ana", message_id=f"m{number}", timestamp="2026-05-19T00:00:00Z")
    tracker.identify("ana", {"email": "ana@example.com"}, message_id="identify", timestamp="2026-05-19T00:00:00Z")
    tracker.track("", user_id="ana")


def told(collector: Loopback) -> list[tuple[Any, ...]]:
    """Return what stands in the requests, without what differs by nature: clock, port, and header names' case."""
    return [
        (
            seen.path,
            [{**event, "context": None} for event in seen.batch["batch"]],
            seen.batch.get("losses"),
            {name.lower(): value for name, value in seen.headers.items() if name.lower() not in OF_THE_REQUEST},
        )
        for seen in collector.seen
    ]


def with_a_thread(url: str, story: Story) -> Stats:
    with Tracker("shop-key", host=url, **{**QUICK, **story.settings}) as tracker:
        with tracker._lock:  # so that no batch leaves before the last call
            call(tracker, story.events)
        tracker.flush()
    return tracker.stats()


def with_a_task(url: str, story: Story) -> Stats:
    async def run() -> Stats:
        async with AsyncTracker("shop-key", host=url, **{**QUICK, **story.settings}) as tracker:
            call(tracker, story.events)
            await tracker.flush()
        return tracker.stats()

    return asyncio.run(run())


@pytest.mark.parametrize("name", STORIES)
def test_the_same_story_ends_in_the_same_books_and_the_same_requests(name: str) -> None:
    """Thread and task say the same to the collector, down to the headers, and count the same."""
    ends = []
    for run in (with_a_thread, with_a_task):
        with Loopback(*STORIES[name].script) as collector:
            stats = run(collector.url, STORIES[name])
            ends.append((told(collector), stats))
    assert ends[0] == ends[1]
    assert ends[0][1].balanced


def test_the_twins_have_the_same_calls() -> None:
    """Whatever one can do the other can, with the same arguments; `flush` and `close` are awaited."""
    names = {name for name in dir(Tracker) if not name.startswith("_")}
    assert names == {name for name in dir(AsyncTracker) if not name.startswith("_")}
    for name in sorted(names):
        one, other = getattr(Tracker, name), getattr(AsyncTracker, name)
        assert inspect.signature(one) == inspect.signature(other), name
        assert inspect.iscoroutinefunction(other) == (name in ("flush", "close"))
    assert inspect.signature(Tracker.__init__) == inspect.signature(AsyncTracker.__init__)


def sync_tracker(**settings: Any) -> Tracker:
    return Tracker("shop-key", sync=True, **{**QUICK, **settings})


def test_a_sync_tracker_has_sent_when_the_call_returns() -> None:
    """Each event is a request of its own, over one connection, and there is no thread."""
    threads = threading.active_count()
    with Loopback() as collector:
        served = threading.active_count()
        with sync_tracker(host=collector.url) as tracker:
            for number in range(3):
                message_id = tracker.track("Paid", {"n": number}, user_id="ana")
                assert [event["messageId"] for event in collector.stored][number:] == [message_id]
                assert (tracker.stats().acked, tracker.stats().pending) == (number + 1, 0)
            assert "trackway-sender" not in [thread.name for thread in threading.enumerate()]
        assert len({seen.connection for seen in collector.seen}) == 1
    assert served >= threads


def test_a_sync_call_retries_within_its_time() -> None:
    """What passes by itself is waited for."""
    with Loopback(Scripted(reset="after_body"), refusal(503, "spool_full")) as collector:
        tracker = sync_tracker(host=collector.url)
        tracker.track("Paid", user_id="ana")
        assert (tracker.stats().acked, tracker.stats().retries) == (1, 2)
        tracker.close()


def test_what_a_sync_call_cannot_send_stays_and_goes_before_the_next_event() -> None:
    """
    A call returns after `sync_timeout_s`, or at once when the next attempt is farther away than that; nothing is lost
    but what is pending at the end.
    """
    with Loopback(refusal(503, "spool_full", Retry_After="1")) as collector:
        tracker = sync_tracker(host=collector.url, sync_timeout_s=0.2)
        first = tracker.track("First", user_id="ana")
        second = tracker.track("Second", user_id="ana")
        assert (tracker.stats().pending, tracker.stats().requests) == (2, 1)
        assert tracker.flush()
        third = tracker.track("Third", user_id="ana")
        assert [event["messageId"] for event in collector.stored] == [first, second, third]
        assert tracker.close()
    gone = sync_tracker(host="http://127.0.0.1:9", sync_timeout_s=0.1)
    gone.track("Paid", user_id="ana")
    assert (gone.stats().pending, gone.stats().balanced) == (1, True)
    assert not gone.close(0)
    assert dict(gone.stats().dropped_by_reason) == {"not_sent_in_time": 1}


def test_a_sync_call_is_bounded_by_its_time_when_the_collector_hangs() -> None:
    """Not by the request's own, longer timeout; the event is asked for again."""
    with Loopback(Scripted(delay_s=5)) as collector:
        tracker = sync_tracker(host=collector.url, sync_timeout_s=0.2)
        began = time.monotonic()
        message_id = tracker.track("Paid", user_id="ana")
        assert time.monotonic() - began < 5
        assert tracker.stats().pending == 1
        assert tracker.flush()
        assert [seen.ids for seen in collector.seen] == [[message_id], [message_id]]
        tracker.close()


def test_threads_that_share_a_sync_tracker_take_turns() -> None:
    """Each finds its event sent when its call returns; one request at a time."""
    transport = Alone()
    tracker = sync_tracker(transport=transport)
    early: list[str] = []

    def work(person: str) -> None:
        for number in range(50):
            message_id = tracker.track("Paid", {"n": number}, user_id=person)
            if message_id not in [event["messageId"] for event in transport.events]:
                early.append(str(message_id))

    threads = [threading.Thread(target=work, args=(f"person-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert early == []
    assert (tracker.stats().acked, tracker.stats().balanced) == (200, True)
    tracker.close()


def test_a_sync_tracker_may_be_used_while_it_sends() -> None:
    """A signal handler, a finaliser, or a transport that tracks: the event inside waits for the next call or flush."""
    tracker: Tracker

    class Tracking(RecordingTransport):
        def send(self, request: Any) -> Any:
            if len(self.requests) == 0:
                tracker.track("Inside", user_id="ana")
            return super().send(request)

    transport = Tracking()
    tracker = sync_tracker(transport=transport)
    tracker.track("Outside", user_id="ana")
    tracker.flush()
    assert sorted(event["event"] for event in transport.events) == ["Inside", "Outside"]
    tracker.close()


def test_an_interrupted_sync_call_keeps_its_event() -> None:
    """Ctrl-C in the middle of a request: the event is sent again with the next one."""

    class Interrupted(RecordingTransport):
        def send(self, request: Any) -> Any:
            if not self.requests:
                self.requests.append(request)
                raise KeyboardInterrupt
            return super().send(request)

    transport = Interrupted()
    tracker = sync_tracker(transport=transport)
    with pytest.raises(KeyboardInterrupt):
        tracker.track("Paid", user_id="ana")
    assert (tracker.stats().pending, tracker.stats().balanced) == (1, True)
    assert tracker.close()
    assert [event["event"] for event in transport.events] == ["Paid"]


class Alone(RecordingTransport):
    """Fails when it is asked by two at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._busy = threading.Lock()

    def send(self, request: Any) -> Any:
        assert self._busy.acquire(blocking=False), "two requests at a time"
        try:
            return super().send(request)
        finally:
            self._busy.release()
