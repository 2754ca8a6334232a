"""Each kind of answer, over real HTTP: what is sent again, what is not, and what the books say."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.sdk.loopback import ACK, Loopback, Scripted, Seen, refusal
from trackway import AsyncTracker, Tracker

MakeTracker = Callable[..., Any]
# What is retried comes back within milliseconds; what waits for company or for a pause of its own never does.
QUICK = {"backoff_base_s": 0.001, "backoff_cap_s": 0.002, "flush_interval_s": 60}
HTML = b"<!doctype html><title>502 Bad Gateway</title><h1>nginx</h1>"

RETRIED = [408, 410, 429, 460, 500, 502, 503, 504, 506, 507, 508, 509, 510, 511, 520, 521, 522, 523, 524, 529, 530, 599]
FINAL = [400, 401, 402, 403, 404, 405, 406, 407, 409, 411, 412, 413, 414, 415, 417, 418, 421, 422, 423, 424, 426, 428]
FINAL += [431, 451, 499, 501, 505]
NO_PROMISE = [201, 202, 203, 204, 205, 206, 226, 300, 301, 302, 303, 304, 305, 307, 308]


class InLoop:
    """An `AsyncTracker` in a loop of its own, called as a `Tracker` is."""

    def __init__(self, **settings: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._tracker = self._do(self._made(settings))

    def track(self, *given: Any, **named: Any) -> Any:
        return self._do(self._tracked(given, named))

    def flush(self) -> Any:
        return self._do(self._tracker.flush())

    def stats(self) -> Any:
        return self._tracker.stats()

    def close(self) -> None:
        self._do(self._tracker.close(0))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _made(self, settings: dict[str, Any]) -> AsyncTracker:
        return AsyncTracker("shop-key", **{"on_violation": "flag", **settings})

    async def _tracked(self, given: Any, named: Any) -> Any:
        return self._tracker.track(*given, **named)


@pytest.fixture(params=["urllib3", "aiohttp"])
def make_tracker(request: pytest.FixtureRequest) -> Iterator[MakeTracker]:
    """Make trackers of both kinds: a thread with urllib3, a task with aiohttp. They speak the same HTTP."""
    made: list[Any] = []

    def make(**settings: Any) -> Any:
        tracker = Tracker("shop-key", **settings) if request.param == "urllib3" else InLoop(**settings)
        made.append(tracker)
        return tracker

    yield make
    for tracker in made:
        tracker.close()


@pytest.mark.parametrize("status", RETRIED)
@pytest.mark.parametrize("body", [b"", HTML], ids=["empty", "html"])
def test_passing_troubles_are_sent_again(make_tracker: MakeTracker, status: int, body: bytes) -> None:
    """The same events with the same ids, until they are stored."""
    with Loopback(Scripted(status, body), Scripted(status, body)) as collector:
        tracker = make_tracker(host=collector.url, **QUICK)
        ids = [tracker.track("Paid", user_id=person) for person in ("ana", "ben")]
        assert tracker.flush()
    assert [seen.ids for seen in collector.seen] == [ids] * 3
    stats = tracker.stats()
    assert (stats.acked, stats.requests, stats.retries, stats.rejected, stats.balanced) == (2, 3, 2, 0, True)


@pytest.mark.parametrize("status", FINAL)
def test_final_refusals_are_not_sent_again(make_tracker: MakeTracker, status: int) -> None:
    """Each event is counted under the code, or under the status where there is none."""
    with Loopback(refusal(status, "no_entry"), Scripted(status, HTML)) as collector:
        tracker = make_tracker(host=collector.url, **QUICK)
        for person in ("ana", "ben"):
            tracker.track("Paid", user_id=person)
            assert tracker.flush()
    assert len(collector.seen) == 2
    stats = tracker.stats()
    assert dict(stats.rejected_by_reason) == {"no_entry": 1, f"http_{status}": 1}
    assert (stats.acked, stats.retries, stats.balanced) == (0, 0, True)


@pytest.mark.parametrize("status", NO_PROMISE)
def test_what_no_collector_says_is_no_promise(make_tracker: MakeTracker, status: int) -> None:
    """Other successes and redirections come from what stands in a collector's place; they are not followed."""
    elsewhere = {"Location": "/elsewhere"} if 300 <= status < 400 else {}
    body = b"" if status in (204, 205, 304) else ACK
    with Loopback(Scripted(status, body, elsewhere)) as collector:
        tracker = make_tracker(host=collector.url, **QUICK)
        message_id = tracker.track("Paid", user_id="ana")
        assert tracker.flush()
    assert [(seen.path, seen.ids) for seen in collector.seen] == [("/v1/batch", [message_id])] * 2
    assert (tracker.stats().acked, tracker.stats().retries) == (1, 1)


