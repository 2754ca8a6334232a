"""
How many events a second a source may send, by GCRA: one number for each source, exact at any rate, no timer.

The number is the theoretical arrival time: when the next event would come if events came evenly at the allowed rate.
Events may come before it by as much as the burst is worth. Nothing here knows of HTTP or reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """What a source may send; split among the workers, of which each counts for itself."""

    events_per_s: float
    """Events a second, in the long run."""
    burst_events: int = 0
    """Events at once, after a pause; 0: as many as ten seconds allow."""

    @property
    def burst(self) -> float:
        """The burst in force, one event at least."""
        return max(1.0, self.burst_events or self.events_per_s * 10)

    def shared(self, workers: int) -> Quota:
        """Return one worker's part."""
        return Quota(self.events_per_s / workers, max(1, round(self.burst / workers))) if workers > 1 else self


class Gcra:
    """
    One source's account.

    A batch of more events than the burst passes when the account is untouched, and what follows waits the longer for
    it: the long-run rate is kept, and no batch is refused for ever.
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
        return max(0.0, early_s + min(events * self._per_event_s, self._burst_s) - self._burst_s)

    def take(self, events: int, now_s: float) -> float:
        """Count the events and return 0, or count nothing and return the seconds to wait."""
        wait_s = self.wait_s(events, now_s)
        if not wait_s:
            self._due = max(self._due, now_s) + events * self._per_event_s
        return wait_s


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
