"""Handlers of serverless platforms, which are frozen when they return. The context objects have AWS Lambda's shape."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.sdk.loopback import Loopback, Scripted
from trackway import AsyncTracker, Tracker, flush_after

SLOW: dict[str, Any] = {"flush_interval_s": 60, "on_violation": "flag", "backoff_base_s": 0.01}


class LambdaContext:
    """What AWS Lambda hands to a handler, as far as time is concerned."""

    def __init__(self, left_s: float) -> None:
        self._until = time.monotonic() + left_s

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round((self._until - time.monotonic()) * 1000))


def test_a_handler_has_flushed_when_it_returns() -> None:
    """Its result goes through; the tracker stays open for the next call of the same process."""
    with Loopback() as collector, Tracker("shop-key", host=collector.url, **SLOW) as tracker:

        @flush_after
        def handler(event: dict[str, str], context: LambdaContext) -> dict[str, int]:
            """Answer."""
            tracker.track(event["name"], user_id="ana")
            return {"statusCode": 200}

        for number in range(2):
            assert handler({"name": f"Paid {number}"}, LambdaContext(3)) == {"statusCode": 200}
            assert [event["event"] for event in collector.stored] == ["Paid 0", "Paid 1"][: number + 1]
        assert handler.__doc__ == "Answer."


def test_an_exception_goes_through_and_its_events_have_left() -> None:
    """What a handler raises is the caller's business; what it tracked before is still true."""
    with Loopback() as collector, Tracker("shop-key", host=collector.url, **SLOW) as tracker:

        @flush_after(tracker=tracker)
        def handler(event: object, context: object) -> None:
            tracker.track("Failed", user_id="ana")
            raise LookupError(event)

        with pytest.raises(LookupError, match="order-7"):
            handler("order-7", None)
        assert len(collector.stored) == 1


@pytest.mark.parametrize("kind", [Tracker, AsyncTracker])
def test_an_async_handler_flushes_either_kind_of_tracker(kind: type[Tracker] | type[AsyncTracker]) -> None:
    """And the loop goes on meanwhile. Each call may have a loop of its own."""
    with Loopback(Scripted(delay_s=0.2)) as collector:
        tracker = kind("shop-key", host=collector.url, **SLOW)
        turns = 0

        @flush_after
        async def handler(event: str, context: LambdaContext) -> str:
            tracker.track(event, user_id="ana")
            return event

        async def both(event: str) -> str:
            async def count() -> None:
                nonlocal turns
                while True:
                    await asyncio.sleep(0.001)
                    turns += 1

            counting = asyncio.create_task(count())
            try:
                return await handler(event, LambdaContext(3))
            finally:
                counting.cancel()

        for number in range(2):
            assert asyncio.run(both(f"Paid {number}")) == f"Paid {number}"
            assert len(collector.stored) == number + 1
        assert turns > 10
        asyncio.run(_close(tracker))


def test_a_plain_handler_flushes_an_async_tracker_without_a_loop() -> None:
    """The events do not wait for a loop that may never come."""
    with Loopback() as collector:
        tracker = AsyncTracker("shop-key", host=collector.url, **SLOW)

        @flush_after
        def handler(event: str) -> None:
            tracker.track(event, user_id="ana")

        handler("Paid")
        assert len(collector.stored) == 1
        asyncio.run(_close(tracker))


def test_the_platforms_deadline_is_kept_and_the_rest_waits_for_the_next_call() -> None:
    """With 0.4 s left and 0.2 s of margin a collector that hangs holds nothing up; nothing is dropped."""
    with Loopback(Scripted(delay_s=3.0)) as collector, Tracker("shop-key", host=collector.url, **SLOW) as tracker:

        @flush_after(timeout_s=60)
        def handler(event: str, context: LambdaContext) -> None:
            tracker.track(event, user_id="ana")

        context = LambdaContext(0.4)
        handler("Slow", context)
        assert context.get_remaining_time_in_millis() > 0
        assert (tracker.stats().pending, tracker.stats().dropped) == (1, 0)
        handler("Next", LambdaContext(30))
        assert [event["event"] for event in collector.stored] == ["Slow", "Next"]
        assert tracker.stats().pending == 0


def test_other_platforms_tell_their_deadline_by_an_option() -> None:
    """`remaining_s` sees the handler's arguments; one that fails is logged and changes nothing."""
    with Loopback(Scripted(delay_s=3.0)) as collector, Tracker("shop-key", host=collector.url, **SLOW) as tracker:
        asked = []

        def remaining_s(request: str) -> float:
            asked.append(request)
            return 0.3

        @flush_after(timeout_s=60, remaining_s=remaining_s)
        def handler(request: str) -> str:
            tracker.track("Asked", user_id="ana")
            return "answer"

        assert handler("request") == "answer"
        assert asked == ["request"]
        assert tracker.stats().pending == 1

        @flush_after(remaining_s=lambda: 1 / 0)
        def broken() -> str:
            return "answer"

        assert broken() == "answer"
        tracker.close(0)


async def _close(tracker: Tracker | AsyncTracker) -> None:
    done = tracker.close()
    if not isinstance(done, bool):
        await done
