"""
The names of the plan, as the warehouse knows them: which rows a question about `order_completed` is about.

The collector stores events as they were sent and records every release of the plan (`plan_releases`). Here the two
meet: questions and answers speak of present names, rows may have former ones. `trackway_plan.renames` says how names
resolve; a warehouse without releases has no former names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from trackway_plan.release import Release
from trackway_plan.renames import Names, Sent

if TYPE_CHECKING:
    from trackway_collector.warehouse import Warehouse

MOST_TOLD = 6
"""An answer's sentence names so many renamed things and counts the rest."""


@dataclass
class _Read:
    """What was read of one warehouse: releases never change, so only new ones are fetched."""

    releases: dict[str, Release] = field(default_factory=dict)
    key: tuple[tuple[int, str], ...] = ()
    names: Names = field(default_factory=Names)


_read: WeakKeyDictionary[Warehouse, _Read] = WeakKeyDictionary()


def names_of(warehouse: Warehouse) -> Names:
    """
    Return the names of the plan in use, over all its releases that the warehouse knows.

    Raises:
        ReleaseError: of `trackway_plan`: a recorded release was changed.
        WarehouseError: the warehouse cannot be asked.
    """
    from trackway_collector.warehouse import recorded_releases

    read = _read.setdefault(warehouse, _Read())
    releases = recorded_releases(warehouse, read.releases)
    key = tuple((release.rev, release.hash) for release in releases)
    if key != read.key:
        read.names, read.key = Names(releases), key
    return read.names


def spelled(sent: Sequence[Sent]) -> str:
    """Former names in words: `cart (through revision 8) and checkout`."""
    words = [
        f"{each.name} (through revision {each.through})" if each.through is not None else each.name for each in sent
    ]
    return " and ".join(dict.fromkeys(words))


def told(notes: Sequence[str]) -> str:
    """One sentence, with a blank before it, on the former names that an answer includes; '' if there are none."""
    if not notes:
        return ""
    shown = "; ".join(notes[:MOST_TOLD])
    more = f"; and {len(notes) - MOST_TOLD} more" if len(notes) > MOST_TOLD else ""
    return f" Former names count: {shown}{more}."
