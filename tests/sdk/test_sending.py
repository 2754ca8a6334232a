from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.sdk.loopback import Loopback, Scripted, refusal
from trackway import Tracker, __version__
from trackway.testing import Answer, RecordingTransport, Request

MakeTracker = Callable[..., Tracker]
QUICK = {"backoff_base_s": 0.01, "flush_interval_s": 0.05}


def test_a_batch_is_posted_with_the_key_and_asks_for_a_verdict_on_each_event(
    make_tracker: MakeTracker,
) -> None:
    """The request is the one of the wire contract."""
    with Loopback() as collector:
        tracker = make_tracker(host=f"{collector.url}/base/", **QUICK)
        first = tracker.track("Cart Viewed", user_id="ana")
        second = tracker.track("Paid", user_id="ana")
        assert tracker.flush()
        (seen,) = collector.seen
    assert seen.path == "/base/v1/batch"
    assert seen.ids == [first, second]
    assert set(seen.batch) == {"batch", "sentAt"}
    assert seen.headers["Authorization"] == "Basic " + base64.b64encode(b"shop-key:").decode()
    assert seen.headers["Accept"] == "application/vnd.trackway.v1+json"
    assert seen.headers["User-Agent"] == f"trackway-python/{__version__}"
    assert "X-Retry-Count" not in seen.headers


def test_events_leave_by_age_without_a_flush(make_tracker: MakeTracker) -> None:
    """One event alone is sent after the interval."""
    with Loopback() as collector:
        make_tracker(host=collector.url, **QUICK).track("Paid", user_id="ana")
        wait_until(lambda: len(collector.stored) == 1)


def test_batches_are_cut_by_count_and_one_connection_serves_them_all(make_tracker: MakeTracker) -> None:
    """Ten events in batches of four are three requests over one keep-alive connection, in order."""
    with Loopback() as collector:
        tracker = make_tracker(host=collector.url, max_batch_events=4, flush_interval_s=60)
        ids = [tracker.track("Paid", {"n": number}, user_id="ana") for number in range(10)]
        assert tracker.flush()
    assert [len(seen.ids) for seen in collector.seen] == [4, 4, 2]
    assert [event["messageId"] for event in collector.stored] == ids
    assert len({seen.connection for seen in collector.seen}) == 1


def test_a_large_batch_is_compressed_and_a_small_one_is_not(make_tracker: MakeTracker) -> None:
    """Compression starts where it pays."""
    with Loopback() as collector:
        tracker = make_tracker(host=collector.url, gzip_over_bytes=1000, **QUICK)
        tracker.track("Paid", user_id="ana")
        assert tracker.flush()
        tracker.track("Paid", {"note": "x" * 2000}, user_id="ana")
        assert tracker.flush()
    small, large = collector.seen
    assert "Content-Encoding" not in small.headers
    assert large.headers["Content-Encoding"] == "gzip"
    assert int(large.headers["Content-Length"]) < 1000
    assert large.batch["batch"][0]["properties"]["note"] == "x" * 2000


@pytest.mark.parametrize(
    "trouble", [refusal(503, "spool_full"), refusal(429, "rate_limited"), Scripted(500, b"<html>")]
)
def test_a_passing_trouble_is_retried_with_the_same_ids_and_a_fresh_sent_at(
    make_tracker: MakeTracker, trouble: Scripted
) -> None:
    """`messageId` and `timestamp` are the event's, `sentAt` is the attempt's."""
    with Loopback(trouble, trouble) as collector:
        tracker = make_tracker(host=collector.url, **QUICK)
        message_id = tracker.track("Paid", user_id="ana")
        assert tracker.flush()
    assert [seen.ids for seen in collector.seen] == [[message_id]] * 3
    assert len({seen.batch["batch"][0]["timestamp"] for seen in collector.seen}) == 1
    sent_at = [seen.batch["sentAt"] for seen in collector.seen]
    assert sent_at == sorted(set(sent_at))
    assert [seen.headers.get("X-Retry-Count") for seen in collector.seen] == [None, "1", "2"]
    stats = tracker.stats()
    assert (stats.acked, stats.requests, stats.retries, stats.balanced) == (1, 3, 2, True)


