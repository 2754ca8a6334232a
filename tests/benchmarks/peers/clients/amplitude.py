"""amplitude-analytics, as https://amplitude.com/docs/sdks/analytics/python/python-sdk begins."""

from __future__ import annotations

import amplitude

from tests.benchmarks.peers.clients import EVENT, USER, properties


class Amplitude:
    """One client object."""

    def __init__(self, host: str, directory: str) -> None:
        self._client = amplitude.Amplitude("bench")
        self._client.configuration.server_url = f"{host}/2/httpapi"

    def track(self, number: int, extra: str | None = None) -> None:
        event = amplitude.BaseEvent(event_type=EVENT, user_id=USER, event_properties=properties(number, extra))
        self._client.track(event)

    def flush(self) -> None:
        self._client.flush()

    def close(self) -> None:
        self._client.shutdown()
