from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from trackway import Tracker
from trackway.testing import RecordingTransport
from trackway_plan import EventSpec, Plan, PropertySpec, Release, Source, compile_release


@pytest.fixture(autouse=True)
def no_trackway_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a developer's own TRACKWAY_ variables out of the tests."""
    import os

    for name in list(os.environ):
        if name.startswith("TRACKWAY_"):
            monkeypatch.delenv(name)


@pytest.fixture
def transport() -> RecordingTransport:
    """A transport that records and answers 200."""
    return RecordingTransport()


@pytest.fixture
def make_tracker() -> Iterator[Callable[..., Tracker]]:
    """Make trackers that are closed after the test; violations are flagged unless the test says otherwise."""
    made: list[Tracker] = []

    def make(**settings: Any) -> Tracker:
        tracker = Tracker("shop-key", **{"on_violation": "flag", **settings})
        made.append(tracker)
        return tracker

    yield make
    for tracker in made:
        tracker.close(0)


@pytest.fixture
def shop_release() -> Release:
    """A plan with one event, one retired event and two traits."""
    return compile_release(
        Plan(
            name="shop",
            sources={"web": Source(name="web"), "backend": Source(name="backend")},
            events={
                "Order Completed": EventSpec(
                    name="Order Completed",
                    sent_by=("backend",),
                    properties={
                        "order_id": PropertySpec(name="order_id", kind="string", required=True, max_length=20),
                        "items": PropertySpec(name="items", kind="int", min=1),
                        "total": PropertySpec(name="total", kind="decimal"),
                        "paid_at": PropertySpec(name="paid_at", kind="timestamp"),
                    },
                ),
                "Order Sent": EventSpec(name="Order Sent", status="retired"),
            },
            traits={"user": {"email": PropertySpec(name="email", kind="string")}},
        ),
        rev=3,
    )