def test_retry_after_is_obeyed_in_seconds_and_as_a_date(make_tracker: MakeTracker) -> None:
    """The next attempt does not come before the collector asked for it; an HTTP date has whole seconds."""
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
    for header, at_least_s in (("0.4", 0.4), (soon, 1.0)):
        with Loopback(refusal(503, "stopping", Retry_After=header)) as collector:
            tracker = make_tracker(host=collector.url, **QUICK)
            tracker.track("Paid", user_id="ana")
            assert tracker.flush()
        first, second = collector.seen
        assert second.at - first.at >= at_least_s


@pytest.mark.parametrize("reset", ["before_body", "after_body"])
def test_a_connection_that_breaks_is_retried_with_the_same_ids(make_tracker: MakeTracker, reset: str) -> None:
    """Whether the collector had the batch is unknown, so it is sent again and the ids tell it."""
    with Loopback(Scripted(reset=reset)) as collector:  # type: ignore[arg-type]
        tracker = make_tracker(host=collector.url, **QUICK)
        ids = [tracker.track("Paid", user_id="ana"), tracker.track("Paid", user_id="ben")]
        assert tracker.flush()
    assert all(seen.ids == ids for seen in collector.seen)
    assert len(collector.seen) == (2 if reset == "after_body" else 1)
    assert (tracker.stats().acked, tracker.stats().retries) == (2, 1)


def test_a_collector_that_does_not_answer_in_time_is_tried_again(make_tracker: MakeTracker) -> None:
    """A request takes no longer than its timeout."""
    with Loopback(Scripted(delay_s=1.0)) as collector:
        tracker = make_tracker(host=collector.url, request_timeout_s=0.1, **QUICK)
        tracker.track("Paid", user_id="ana")
        assert tracker.flush()
    assert (tracker.stats().acked, tracker.stats().retries) == (1, 1)


