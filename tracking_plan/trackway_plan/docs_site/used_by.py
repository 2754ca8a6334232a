"""Which definitions rest on an event: the answer to who would notice if it went."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..definitions import Definition, Use
from ..release import Release
from ..renames import former_events


def used_by(release: Release, definitions: Iterable[Definition]) -> dict[str, list[dict[str, Any]]]:
    """
    Event → the definitions that name it or one of its properties, each with the places it does so.

    A former name counts as the event. A definition that asks about any event counts where it names a property that
    the event has.
    """
    former = former_events(release)
    found: dict[str, list[dict[str, Any]]] = {}
    for definition in definitions:
        roles: dict[str, dict[str, None]] = {}
        for use in definition.uses:
            for name in _events(use, release, former):
                roles.setdefault(name, {})[f"{use.role}: {use.property}" if use.property else use.role] = None
        for name, places in roles.items():
            said = {"kind": definition.kind, "name": definition.name, "roles": list(places)}
            found.setdefault(name, []).append(said)
    return found


def _events(use: Use, release: Release, former: dict[str, str]) -> list[str]:
    if use.events:
        return [now for name in use.events if (now := former.get(name, name)) in release.events]
    head = use.property.partition(".")[0]
    return [name for name, event in release.events.items() if head and head in event.properties]
