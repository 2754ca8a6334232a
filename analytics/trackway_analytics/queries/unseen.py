"""Event names that a question asks for and nobody sent: most often a slip of the pen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trackway_analytics.errors import near
from trackway_analytics.names import names_of
from trackway_analytics.queries.fragments import sql_file

if TYPE_CHECKING:
    from trackway_collector.warehouse import Warehouse


def event_names(warehouse: Warehouse, sources: Iterable[str] = ()) -> dict[str, int]:
    """Return the names of the events from `sources` (none: all), and how often each occurs, most frequent first."""
    return dict(warehouse.query(sql_file("event_names"), {"sources": list(sources)}).rows)


def unseen_events(warehouse: Warehouse, names: Iterable[str], sources: Iterable[str] = ()) -> list[str]:
    """
    Return a sentence for each of `names` that no event from `sources` (none: all) has or had, with a near name if
    there is one.

    The warehouse is asked for the names in question alone, which its sort order makes cheap; only where one is missing
    for all there are.
    """
    asked, wanted = list(dict.fromkeys(names)), list(sources)
    if not asked:
        return []
    names_now = names_of(warehouse)
    stored = {name: [sent.name for sent in names_now.events(names_now.event(name))] for name in asked}
    params = {"events": [name for sent in stored.values() for name in sent], "sources": wanted}
    found = {name for (name,) in warehouse.query(sql_file("events_seen"), params).rows}
    missing = [name for name in asked if found.isdisjoint(stored[name])]
    if not missing:
        return []
    known = event_names(warehouse, wanted)
    whence = f" from {' or '.join(wanted)}" if wanted else ""
    return [f"Nobody has sent an event `{name}`{whence}.{near(name, known)}" for name in missing]
