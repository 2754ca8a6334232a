"""How many events of each name arrived: what `trackway plan coverage --warehouse` asks."""

from __future__ import annotations

from datetime import timedelta

from trackway_analytics.plan_data.opening import asking
from trackway_analytics.plan_data.stored import Window, volumes


def event_volumes(url: str, days: int) -> dict[str, int]:
    """
    Event → how many were stored or quarantined in the last `days`.

    Exits 2 for an address that cannot be understood, and 4 if the warehouse gives no answer.
    """
    with asking(url) as warehouse:
        found = volumes(warehouse, Window.last(timedelta(days=days)))
    return {name: volume.events for name, volume in found.items()}
