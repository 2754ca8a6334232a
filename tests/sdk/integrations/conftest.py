from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from trackway import Tracker
from trackway._events.scope import current
from trackway.testing import RecordingTransport

Sent = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def tracker(make_tracker: Callable[..., Tracker], transport: RecordingTransport) -> Tracker:
    """A tracker without a plan."""
    return make_tracker(transport=transport)


@pytest.fixture
def sent(tracker: Tracker, transport: RecordingTransport) -> Sent:
    """All events so far, as the collector would get them; at that moment no scope may be left open."""

    def flush() -> list[dict[str, Any]]:
        assert current() is None
        assert tracker.flush(5)
        return transport.events

    return flush
