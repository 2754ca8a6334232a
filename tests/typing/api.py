"""The public API as a type checker sees it; never run. mypy --strict and pyright both pass over it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict, assert_type

import trackway
from trackway import (
    AsyncTracker,
    ConfigurationError,
    DeliveryError,
    DiskQueueError,
    Dropped,
    Options,
    PlanViolationError,
    Purged,
    Stats,
    Tracker,
    TrackwayError,
    drain_all,
    flush_after,
)
from trackway.testing import (
    Answer,
    AsyncTransport,
    Clock,
    CollectedEvent,
    Collector,
    DryRun,
    FrozenClock,
    NetworkError,
    RecordingTransport,
    Refusal,
    Request,
    Tracked,
    TrackedEvent,
    Transport,
    collector,
    record,
)
from trackway_plan import Release, Violation


class Order(TypedDict):
    """Properties as a program may type them."""

    order_id: str
    total: str


def construct(release: Release) -> None:
    """Every setting has its type, and a wrong one is an error."""
    Tracker()
    Tracker("key", host="https://collect.example.com", plan="plan.json", source="web", on_violation="drop")
    Tracker("key", plan=Path("plan.json"), flush_interval_s=1, max_batch_events=100)
    Tracker("key", plan=release, transport=RecordingTransport([503, None, Answer(200)]))
    Tracker("key", clock=FrozenClock(datetime(2026, 5, 19, tzinfo=UTC)))
    Tracker("key", queue="disk", max_disk_bytes=1 << 20, max_disk_age_s=3600, overflow="spill")
    Tracker("key", queue=Path("/var/lib/shop"), compression="zstd", gzip_over_bytes=0, request_timeout_s=2)
    Tracker("key", sample={"Page Viewed": 0.1, "*": 1}, consent_default="deny", consent_categories={"*": "sales"})
    Tracker("key", before_send=without_address, super_properties={"shop": "tea"}, on_drop=told, on_error=print)
    Tracker("key", before_send=[without_address, without_address], sync=True, sync_timeout_s=1, handle_signals=True)
    Tracker("key", compression="br")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Tracker("key", queue=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Tracker("key", before_send=len)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Tracker("key", transport=AsyncPipe())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Tracker("key", on_violation="explode")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Tracker("key", flush_at=20)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert_type(Options.build({"write_key": "key"}).max_queue_events, int)


def without_address(event: dict[str, Any]) -> dict[str, Any] | None:
    """Change an event, or hold it back."""
    event["context"].pop("ip", None)
    return event


def told(reason: Dropped, event: dict[str, Any]) -> None:
    """Hear of a loss."""
    where: str = reason
    event.pop(where)


def calls(tracker: Tracker, order: Order) -> None:
    """Every call returns the message id or None."""
    assert_type(tracker.track("Order Completed", order, user_id="ana"), str | None)
    assert_type(tracker.track("Order Completed", {"total": 12.5}, anonymous_id=7, session_id="visit-1"), str | None)
    assert_type(tracker.track("Order Completed", timestamp=datetime.now(UTC), message_id="m-1"), str | None)
    assert_type(tracker.identify("ana", {"email": "ana@example.com"}), str | None)
    assert_type(tracker.page("Cart", {"path": "/cart"}, user_id="ana", context={"ip": "203.0.113.7"}), str | None)
    assert_type(tracker.screen("Cart", anonymous_id="device-1", integrations={"All": False}), str | None)
    assert_type(tracker.group("acme", {"plan": "team"}, user_id="ana"), str | None)
    assert_type(tracker.alias("device-1", "ana"), str | None)
    assert_type(tracker.flush(timeout=5), bool)
    assert_type(tracker.close(), bool)
    tracker.track("Order Completed", timestamp=1779091200)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    tracker.track("Order Completed", user_id=7.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    tracker.alias("device-1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    tracker.track()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    tracker.track("Order Completed", 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def control(tracker: Tracker) -> None:
    """What a program decides about its events while it runs."""
    tracker.register({"app_version": "2.1.0"})
    tracker.unregister("app_version", "shop")
    tracker.consent(marketing=True, sales=None)
    tracker.consent({"ads and more": False})
    tracker.handle_signals()
    assert_type(tracker.purge(user_id="ana", category="marketing").events, int)
    with tracker.scope(user_id="ana"), trackway.scope(context={"page": {"path": "/basket"}}):
        tracker.track("Order Completed")
    drain_all()
    tracker.consent(marketing="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    tracker.register("app_version")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def in_a_loop(order: Order) -> None:
    """The twin: the calls are the same and plain, flush and close are awaited."""
    async with AsyncTracker("key", transport=AsyncPipe(), compression="none") as tracker:
        assert_type(tracker, AsyncTracker)
        assert_type(tracker.track("Order Completed", order, user_id="ana"), str | None)
        assert_type(tracker.identify("ana", {"email": "ana@example.com"}), str | None)
        assert_type(await tracker.flush(timeout=5), bool)
        assert_type(await tracker.close(), bool)
        assert_type(tracker.stats(), Stats)
    AsyncTracker("key", transport=Pipe())
    with tracker:  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues, reportAttributeAccessIssue]
        pass


@flush_after
def on_order(event: dict[str, str], context: object) -> int:
    """A handler of a platform that stops the process between calls; its signature stays."""
    return len(event)


def time_left_s(event: dict[str, str]) -> float:
    """What the platform says."""
    return float(event["left_s"])


@flush_after(timeout_s=1, margin_s=0.1, remaining_s=time_left_s)
async def on_payment(event: dict[str, str]) -> str:
    """And one in a loop."""
    return event["id"]


async def handlers(tracker: Tracker) -> None:
    """They are called as they were."""
    assert_type(on_order({}, None), int)
    assert_type(await on_payment({}), str)
    flush_after(tracker=tracker)(on_order)
    on_order()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    flush_after(timeout=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]


def on_error(error: Exception) -> None:
    """What `on_error` may be told."""
    if isinstance(error, DeliveryError):
        assert_type((error.reason, error.events, error.attempts, error.will_retry), tuple[str, int, int, bool])
    if isinstance(error, DiskQueueError):
        assert_type((error.directory, error.reason), tuple[str, str])


def deleted(tracker: Tracker | AsyncTracker) -> None:
    """A purge says what it has done, at once, in both kinds of tracker."""
    assert_type(tracker.purge("user-7"), Purged)
    assert_type(tracker.purge().in_flight, int)


def account(stats: Stats) -> None:
    """The books are numbers and two mappings."""
    came, left = stats.enqueued + stats.adopted, stats.acked + stats.rejected + stats.dropped + stats.kept
    assert_type(came - left - stats.pending, int)
    assert_type(stats.requests - stats.retries + stats.flagged, int)
    assert_type(stats.lost + stats.unsaved, int)
    assert_type(stats.dropped_by_reason, Mapping[str, int])
    assert_type(stats.dropped_by_reason.get(Dropped.QUEUE_FULL, 0), int)
    assert_type(stats.balanced, bool)
    assert_type(stats.acked_by_result, Mapping[str, int])
    assert_type(stats.rejected_by_reason.get("unknown_write_key"), int | None)
    stats.acked = 0  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def block() -> None:
    """The `with` block gives the tracker itself."""
    with Tracker("key") as tracker:
        assert_type(tracker, Tracker)


def errors() -> None:
    """One tree of errors."""
    try:
        construct(Release(name="shop", rev=1))
    except PlanViolationError as error:
        assert_type(error.violations, tuple[Violation, ...])
    except ConfigurationError as error:
        value_error: ValueError = error
        raise value_error from error
    except TrackwayError:
        raise


def in_a_test(tracked: Tracked, release: Release) -> None:
    """What a test says of events, and what it gets to see."""
    event = tracked.only("Order Completed", total=12.5)
    assert_type(event, TrackedEvent)
    assert_type(tracked.once("Order Completed", {"Order Id": "o-1"}, total=12.5), TrackedEvent)
    assert_type(tracked.wait_for("Order Completed", timeout_s=1), TrackedEvent)
    assert_type(event.user_id, str | None)
    assert_type(event.timestamp, datetime)
    assert_type([found.name for found in tracked], list[str])
    assert_type(tracked.violations, list[tuple[str, Violation]])
    assert_type(tracked.refusals, list[Refusal])
    tracked.assert_none("Order Completed")
    tracked.assert_matches("paid", ignore=["userId"])
    tracked.only(total=12.5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with record(release) as inner, collector("tracking_plan", write_keys={"web": "key"}) as running:
        assert_type(inner, Tracked)
        assert_type(running, Collector)
        Tracker(running.write_key, host=running.url, transport=DryRun(print))
        assert_type(running.quarantined, list[CollectedEvent])
        running.post(inner)


class Pipe:
    """A transport of one's own needs two methods."""

    def send(self, request: Request) -> Answer:
        """Return an answer."""
        if not request.body:
            raise NetworkError
        return Answer(200, b'{"success":true}')

    def close(self) -> None:
        """Do nothing."""


class AsyncPipe:
    """And so does one for a loop."""

    async def send(self, request: Request) -> Answer:
        """Return an answer."""
        return Answer(200, request.body, retry_after=None)

    async def close(self) -> None:
        """Do nothing."""


transport: Transport = Pipe()
async_transport: AsyncTransport = AsyncPipe()
version: str = trackway.__version__
clock: Clock = FrozenClock(datetime(2026, 5, 19, tzinfo=UTC))


@flush_after
def lambda_handler(event: dict[str, str], context: object) -> int:
    """The decorator keeps the handler's type."""
    return len(event)


def seconds_left(request: str) -> float:
    """What a platform may know."""
    return 3.0


@flush_after(timeout_s=5, remaining_s=seconds_left)
async def async_handler(request: str) -> bytes:
    """With options and for coroutines, too."""
    return request.encode()


async def handled(tracker: Tracker, async_tracker: AsyncTracker) -> None:
    """What decorated handlers return is what they returned before."""
    assert_type(lambda_handler({}, None), int)
    assert_type(await async_handler("r"), bytes)
    flush_after(lambda_handler, tracker=tracker)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    flush_after(tracker=async_tracker)(lambda_handler)
    tracker.handle_signals()
