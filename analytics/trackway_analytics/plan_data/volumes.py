"""How often each event arrived: `trackway plan docs` and `trackway plan coverage` load this by its name."""

from __future__ import annotations

from datetime import datetime, timedelta

from trackway_analytics.plan_data.census import Census, census
from trackway_analytics.plan_data.opening import asking
from trackway_analytics.plan_data.stored import Window, volumes
from trackway_plan.docs_site import SourceVolume, Volumes


def volumes_at(url: str, days: int) -> Volumes:
    """
    What the warehouse at `url` received in the last `days` days, stored and quarantined.

    Exits 2 for an address that cannot be understood, and 4 where the warehouse does not answer.
    """
    with asking(url) as warehouse:
        return volumes_of(census(warehouse, days))


def volumes_of(found: Census) -> Volumes:
    """A census by event and source; what stopped before the days began is there with 0 and its last day."""
    by_event: dict[str, dict[str, tuple[int, datetime]]] = {}
    for sender in found.senders:
        sources = by_event.setdefault(sender.event, {})
        events, last = sources.get(sender.source, (0, sender.last_seen))
        sources[sender.source] = events + sender.events, max(last, sender.last_seen)
    return Volumes(
        since=found.now - timedelta(days=found.days),
        until=found.now,
        by_event={
            event: tuple(
                SourceVolume(source=source, events=events, last_seen_at=last)
                for source, (events, last) in sorted(sources.items())
            )
            for event, sources in by_event.items()
        },
    )


def event_volumes(url: str, days: int) -> dict[str, int]:
    """
    Event → how many were stored or quarantined in the last `days`.

    Exits 2 for an address that cannot be understood, and 4 if the warehouse gives no answer.
    """
    with asking(url) as warehouse:
        found = volumes(warehouse, Window.last(timedelta(days=days)))
    return {name: volume.events for name, volume in found.items()}
