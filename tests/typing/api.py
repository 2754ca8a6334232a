"""The public API as a type checker sees it; never run. mypy --strict and pyright both pass over it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, assert_type

from trackway import ConfigurationError, Dropped, Options, PlanViolationError, Stats, Tracker, TrackwayError
from trackway.testing import (
    Answer,
    Clock,
    CollectedEvent,
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
    Tracker("key", on_violation="explode")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Tracker("key", flush_at=20)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert_type(Options.build({"write_key": "key"}).max_queue_events, int)


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
    tracker.track()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    tracker.track("Order Completed", 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def account(stats: Stats) -> None:
    """The books are numbers and two mappings."""
    assert_type(stats.enqueued - stats.acked - stats.rejected - stats.dropped - stats.pending, int)
    assert_type(stats.dropped_by_reason, Mapping[str, int])
    assert_type(stats.dropped_by_reason.get(Dropped.QUEUE_FULL, 0), int)
    assert_type(stats.balanced, bool)


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


transport: Transport = Pipe()
clock: Clock = FrozenClock(datetime(2026, 5, 19, tzinfo=UTC))
