"""Event names that a question asks for and nobody sent: most often a slip of the pen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trackway_analytics.errors import near
from trackway_analytics.names import names_of
from trackway_analytics.queries.fragments import Scope, sql_file
from trackway_plan.environments import ALL

if TYPE_CHECKING:
    from trackway_collector.warehouse import Warehouse

EVERYTHING = Scope(environment="")


def event_names(warehouse: Warehouse, scope: Scope = EVERYTHING) -> dict[str, int]:
    """Return the event names of a scope's sources and environment, and how often each occurs, most often first."""
    return dict(warehouse.query(sql_file("event_names"), _params(scope)).rows)


def unseen_events(warehouse: Warehouse, names: Iterable[str], scope: Scope = EVERYTHING) -> list[str]:
    """
    Return a sentence for each of `names` that no event of the scope's sources and environment has or had, with a near
    name if there is one.

    The warehouse is asked for the names in question alone, which its sort order makes cheap; only where one is missing
    for all there are.
    """
    asked = list(dict.fromkeys(names))
    if not asked:
        return []
    names_now = names_of(warehouse)
    stored = {name: [sent.name for sent in names_now.events(names_now.event(name))] for name in asked}
    params = _params(scope) | {"events": [name for sent in stored.values() for name in sent]}
    found = {name for (name,) in warehouse.query(sql_file("events_seen"), params).rows}
    missing = [name for name in asked if found.isdisjoint(stored[name])]
    if not missing:
        return []
    known = event_names(warehouse, scope)
    whence = f" from {' or '.join(scope.sources)}" if scope.sources else ""
    if scope.environment not in (ALL, ""):
        whence += f" in {scope.environment}"
    return [f"Nobody has sent an event `{name}`{whence}.{near(name, known)}" for name in missing]


def _params(scope: Scope) -> dict[str, object]:
    environment = "" if scope.environment == ALL else scope.environment
    return {"sources": list(scope.sources), "environment": environment}
