"""
Evidence for `trackway plan breaking`: how many stored events fit the plan as it is and would not fit as proposed.

    volumes ─▶ share to look at ─▶ stored events, equal ones once ─▶ Judge(before), Judge(after) ─▶ EventEvidence

The verdicts are the validator's own. Only events that the change concerns are read, and of each name at most about
`sample`, chosen by message_id; so the cost is that of the sample, however long the log.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trackway_analytics.plan_data.opening import answering
from trackway_analytics.plan_data.restore import Restorer
from trackway_analytics.plan_data.stored import Shares, Window, observed, volumes
from trackway_analytics.plan_data.verdicts import Departure, Judge
from trackway_plan import Release
from trackway_plan.environments import PRODUCTION
from trackway_plan.evidence import EventEvidence, Failing
from trackway_plan.model import PropertySpec

if TYPE_CHECKING:
    from trackway_collector.warehouse import Warehouse

SAMPLE = 50_000
"""Events of one name that are looked at; a share of 0.1 % is then known to about ± 0.03 points."""

Sender = tuple[str, int]
"""A source and the plan revision that it stamped."""


def open_evidence(
    warehouse_url: str,
    days: int,
    *,
    exclude_sources: Collection[str] = (),
    minimum: int = 1,
    sample: int = SAMPLE,
    now: datetime | None = None,
    environment: str = PRODUCTION,
) -> StoredEvidence:
    """
    The evidence that the warehouse holds on the last `days` days.

    Args:
        warehouse_url: "" for the one that TRACKWAY_WAREHOUSE, trackway.toml or the data directory names.
        exclude_sources: sources whose events do not count, such as tests.
        minimum: fewer failing events than this, of one source and revision, are noise and count as none.
        sample: of names with more events than this a share is looked at, and the counts are scaled up.
        now: the end of the days; the present by default.
        environment: whose events count; ALL: those of every one.

    Raises:
        EvidenceUnreachableError: nobody answers there.
    """
    evidence = StoredEvidence(warehouse_url, days, tuple(exclude_sources), minimum, sample, now, environment)
    with answering(warehouse_url) as warehouse:
        warehouse.query("SELECT 1")
    return evidence


class StoredEvidence:
    """`trackway_plan.evidence.EvidenceSource` over a warehouse, which is open only while it is asked."""

    def __init__(
        self,
        url: str,
        days: int,
        excluded: tuple[str, ...],
        minimum: int,
        sample: int,
        now: datetime | None,
        environment: str = PRODUCTION,
    ) -> None:
        self._environment = environment
        self._url = url
        self._days = days
        self._excluded = excluded
        self._minimum = minimum
        self._sample = sample
        self._now = now

    @property
    def _window(self) -> Window:
        return Window.last(timedelta(days=self._days), self._excluded, self._now, self._environment)

    @property
    def days(self) -> int:
        """How many days back it looks."""
        return self._days

    def received(self) -> int:
        """
        Stored and quarantined events of all names, without excluded sources.

        Raises:
            EvidenceUnreachableError: the warehouse cannot be asked.
        """
        with answering(self._url) as warehouse:
            found = volumes(warehouse, self._window)
        return sum(volume.events for volume in found.values())

    def failing(self, before: Release, after: Release, events: Collection[str]) -> Mapping[str, EventEvidence]:
        """
        What the stored events say, by the event's name in `before`; names never seen are left out.

        An event fits `before` unless its policy keeps the event out. It fails if it departs from `after` in a way
        in which it does not depart from `before`: what is flagged today and would be flagged tomorrow says nothing.

        Raises:
            EvidenceUnreachableError: the warehouse cannot be asked.
        """
        window = self._window
        sent_as = {event: _names(before, event) for event in sorted(set(events))}
        with answering(self._url) as warehouse:
            wanted = {name for names in sent_as.values() for name in names}
            seen = volumes(warehouse, window, wanted) if wanted else {}
            judges = (Judge(before), Judge(after, stored_by=before)) if seen else None
            found: dict[str, EventEvidence] = {}
            for event, names in sent_as.items():
                present = {name: seen[name] for name in names if name in seen}
                if present and judges:
                    tally = _Tally()
                    restorer = Restorer(before.events.get(event), null_where(before, after, event))
                    for name, volume in present.items():
                        tally.add(warehouse, name, window, restorer, Shares.of(volume, self._sample), judges)
                    found[event] = tally.evidence(self._minimum)
            return found


class _Tally:
    """Counts over the events that one name of the plan stands for; weighted, rounded at the end."""

    def __init__(self) -> None:
        self.seen = self.fitting = 0.0
        self.failing: dict[Sender, float] = defaultdict(float)
        self.by_departure: dict[Departure, dict[Sender, float]] = {}
        self._looked = self._there = 0.0

    def add(
        self,
        warehouse: Warehouse,
        name: str,
        window: Window,
        restorer: Restorer,
        shares: Shares,
        judges: tuple[Judge, Judge],
    ) -> None:
        """Look at the events that were sent under one name."""
        before, after = judges
        self._looked += shares.volume.events * shares.overall
        self._there += shares.volume.events
        for group in observed(warehouse, name, window, restorer, shares):
            count = group.count * group.weight
            self.seen += count
            now = before.look(name, group.properties, group.source)
            if now.refused:
                continue
            self.fitting += count
            then = after.look(name, group.properties, group.source)
            new = then.departures.keys() - now.departures.keys()
            if new:
                sender = group.source, group.rev
                self.failing[sender] += count
                for departure in new:
                    self.by_departure.setdefault(departure, defaultdict(float))[sender] += count

    def evidence(self, minimum: int) -> EventEvidence:
        """The counts as whole events, without the senders of which too few fail."""
        loud = {sender for sender, count in self.failing.items() if count >= minimum}
        by_violation = {
            departure: failing
            for departure, senders in sorted(self.by_departure.items())
            if (failing := _failing(senders, loud)).events
        }
        return EventEvidence(
            seen=round(self.seen),
            fitting=round(self.fitting),
            failing=_failing(self.failing, loud),
            by_violation=by_violation,
            sampled=self._looked / self._there if self._there else 1.0,
        )


def _failing(senders: Mapping[Sender, float], loud: Collection[Sender]) -> Failing:
    by_source: dict[str, float] = defaultdict(float)
    by_rev: dict[int, float] = defaultdict(float)
    total = 0.0
    for sender, count in senders.items():
        if sender in loud:
            source, rev = sender
            total += count
            by_source[source] += count
            by_rev[rev] += count
    return Failing(
        events=round(total),
        by_source={source: round(count) for source, count in sorted(by_source.items(), key=lambda item: -item[1])},
        by_rev={rev: round(count) for rev, count in sorted(by_rev.items())},
    )


def _names(release: Release, event: str) -> tuple[str, ...]:
    """The names under which an event may have been sent: its own, and those it had before."""
    spec = release.events.get(event)
    return (event, *(old.event for old in spec.formerly if old.event)) if spec else (event,)


def null_where(before: Release, after: Release, event: str) -> frozenset[str]:
    """
    Paths of properties that may be null today and may not be tomorrow.

    Null and absent read alike in the warehouse, so there an absent value is taken for a null one: the count is then
    an upper bound, which can make no finding milder than it is.
    """
    old, new = before.events.get(event), after.events.get(event)
    return frozenset(_no_longer_null(old.properties, new.properties, "")) if old and new else frozenset()


def _no_longer_null(old: Mapping[str, PropertySpec], new: Mapping[str, PropertySpec], at: str) -> Iterator[str]:
    for name, spec in old.items():
        other = new.get(name)
        if other is None:
            continue
        if spec.nullable and not other.nullable and other.kind != "any":
            yield at + name
        if spec.properties and other.properties:
            yield from _no_longer_null(spec.properties, other.properties, f"{at}{name}.")
        if spec.of and other.of and spec.of.properties and other.of.properties:
            yield from _no_longer_null(spec.of.properties, other.of.properties, f"{at}{name}[].")


__all__ = ["SAMPLE", "StoredEvidence", "open_evidence"]
