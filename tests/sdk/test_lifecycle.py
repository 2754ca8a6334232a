from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sdk.loopback import Loopback, Scripted, refusal
from trackway import Tracker
from trackway.testing import RecordingTransport

ROOT = Path(__file__).parents[2]
MakeTracker = Callable[..., Tracker]
PYTHON = os.environ.get("TRACKWAY_TEST_PYTHON", sys.executable)
"""Which Python runs the programs; `test_pythons` has others run them."""


def run(program: str, url: str, *, status: int = 0, exit_timeout_s: float = 30) -> str:
    """Run a program with `tracker` made for it, and return what it wrote to stderr."""
    begin = f"import sys; sys.path[:0] = {[str(ROOT / 'sdk'), str(ROOT / 'tracking_plan')]!r}\n"
    begin += f"from trackway import Tracker\ntracker = Tracker('shop-key', host={url!r}, backoff_base_s=0.05)\n"
    done = subprocess.run(
        [PYTHON, "-c", begin + program],
        env={**os.environ, "TRACKWAY_EXIT_TIMEOUT_S": str(exit_timeout_s)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == status, done.stderr
    return done.stderr


def test_no_thread_exists_before_the_first_event(make_tracker: MakeTracker) -> None:
    """A tracker that is made and not used costs nothing."""
    before = set(threading.enumerate())
    tracker = make_tracker(transport=RecordingTransport())
    assert set(threading.enumerate()) <= before
    tracker.track("Paid", user_id="ana")
    assert [thread.name for thread in set(threading.enumerate()) - before] == ["trackway-sender"]


def test_close_sends_what_is_pending_and_ends_the_thread() -> None:
    """Leaving the `with` block loses nothing."""
    with Loopback() as collector:
        with Tracker("shop-key", host=collector.url, flush_interval_s=60, on_violation="flag") as tracker:
            ids = [tracker.track("Paid", user_id="ana") for _ in range(1200)]
        assert [event["messageId"] for event in collector.stored] == ids
        assert "trackway-sender" not in [thread.name for thread in threading.enumerate()]


def test_close_retries_within_its_deadline() -> None:
    """A collector that hiccups at the end still gets everything."""
    with Loopback(refusal(503, "stopping"), Scripted(reset="after_body")) as collector:
        tracker = Tracker("shop-key", host=collector.url, backoff_base_s=0.05, flush_interval_s=60)
        tracker.track("Paid", user_id="ana")
        assert tracker.close()
        assert len(collector.stored) == 1


def test_close_gives_up_at_its_deadline_and_counts(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits for ever for a collector that is gone, and what is lost is in the books and in the log."""
    tracker = Tracker("shop-key", host="http://127.0.0.1:9", flush_interval_s=60, on_violation="flag")
    for _ in range(3):
        tracker.track("Paid", user_id="ana")
    with caplog.at_level(logging.ERROR):
        assert not tracker.close(timeout=0.2)
    stats = tracker.stats()
    assert (stats.pending, dict(stats.dropped_by_reason)) == (0, {"not_sent_in_time": 3})
    assert stats.balanced
    assert "3 event(s) were not sent" in caplog.text


def test_close_does_not_wait_for_a_request_that_hangs() -> None:
    """The request's own timeout may be longer than the deadline."""
    with Loopback(Scripted(delay_s=3.0)) as collector:
        tracker = Tracker("shop-key", host=collector.url, flush_interval_s=0, on_violation="flag")
        tracker.track("Paid", user_id="ana")
        while not collector.seen:
            pass
        assert not tracker.close(timeout=0.2)
        assert tracker.stats().balanced


def test_after_close_events_are_counted_as_dropped() -> None:
    """Closing twice does nothing, tracking afterwards does not raise."""
    transport = RecordingTransport()
    tracker = Tracker("shop-key", transport=transport, on_violation="flag")
    assert tracker.close()
    assert tracker.close()
    assert tracker.track("Paid", user_id="ana") is None
    assert dict(tracker.stats().dropped_by_reason) == {"closed": 1}
    assert tracker.flush()


def test_flush_returns_false_when_its_time_is_up(make_tracker: MakeTracker) -> None:
    """And True at once when there is nothing to wait for."""
    tracker = make_tracker(host="http://127.0.0.1:9")
    assert tracker.flush(0)
    tracker.track("Paid", user_id="ana")
    assert not tracker.flush(0.05)


def test_flush_waits_only_for_events_tracked_before_it(make_tracker: MakeTracker) -> None:
    """Other threads that go on tracking do not keep it."""
    transport = RecordingTransport()
    tracker = make_tracker(transport=transport)
    stop = threading.Event()

    def keep_tracking() -> None:
        while not stop.wait(0.001):
            tracker.track("Noise", user_id="ben")

    thread = threading.Thread(target=keep_tracking)
    thread.start()
    try:
        for _ in range(5):
            tracker.track("Paid", user_id="ana")
            assert tracker.flush(10)
    finally:
        stop.set()
        thread.join()
    assert [event["userId"] for event in transport.events].count("ana") == 5


def test_a_program_that_just_ends_has_sent_its_events() -> None:
    """
    No flush, no close, no `with`, and even the tracker forgotten: the end of the program drains the queue.
    """
    with Loopback() as collector:
        run("for n in range(2000): tracker.track('Paid', {'n': n}, user_id='ana')\ndel tracker", collector.url)
        assert [event["properties"]["n"] for event in collector.stored] == list(range(2000))


def test_a_program_ends_in_time_when_the_collector_is_gone() -> None:
    """The end is held up for `exit_timeout_s` at most, and the loss is logged."""
    program = "tracker.track('Paid', user_id='ana')"
    assert "1 event(s) were not sent" in run(program, "http://127.0.0.1:9", exit_timeout_s=0.5)


def test_trackers_drain_side_by_side_at_the_end() -> None:
    """
    A collector that answers only when all three trackers have called gets the events of all: none waits for another.
    """
    program = """
trackers = [Tracker('shop-key', host=tracker.options.host, flush_interval_s=60, exit_timeout_s=20) for _ in range(3)]
for each in trackers: each.track('Paid', user_id='ana')
"""
    all_there = threading.Barrier(3)
    with Loopback(*[Scripted(barrier=all_there)] * 3) as collector:
        assert run(program, collector.url) == ""
        assert len(collector.stored) == 3


def test_a_failing_program_has_sent_its_events() -> None:
    """An unhandled exception ends a program the same way."""
    with Loopback() as collector:
        run("tracker.track('Paid', user_id='ana')\nraise SystemExit(3)", collector.url, status=3)
        assert len(collector.stored) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_sends_its_own_events_and_not_its_parents() -> None:
    """
    Each event is sent once: what was queued before the fork by the parent, what the child tracks by the
    child.
    """
    program = """
import os
parents = [tracker.track('Paid', {'by': 'parent'}, user_id='ana') for _ in range(10)]
child = os.fork()
if child == 0:
    assert tracker.stats().enqueued == 0
    for _ in range(10): tracker.track('Paid', {'by': 'child'}, user_id='ana')
    os._exit(0 if tracker.flush(10) and tracker.stats().acked == 10 else 1)
assert os.waitpid(child, 0)[1] == 0
tracker.track('Paid', {'by': 'parent'}, user_id='ana')
"""
    with Loopback() as collector:
        run(program, collector.url)
        by = [event["properties"]["by"] for event in collector.stored]
        ids = {event["messageId"] for event in collector.stored}
    assert (by.count("parent"), by.count("child"), len(ids)) == (11, 10, 21)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_worker_of_multiprocessing_sends_what_it_tracked() -> None:
    """Such a worker ends without atexit functions; its events leave all the same, those of a second worker too."""
    program = """
import multiprocessing

tracker.track("Parent", user_id="ana")
tracker.flush()
fork = multiprocessing.get_context("fork")
for number in (1, 2):
    worker = fork.Process(target=tracker.track, args=(f"Worker {number}",), kwargs={"user_id": "ana"})
    worker.start()
    worker.join()
"""
    with Loopback() as collector:
        run(program, collector.url)
        assert [event["event"] for event in collector.stored] == ["Parent", "Worker 1", "Worker 2"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forking_while_other_threads_track_does_not_lock_the_child() -> None:
    """The child's locks are its own, whoever held the parent's at that moment."""
    program = """
import os, threading
stop = False
def work():
    while not stop: tracker.track('Noise', user_id='ben')
threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
for thread in threads: thread.start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        tracker.track('Child', user_id='ana')
        os._exit(0 if tracker.flush(10) else 1)
    assert os.waitpid(child, 0)[1] == 0
stop = True
for thread in threads: thread.join()
assert tracker.stats().balanced
tracker.close(0)
"""
    with Loopback() as collector:
        run(program, collector.url)
        assert [event["event"] for event in collector.stored].count("Child") == 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_signal_handler_may_track() -> None:
    """It may interrupt a call of track() that holds the lock."""
    program = """
import os, signal
signal.signal(signal.SIGALRM, lambda *_: tracker.track('Alarm', user_id='ana'))
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
for _ in range(20000): tracker.track('Paid', user_id='ana')
signal.setitimer(signal.ITIMER_REAL, 0)
assert tracker.flush(20), tracker.stats()
assert tracker.stats().balanced and tracker.stats().enqueued > 20000
"""
    with Loopback() as collector:
        run(program, collector.url)


def test_logs_hold_no_key_and_no_personal_data(caplog: pytest.LogCaptureFixture) -> None:
    """Through retries, refusals and drops: neither the write key nor anything about a person is logged."""
    with (
        caplog.at_level(logging.DEBUG),
        Loopback(refusal(503, "spool_full"), refusal(401, "unknown_write_key")) as to,
    ):
        tracker = Tracker("very-secret-key", host=to.url, backoff_base_s=0.01, on_violation="flag")
        tracker.track("Paid", {"email": "ana@example.com"}, user_id="ana-7731")
        tracker.flush()
        tracker.track("Paid", {"email": "ana@example.com" * 3000}, user_id="ana-7731")
        tracker.close()
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name == "trackway")
    assert "unknown_write_key" in logged
    assert "event_too_large" in logged
    for secret in ("very-secret-key", "dmVyeS1zZWNyZXQta2V5", "ana@example.com", "ana-7731"):
        assert secret not in logged
