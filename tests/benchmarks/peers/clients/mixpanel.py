"""
mixpanel: `Mixpanel(token)` as its README begins, which sends each event on the caller's thread; and with the
`BufferedConsumer` that it offers instead.
"""

from __future__ import annotations

import mixpanel

from tests.benchmarks.peers.clients import EVENT, USER, properties


class Mixpanel:
    """Over the default Consumer."""

    def __init__(self, host: str, directory: str) -> None:
        self._use(mixpanel.Consumer(events_url=f"{host}/track"))

    def track(self, number: int, extra: str | None = None) -> None:
        self._client.track(USER, EVENT, properties(number, extra))

    def flush(self) -> None:
        """Each call has sent its event."""

    def close(self) -> None:
        """There is nothing to close."""

    def _use(self, consumer: mixpanel.Consumer) -> None:
        # Its retries are set up for https alone, and the collector here speaks http.
        session = consumer._session
        session.mount("http://", session.get_adapter("https://"))
        self._client = mixpanel.Mixpanel("bench", consumer=consumer)


class MixpanelBuffered(Mixpanel):
    """Over a BufferedConsumer."""

    def __init__(self, host: str, directory: str) -> None:
        self._buffer = mixpanel.BufferedConsumer(events_url=f"{host}/track")
        self._use(self._buffer._consumer)
        self._client = mixpanel.Mixpanel("bench", consumer=self._buffer)

    def flush(self) -> None:
        self._buffer.flush()

    def close(self) -> None:
        self._buffer.flush()