def test_a_collector_that_comes_later_gets_everything(make_tracker: MakeTracker) -> None:
    """Events tracked while nobody listens are delivered once somebody does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tracker = make_tracker(host=f"http://127.0.0.1:{port}", backoff_base_s=0.01, backoff_cap_s=0.05)
    ids = [tracker.track("Paid", {"n": number}, user_id="ana") for number in range(20)]
    assert not tracker.flush(timeout=0.3)
    assert (tracker.stats().pending, tracker.stats().balanced) == (20, True)
    with Loopback(port=port) as collector:
        assert tracker.flush()
        assert [event["messageId"] for event in collector.stored] == ids


@pytest.mark.parametrize(("status", "code"), [(400, "malformed_json"), (401, "unknown_write_key"), (403, "blocked")])
def test_a_final_refusal_is_not_retried_and_counted_by_code(make_tracker: MakeTracker, status: int, code: str) -> None:
    """The batch is rejected, the next one is sent as if nothing had been."""
    with Loopback(refusal(status, code)) as collector:
        tracker = make_tracker(host=collector.url, **QUICK)
        tracker.track("Paid", user_id="ana")
        tracker.track("Paid", user_id="ben")
        assert tracker.flush()
        tracker.track("Paid", user_id="eva")
        assert tracker.flush()
    assert [len(seen.ids) for seen in collector.seen] == [2, 1]
    stats = tracker.stats()
    assert (stats.acked, stats.rejected, dict(stats.rejected_by_reason), stats.retries) == (
        1,
        2,
        {code: 2},
        0,
    )
    assert stats.balanced


def test_single_events_that_the_collector_refuses_are_counted(make_tracker: MakeTracker) -> None:
    """One of three is refused for good, the others are stored."""
    transport = RecordingTransport(
        [
            Answer(
                200,
                b'{"success":true,"rejected":[{"messageId":"m2","code":"bad_event","message":"it is bad"}]}',
            )
        ]
    )
    tracker = make_tracker(transport=transport)
    for name in ("m1", "m2", "m3"):
        tracker.track("Paid", user_id="ana", message_id=name)
    assert tracker.flush()
    stats = tracker.stats()
    assert (stats.acked, stats.rejected, dict(stats.rejected_by_reason)) == (2, 1, {"bad_event": 1})


def test_a_batch_too_large_for_this_collector_is_halved_until_it_fits(make_tracker: MakeTracker) -> None:
    """Nothing is lost when the limits of the collector are smaller than ours."""

    class Small(RecordingTransport):
        def send(self, request: Request) -> Answer:
            answer = super().send(request)
            if len(self.batches[-1]["batch"]) > 2:
                return Answer(400, b'{"code":"too_many_events"}')
            return answer

    transport = Small()
    tracker = make_tracker(transport=transport)
    for number in range(7):
        tracker.track("Paid", {"n": number}, user_id="ana")
    assert tracker.flush()
    assert tracker.stats().acked == 7
    fitting = [batch["batch"] for batch in transport.batches if len(batch["batch"]) <= 2]
    assert [event["properties"]["n"] for batch in fitting for event in batch] == list(range(7))


def test_a_full_queue_refuses_and_counts(make_tracker: MakeTracker) -> None:
    """
    The memory is bounded: what comes on top is dropped with its reason, and what was taken is still sent.
    """
    with Loopback(refusal(503, "spool_full", Retry_After="1")) as collector:
        tracker = make_tracker(host=collector.url, max_queue_events=5, **QUICK)
        ids = [tracker.track("Paid", {"n": number}, user_id="ana") for number in range(8)]
        assert ids[5:] == [None] * 3
        stats = tracker.stats()
        assert (stats.enqueued, stats.pending, stats.dropped) == (8, 5, 3)
        assert dict(stats.dropped_by_reason) == {"queue_full": 3}
        assert tracker.flush()
        assert [event["messageId"] for event in collector.stored] == ids[:5]
    assert tracker.stats().balanced


def test_a_transport_that_fails_in_its_own_way_is_a_network_that_fails(make_tracker: MakeTracker) -> None:
    """No exception ends the sender: the batch is tried again."""

    class Flaky(RecordingTransport):
        def send(self, request: Request) -> Answer:
            if not self.requests:
                self.requests.append(request)
                raise ZeroDivisionError
            return super().send(request)

    transport = Flaky()
    tracker = make_tracker(transport=transport, **QUICK)
    tracker.track("Paid", user_id="ana")
    assert tracker.flush()
    assert (len(transport.events), tracker.stats().retries) == (1, 1)


def test_many_threads_can_share_a_tracker(make_tracker: MakeTracker) -> None:
    """Eight threads, 4,000 events: each is sent once, each thread's in its order, and the books balance."""
    with Loopback(refusal(503, "spool_full"), Scripted(reset="after_body")) as collector:
        tracker = make_tracker(host=collector.url, max_batch_events=100, **QUICK)

        def work(person: str) -> None:
            for number in range(500):
                tracker.track("Paid", {"n": number}, user_id=person)

        threads = [threading.Thread(target=work, args=(f"person-{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert tracker.flush(30)
        stored = list(collector.stored)
    assert len({event["messageId"] for event in stored}) == len(stored) == 4000
    for n in range(8):
        numbers = [event["properties"]["n"] for event in stored if event["userId"] == f"person-{n}"]
        assert numbers == list(range(500))
    assert [event["messageId"] for event in stored] == sorted(event["messageId"] for event in stored)
    stats = tracker.stats()
    assert (stats.enqueued, stats.acked, stats.balanced) == (4000, 4000, True)


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it did not happen within ten seconds")


@pytest.mark.parametrize(("status", "reason"), [(404, "http_404"), (200, "not_a_collector"), (302, "not_a_collector")])
def test_a_host_that_is_no_collector_is_said(
    make_tracker: Callable[..., Tracker], caplog: pytest.LogCaptureFixture, status: int, reason: str
) -> None:
    """The log names the URL that was reached, how it answered, and what `host` should be."""
    with Loopback(Scripted(status, b"<h1>A web server</h1>")) as web:
        tracker = make_tracker(host=web.url, backoff_base_s=0.001)
        tracker.track("Paid", user_id="ana")
        tracker.flush()
    assert reason in caplog.text
    assert f"{web.url}/v1/batch answered HTTP {status}, and not as a collector does." in caplog.text
    assert "`host` should be the collector's address, for example http://127.0.0.1:8077." in caplog.text


def test_a_refusal_of_the_collector_is_not_about_the_host(
    make_tracker: Callable[..., Tracker], caplog: pytest.LogCaptureFixture
) -> None:
    """What a collector refuses with a code of its own is no reason to look at `host`."""
    with Loopback(refusal(401, "unknown_write_key")) as collector:
        tracker = make_tracker(host=collector.url)
        tracker.track("Paid", user_id="ana")
        tracker.flush()
    assert "unknown_write_key" in caplog.text
    assert "`host`" not in caplog.text
