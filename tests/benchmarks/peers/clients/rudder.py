"""rudder-sdk-python, by its module functions, as its README begins."""

from __future__ import annotations

import rudderstack.analytics as analytics

from tests.benchmarks.peers.clients import EVENT, USER, properties


class Rudder:
    """The module makes its client at the first call."""

    def __init__(self, host: str, directory: str) -> None:
        analytics.write_key = "bench"
        analytics.dataPlaneUrl = host

    def track(self, number: int, extra: str | None = None) -> None:
        analytics.track(USER, EVENT, properties(number, extra))

    def flush(self) -> None:
        analytics.flush()

    def close(self) -> None:
        analytics.shutdown()