@pytest.mark.parametrize(
    "body", [HTML, b"", b"OK", b"null", b'"success"', b'{"success":"true"}', ACK[:-1], b"\x1f\x8b", b"x" * 5_000_000]
)
def test_a_200_that_is_not_the_collectors_is_no_promise(make_tracker: MakeTracker, body: bytes) -> None:
    """Portals and proxies answer 200 to anything, of any size."""
    with Loopback(Scripted(200, body)) as collector:
        tracker = make_tracker(host=collector.url, **QUICK)
        tracker.track("Paid", user_id="ana")
        assert tracker.flush()
    assert (tracker.stats().acked, tracker.stats().retries) == (1, 1)


@pytest.mark.parametrize(
    "trouble", [Scripted(413, HTML), *(refusal(400, f"{what}") for what in ("batch_too_large", "too_many_events"))]
)
def test_a_batch_too_large_is_sent_in_halves(make_tracker: MakeTracker, trouble: Scripted) -> None:
    """At once, in order, without a failure in the log."""
    with Loopback(trouble) as collector:
        tracker = make_tracker(host=collector.url, **{**QUICK, "backoff_base_s": 60, "backoff_cap_s": 60})
        ids = [tracker.track("Paid", {"n": n}, user_id="ana") for n in range(5)]
        assert tracker.flush()
    assert [seen.ids for seen in collector.seen] == [ids, ids[:2], ids[2:]]
    assert (tracker.stats().acked, tracker.stats().balanced) == (5, True)


@pytest.mark.parametrize(("status", "code"), [(413, ""), (400, "batch_too_large"), (400, "event_too_large")])
def test_a_single_event_too_large_costs_no_other(make_tracker: MakeTracker, status: int, code: str) -> None:
    """Halving finds it: it alone is refused, and the others are stored in their order."""
    no = refusal(status, code) if code else Scripted(status, b"")

    def judge(seen: Seen) -> Scripted:
        return no if any(event["properties"]["n"] == 5 for event in seen.batch["batch"]) else Scripted()

    with Loopback(then=judge) as collector:
        tracker = make_tracker(host=collector.url, **QUICK)
        for n in range(9):
            tracker.track("Paid", {"n": n}, user_id="ana")
        assert tracker.flush()
        assert [event["properties"]["n"] for event in collector.stored] == [0, 1, 2, 3, 4, 6, 7, 8]
    stats = tracker.stats()
    assert (stats.acked, dict(stats.rejected_by_reason), stats.balanced) == (8, {code or "http_413": 1}, True)


def test_retry_after_of_any_retried_status_is_a_minimum(make_tracker: MakeTracker) -> None:
    """429 and 503 as well as those that rarely carry it; one that cannot be read is as good as none."""
    for status, header, at_least_s in ((429, "0.3", 0.3), (500, "0.3", 0.3), (410, "0.3", 0.3), (503, "in a while", 0)):
        with Loopback(Scripted(status, b"", {"Retry-After": header})) as collector:
            tracker = make_tracker(host=collector.url, **QUICK)
            tracker.track("Paid", user_id="ana")
            assert tracker.flush()
        first, second = collector.seen
        assert second.at - first.at >= at_least_s


def test_events_that_are_to_be_retried_wait_as_the_200_says(make_tracker: MakeTracker) -> None:
    """Of three stored in part, the two others come again after Retry-After, alone and in order."""
    body = json.dumps({"success": True, "result": "ok", "results": {"m1": "retry", "m3": "retry"}}).encode()
    with Loopback(Scripted(200, body, {"Retry-After": "0.3"})) as collector:
        tracker = make_tracker(host=collector.url, **QUICK)
        for name in ("m1", "m2", "m3"):
            tracker.track("Paid", user_id="ana", message_id=name)
        assert tracker.flush()
    first, second = collector.seen
    assert (first.ids, second.ids) == (["m1", "m2", "m3"], ["m1", "m3"])
    assert second.at - first.at >= 0.3
    assert second.headers["X-Retry-Count"] == "1"
    stats = tracker.stats()
    assert (stats.acked, stats.retries, dict(stats.acked_by_result)) == (3, 1, {"ok": 1})


@pytest.mark.parametrize("reset", ["before_body", "after_body"])
def test_a_reset_on_a_new_connection_is_a_failure(make_tracker: MakeTracker, reset: Any) -> None:
    """Whoever listens there is in trouble: the next attempt waits its pause and is counted."""
    with Loopback(Scripted(reset=reset)) as collector:
        tracker = make_tracker(host=collector.url, **QUICK)
        tracker.track("Paid", user_id="ana")
        assert tracker.flush()
    assert (tracker.stats().acked, tracker.stats().retries) == (1, 1)


@pytest.mark.parametrize("end", [Scripted(hang_up=True), Scripted(headers={"Connection": "close"})], ids=["", "said"])
def test_a_connection_closed_while_idle_is_no_failure(
    make_tracker: MakeTracker, caplog: pytest.LogCaptureFixture, end: Scripted
) -> None:
    """The collector closed its half after the answer: the next batch goes out on a new connection, at once."""
    caplog.set_level(logging.WARNING, "trackway")
    with Loopback(end) as collector:
        tracker = make_tracker(host=collector.url, backoff_base_s=60, backoff_cap_s=60)
        for person in ("ana", "ben", "eva"):
            tracker.track("Paid", user_id=person)
            assert tracker.flush()
            time.sleep(0.05)
    assert [len(seen.ids) for seen in collector.seen] == [1, 1, 1]
    assert len({seen.connection for seen in collector.seen}) == 2
    assert (tracker.stats().acked, tracker.stats().retries, caplog.messages) == (3, 0, [])


