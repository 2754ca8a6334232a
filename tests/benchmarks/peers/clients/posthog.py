"""posthog, as https://posthog.com/docs/libraries/python begins."""

from __future__ import annotations

from posthog import Posthog

from tests.benchmarks.peers.clients import EVENT, USER, properties


class PostHog:
    """One client object."""

    def __init__(self, host: str, directory: str) -> None:
        self._client = Posthog("phc_bench", host=host)

    def track(self, number: int, extra: str | None = None) -> None:
        self._client.capture(EVENT, distinct_id=USER, properties=properties(number, extra))

    def flush(self) -> None:
        self._client.flush()

    def close(self) -> None:
        self._client.shutdown()
