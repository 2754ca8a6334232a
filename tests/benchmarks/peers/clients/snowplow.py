"""
snowplow-tracker: by `Snowplow.create_tracker`, as the quick start of its documentation says, whose emitter sends on the
caller's thread; and with the `AsyncEmitter` that it offers instead.
"""

from __future__ import annotations

from snowplow_tracker import AsyncEmitter, SelfDescribing, SelfDescribingJson, Tracker
from snowplow_tracker import Snowplow as Factory

from tests.benchmarks.peers.clients import properties

SCHEMA = "iglu:com.example/order_completed/jsonschema/1-0-0"


class Snowplow:
    """The tracker that the factory makes."""

    def __init__(self, host: str, directory: str) -> None:
        self._tracker = Factory.create_tracker(namespace="bench", endpoint=host, app_id="bench")

    def track(self, number: int, extra: str | None = None) -> None:
        self._tracker.track(SelfDescribing(SelfDescribingJson(SCHEMA, properties(number, extra))))

    def flush(self) -> None:
        self._tracker.flush()

    def close(self) -> None:
        """There is nothing to close."""


class SnowplowAsync(Snowplow):
    """A tracker over an AsyncEmitter."""

    def __init__(self, host: str, directory: str) -> None:
        self._tracker = Tracker(namespace="bench", emitters=AsyncEmitter(host), app_id="bench")