@pytest.mark.parametrize("reset", ["before_body", "after_body"])
def test_a_connection_closed_just_as_it_is_used_again_is_no_failure(
    make_tracker: MakeTracker, caplog: pytest.LogCaptureFixture, reset: Any
) -> None:
    """
    Nobody can see a connection die that dies while the request is on its way: it is asked again at once on a new one,
    with the same ids, and no pause begins.
    """
    caplog.set_level(logging.WARNING, "trackway")
    with Loopback(Scripted(), Scripted(reset=reset)) as collector:
        tracker = make_tracker(host=collector.url, backoff_base_s=60, backoff_cap_s=60)
        for person in ("ana", "ben"):
            tracker.track("Paid", user_id=person)
            assert tracker.flush()
    assert [event["userId"] for event in collector.stored] == ["ana", "ben"]
    assert (tracker.stats().acked, tracker.stats().requests, caplog.messages) == (2, 2, [])


def test_a_collector_that_went_away_is_a_failure_after_one_more_try(make_tracker: MakeTracker) -> None:
    """A kept connection that breaks and a new one that breaks as well are a collector in trouble: a pause begins."""
    reset = Scripted(reset="after_body")
    with Loopback(Scripted(), reset, reset) as collector:
        tracker = make_tracker(host=collector.url, **QUICK)
        for person in ("ana", "ben"):
            tracker.track("Paid", user_id=person)
            assert tracker.flush()
    assert [len(seen.ids) for seen in collector.seen] == [1, 1, 1, 1]
    assert (tracker.stats().acked, tracker.stats().requests, tracker.stats().retries) == (2, 3, 1)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SIZED = HEAD + b"Content-Length: 16\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        (CHUNKED + b'8\r\n{"succes\r\n8;note=x\r\ns":true}\r\n0\r\n\r\n',),
        (CHUNKED, b'8\r\n{"succes\r\n', b'8\r\ns":true}\r\n', b"0\r\nTrailer: x\r\n\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED + ACK,),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\nNote: x\r\n\r\n", SIZED, ACK),
        (SIZED[:10], SIZED[10:40], SIZED[40:] + ACK[:3], ACK[3:]),
    ],
    ids=["chunked", "chunked-slowly", "100-continue", "100-continue-twice", "in-pieces"],
)
def test_answers_come_in_every_form_that_http_knows(make_tracker: MakeTracker, raw: tuple[bytes, ...]) -> None:
    """One request each, on one connection."""
    with Loopback(*[Scripted(raw=raw, delay_s=0.02)] * 2) as collector:
        tracker = make_tracker(host=collector.url, **QUICK)
        for person in ("ana", "ben"):
            tracker.track("Paid", user_id=person)
            assert tracker.flush()
    assert [len(seen.ids) for seen in collector.seen] == [1, 1]
    assert len({seen.connection for seen in collector.seen}) == 1
    assert (tracker.stats().acked, tracker.stats().retries) == (2, 0)


@pytest.mark.parametrize(
    "raw",
    [
        (HEAD + b"Content-Length: 17\r\n\r\n" + ACK,),
        (CHUNKED + b'8\r\n{"succes\r\n',),
        (CHUNKED + b"no size\r\n" + ACK,),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 16\r\n\r\n" + ACK,),
        (b"SMTP server ready\r\n",),
        (b"",),
    ],
    ids=["cut", "chunked-cut", "chunked-nonsense", "damaged-gzip", "no-http", "nothing"],
)
def test_an_answer_that_is_not_whole_is_none(make_tracker: MakeTracker, raw: tuple[bytes, ...]) -> None:
    """What the collector had begun to say is not taken for what it meant to say."""
    with Loopback(Scripted(raw=raw, hang_up=True)) as collector:
        tracker = make_tracker(host=collector.url, **QUICK)
        tracker.track("Paid", user_id="ana")
        assert tracker.flush()
    assert len(collector.seen) == 2
    assert (tracker.stats().acked, tracker.stats().retries) == (1, 1)


@pytest.mark.parametrize(
    "slow",
    [Scripted(delay_s=2.0), Scripted(raw=(SIZED, *(bytes([byte]) for byte in ACK)), delay_s=0.15)],
    ids=["silent", "dripping"],
)
def test_an_answer_that_takes_too_long_is_none(make_tracker: MakeTracker, slow: Scripted) -> None:
    """Neither silence nor a byte now and then holds the sender up for longer than the timeout."""
    with Loopback(slow) as collector:
        tracker = make_tracker(host=collector.url, request_timeout_s=0.3, **QUICK)
        tracker.track("Paid", user_id="ana")
        assert tracker.flush()
    assert (tracker.stats().acked, tracker.stats().retries) == (1, 1)
