"""
How many events a second a source may send, by GCRA: one number for each source, exact at any rate, no timer.

The number is the theoretical arrival time: when the next event would come if events came evenly at the allowed rate.
Events may come before it by as much as the burst is worth. Nothing here knows of HTTP or reads a clock.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from trackway_collector.ingest.rules.tables import Table

ROUNDING_S = 1e-6
"""Less than that is what adding up fractions of seconds makes of nothing."""


class Quota(Table, frozen=True):
    """What a source may send; split among the workers, of which each counts for itself."""

    events_per_s: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = 0
    """Events a second, in the long run; 0: as many as it likes."""
    burst_events: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 0
    """Events at once, after a pause; 0: as many as ten seconds allow."""

    @property
    def burst(self) -> float:
        """The burst in force, one event at least."""
        return max(1.0, self.burst_events or self.events_per_s * 10)

    def shared(self, workers: int) -> Quota:
        """Return one worker's part."""
        if workers == 1:
            return self
        return Quota(events_per_s=self.events_per_s / workers, burst_events=max(1, int(self.burst / workers)))


class Gcra:
    """
    One source's account.

    A batch of more events than the burst passes when the account is untouched, and what follows waits the longer for
    it: the long-run rate is kept, and no batch is refused for ever.

    Args:
        quota: with a rate above 0.
    """

    __slots__ = ("_burst_s", "_due", "_per_event_s", "quota")

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self._per_event_s = 1 / quota.events_per_s
        self._burst_s = quota.burst * self._per_event_s
        self._due = float("-inf")

    def wait_s(self, events: int, now_s: float) -> float:
        """Return in how many seconds so many events would be taken; 0 when they would be now."""
        early_s = max(self._due, now_s) - now_s
        wait_s = early_s + min(events * self._per_event_s, self._burst_s) - self._burst_s
        return wait_s if wait_s > ROUNDING_S else 0.0

    def take(self, events: int, now_s: float) -> float:
        """Count the events and return 0, or count nothing and return the seconds to wait."""
        wait_s = self.wait_s(events, now_s)
        if not wait_s:
            self._due = max(self._due, now_s) + events * self._per_event_s
        return wait_s

    def give_back(self, events: int) -> None:
        """Undo a `take` whose events were not stored after all."""
        self._due -= events * self._per_event_s


class Quotas:
    """
    The accounts of all sources that have a quota.

    Args:
        workers: how many workers share each quota.
    """

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers
        self._accounts: dict[str, tuple[Quota, Gcra]] = {}

    def account(self, source: str, quota: Quota) -> Gcra:
        """Return a source's account; a new one when its quota has changed."""
        known = self._accounts.get(source)
        if known is None or known[0] != quota:
            known = self._accounts[source] = (quota, Gcra(quota.shared(self._workers)))
        return known[1]
