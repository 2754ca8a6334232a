"""The replay itself: one `Tracker` and one thread per log, all at once, as three apps would."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Self

from trackway import Stats, Tracker
from trackway_analytics.demo.replay import Log
from trackway_plan import Release

# The queue drops what it cannot hold, by design. A replay has no reason to hurry, so it waits for room
# instead.
MAX_PENDING = 20_000
MAX_RETRY_WAIT_S = 0.5


class Replay:
    """All logs on their way. Use as a context manager: leaving it closes the trackers."""

    def __init__(self, logs: Sequence[Log], host: str, keys: Mapping[str, str], release: Release) -> None:
        self._trackers = {
            log.source: Tracker(
                keys[log.source],
                host=host,
                plan=release,
                source=log.source,
                on_violation="flag",
                backoff_cap_s=MAX_RETRY_WAIT_S,
            )
            for log in logs
        }
        self._threads = [
            threading.Thread(target=self._replay, args=(log,), name=f"replay {log.source}", daemon=True) for log in logs
        ]
        self._errors: list[Exception] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for tracker in self._trackers.values():
            tracker.close()

    def stats(self) -> dict[str, Stats]:
        """Return each tracker's account of its events, by source."""
        return {source: tracker.stats() for source, tracker in self._trackers.items()}

    def acked(self) -> int:
        """Return how many events the collector has answered 200 for, over all sources."""
        return sum(stats.acked for stats in self.stats().values())

    def is_over(self) -> bool:
        """
        Whether every event has been handed over and none is on its way. Raises what a replaying thread
        raised.
        """
        if self._errors:
            raise self._errors[0]
        return not any(thread.is_alive() for thread in self._threads) and not any(
            stats.pending for stats in self.stats().values()
        )

    def flush(self, timeout_s: float) -> None:
        """Wait until every tracker has sent what it holds."""
        deadline = time.monotonic() + timeout_s
        for tracker in self._trackers.values():
            tracker.flush(max(0.0, deadline - time.monotonic()))

    def _replay(self, log: Log) -> None:
        tracker = self._trackers[log.source]
        try:
            for number, call in enumerate(log.calls()):
                if number % 500 == 0:
                    while tracker.stats().pending > MAX_PENDING:
                        time.sleep(0.02)
                tracker.track(
                    call.event,
                    call.properties,
                    user_id=call.user_id,
                    timestamp=call.timestamp,
                    context=call.context,
                )
        except Exception as error:  # shown by the thread that prints; a silent thread would wait for ever
            self._errors.append(error)
