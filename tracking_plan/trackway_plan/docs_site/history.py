"""What happened to each event, told from the releases: the revision, its day, and what it changed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..breaking.catalogue import RULES
from ..breaking.words import message
from ..diff.change import Change
from ..diff.releases import changes, event_pairs
from ..release import Release

Entry = dict[str, Any]
"""`rev` (0: not released yet), `date` (ISO, "" if unknown), `what` (sentences; names in backticks)."""


def histories(releases: Sequence[Release]) -> dict[str, list[Entry]]:
    """
    Event of the last release → its entries, the newest first; a renamed event keeps what happened under its old name.

    Args:
        releases: in rising order, at least one; the last may be the plan as it stands, with revision 0.
    """
    found: dict[str, list[Entry]] = {}
    first = releases[0]
    for name in first.events:
        found[name] = [_entry(first, ["In the first revision." if first.rev else "New."])]
    for before, after in pairwise(releases):
        pairs = event_pairs(before, after)
        found = {name: found.get(pairs.get(name, ""), []) for name in after.events}
        said: dict[str, list[str]] = {}
        for change in _told(before, after):
            for name in change.events:
                said.setdefault(name, []).append(_sentence(change))
        for name in after.events:
            if name in said:
                found[name] = [_entry(after, said[name]), *found[name]]
    return found


def log(releases: Sequence[Release]) -> list[Entry]:
    """What each revision changed in the whole plan, the newest first; `events` names those it touched."""
    found = []
    for before, after in pairwise(releases):
        told = list(_told(before, after))
        touched = sorted({name for change in told for name in change.events if name in after.events})
        found.append(_entry(after, [_sentence(change) for change in told]) | {"events": touched})
    first = releases[0]
    count = "1 event" if len(first.events) == 1 else f"{len(first.events):,} events"
    found.insert(0, _entry(first, [f"The first revision, with {count}."]) | {"events": []})
    return found[::-1]


def _told(before: Release, after: Release) -> list[Change]:
    # A possible rename is advice to whoever writes the change, no part of what happened.
    return [change for change in changes(before, after) if change.kind != "possible-rename"]


def _sentence(change: Change) -> str:
    return message(RULES[change.kind], change)


def _entry(release: Release, what: Sequence[str]) -> Entry:
    return {"rev": release.rev, "date": release.created, "what": list(dict.fromkeys(what))}
