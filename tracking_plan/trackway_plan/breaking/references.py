"""Who asks for what changes: the places in definitions that name it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..definitions import Definition, Use
from ..diff.change import Change


def referring(change: Change, definitions: Iterable[Definition] | None, pairs: Mapping[str, str]) -> Sequence[str]:
    """`file:line` of each use that a change concerns, each once."""
    value = change.before if change.kind == "choice-removed" else None
    found: dict[str, None] = {}
    for event, path in change.uses or ((change.event, change.path),):
        names = {event, pairs.get(event, event)}
        for definition in definitions or ():
            for use in definition.uses:
                named = not names.isdisjoint(use.events) or (path and not use.events)
                if named and _about(use, path, value):
                    found[f"{use.place.file}:{use.place.line}"] = None
    return list(found)


def _about(use: Use, path: str, value: str | None) -> bool:
    if not path:
        return True
    mine, theirs = path.replace("[]", ""), use.property.replace("[]", "")
    inside = theirs == mine or theirs.startswith(f"{mine}.")
    return inside and (value is None or not use.values or value in use.values)
