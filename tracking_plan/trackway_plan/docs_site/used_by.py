"""Which definitions rest on an event: the answer to who would notice if it went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..definitions import Definition, Use
from ..model import EventSpec


def used_by(events: Mapping[str, EventSpec], definitions: Iterable[Definition]) -> dict[str, list[dict[str, Any]]]:
    """
    Event → the definitions that name it or one of its properties, each with the places it does so.

    A former name counts as the event. A definition that asks about any event counts where it names a property that
    the event has.
    """
    former = {old.event: name for name, event in events.items() for old in event.formerly if old.event}
    found: dict[str, list[dict[str, Any]]] = {}
    for definition in definitions:
        roles: dict[str, dict[str, None]] = {}
        for use in definition.uses:
            for name in _events(use, events, former):
                roles.setdefault(name, {})[f"{use.role}: {use.property}" if use.property else use.role] = None
        for name, places in roles.items():
            said = {"kind": definition.kind, "name": definition.name, "roles": list(places)}
            found.setdefault(name, []).append(said)
    return found


def _events(use: Use, events: Mapping[str, EventSpec], former: Mapping[str, str]) -> list[str]:
    if use.events:
        named = (name if name in events else former.get(name, "") for name in use.events)
        return [name for name in named if name in events]
    head = use.property.partition(".")[0]
    return [name for name, event in events.items() if head and head in event.properties]
