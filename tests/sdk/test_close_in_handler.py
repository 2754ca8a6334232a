"""Closing from where it is awkward: inside a signal handler, or a callback of the sender's own thread."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

import pytest

from tests.sdk.loopback import Loopback, Scripted
from trackway import Tracker


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no raise_signal of this kind")
def test_a_handler_that_closes_in_the_middle_of_a_call_loses_nothing() -> None:
    """The interrupted call holds the tracker's lock; the sender gets it all the same."""
    closed: list[bool] = []
    with Loopback() as collector:
        tracker = Tracker("shop-key", host=collector.url, close_timeout_s=5.0)

        def close(_number: int, _frame: FrameType | None) -> None:
            closed.append(tracker.close())

        before = signal.signal(signal.SIGINT, close)
        try:
            for number in range(300):
                tracker.track("Tea Bought", {"n": number}, user_id="user-7")
            with tracker._lock:  # where the signal finds a busy program
                signal.raise_signal(signal.SIGINT)
        finally:
            signal.signal(signal.SIGINT, before)
        stats = tracker.stats()
        assert (closed, stats.acked, stats.dropped, stats.balanced) == ([True], 300, 0, True)


def test_a_callback_of_the_sender_that_closes_has_the_rest_sent() -> None:
    """`on_error` runs on the sender's thread; closing there sends what is pending there."""
    done = threading.Event()
    with Loopback(Scripted(status=503)) as collector:

        def close(_error: Exception) -> None:
            tracker.close()
            done.set()

        tracker = Tracker("shop-key", host=collector.url, on_error=close, backoff_base_s=0.01)
        tracker.track("Tea Bought", {}, user_id="user-7")
        assert done.wait(10.0)
        stats = tracker.stats()
        assert (stats.acked, stats.dropped, stats.balanced) == (1, 0, True)


def test_a_callback_of_the_sender_that_flushes_does_not_wait_for_itself() -> None:
    """`flush` on the sender's own thread makes all due and says that it has not left yet."""
    flushed: list[bool] = []
    with Loopback(Scripted(status=503)) as collector:
        tracker = Tracker(
            "shop-key",
            host=collector.url,
            on_error=lambda _error: flushed.append(tracker.flush(timeout=3600)),
            backoff_base_s=0.01,
        )
        tracker.track("Tea Bought", {}, user_id="user-7")
        assert tracker.flush(timeout=30)
        assert tracker.close()
        assert (flushed, tracker.stats().acked) == ([False], 1)
