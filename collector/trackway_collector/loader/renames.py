"""
`store_as`: the names under which planned properties are stored, where they differ from those that are sent.

Former names of events and properties (`formerly`) are stored as they were sent; questions resolve them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackway_plan import Release
from trackway_plan.model import PropertySpec
from trackway_plan.renames import former_events

Renames = Mapping[str, tuple[str, "Renames"]]
"""Property as sent → (name as stored, the same for what is inside it); only where something differs."""


def renames_of(release: Release | None) -> dict[str, Renames]:
    """
    Return event → renames, for the events of which any property, at any depth, is stored under another name.

    A former name of an event has the renames of the event.
    """
    if release is None:
        return {}
    found: dict[str, Renames] = {
        name: renames for name, event in release.events.items() if (renames := _renames(event.properties))
    }
    return found | {old: found[name] for old, name in former_events(release).items() if name in found}


def renamed(values: Mapping[str, Any], renames: Renames) -> dict[str, Any]:
    """Return the values under their stored names; what is not named stays as it is."""
    stored = {}
    for name, value in values.items():
        stored_as, inside = renames.get(name, (name, {}))
        stored[stored_as] = renamed(value, inside) if inside and isinstance(value, dict) else value
    return stored


def _renames(properties: Mapping[str, PropertySpec]) -> dict[str, tuple[str, Renames]]:
    found: dict[str, tuple[str, Renames]] = {}
    for name, spec in properties.items():
        inside = _renames(spec.properties) if spec.properties else {}
        if spec.store_as or inside:
            found[name] = (spec.store_as or name, inside)
    return found
