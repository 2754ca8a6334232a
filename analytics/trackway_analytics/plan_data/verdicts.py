"""What a plan's validator says about stored events: violations counted by code and path, each verdict exact."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from trackway_plan import Release, Validator, ViolationCode
from trackway_plan.model import PropertySpec
from trackway_plan.pii import personal_data

Departure = tuple[str, str]
"""A violation's code and the path of the property, as people write it: `items[].price`, "" for the event itself."""

MARKS = frozenset({ViolationCode.DEPRECATED_EVENT, ViolationCode.UNSTAMPED, ViolationCode.PII_SUSPECT})
"""Codes that mark an event which fits the plan: a deprecated event may still be sent."""


@dataclass(frozen=True, slots=True)
class Look:
    """How one event stands to a plan."""

    departures: Mapping[Departure, str]
    """Each way in which it departs, with one sentence about it; empty if it fits."""
    refused: bool
    """Whether the policy would keep it out of the events: quarantine it, or reject it."""


_FITS = Look({}, False)
_ANYTHING = PropertySpec(kind="object", properties={})


class Judge:
    """
    One release's verdicts on observed events.

    What was hashed or dropped before it was stored cannot be judged: no departure is told of such a property.
    `stored_by` is the release that says which these are, where it is another one.
    """

    def __init__(self, release: Release, stored_by: Release | None = None) -> None:
        self.release = release
        events = (stored_by or release).events
        self._hidden = {name: frozenset(_not_plain(event.properties, "")) for name, event in events.items()}
        self._validator = Validator(release)
        self._roots = {
            name: PropertySpec(kind="object", properties=event.properties) for name, event in release.events.items()
        }

    def look(self, event: str, properties: Any, source: str) -> Look:
        """How the event stands to the plan."""
        raw = properties if isinstance(properties, dict) else msgspec.json.encode(properties)
        verdict = self._validator.check_track(event, raw, source)
        if not verdict.violations:
            return _FITS
        root = self._roots.get(event, _ANYTHING)
        hidden = self._hidden.get(event, frozenset())
        departures = {
            (str(violation.code), path): violation.message
            for violation in verdict.violations
            if violation.code not in MARKS and not _is_inside(path := people_path(violation.path, root), hidden)
        }
        return Look(departures, bool(departures) and verdict.outcome not in ("ok", "flagged", "unplanned"))


def _not_plain(properties: Mapping[str, PropertySpec], at: str) -> Iterator[str]:
    for name, spec in properties.items():
        if spec.store != "plain":
            yield at + name
        elif spec.properties:
            yield from _not_plain(spec.properties, f"{at}{name}.")
        elif spec.of and spec.of.properties:
            yield from _not_plain(spec.of.properties, f"{at}{name}[].")


def _is_inside(path: str, hidden: Collection[str]) -> bool:
    """Whether a path is one of those hidden, or inside one."""
    return bool(hidden) and any(path == each or path.startswith((f"{each}.", f"{each}[")) for each in hidden)


@lru_cache(maxsize=4096)
def shown_name(name: str) -> str:
    """The name of an event or property, unless it holds personal data itself, as keys made of values do."""
    held = sorted(personal_data(name))
    return f"(a name that holds {' and '.join(held)})" if held else name


def people_path(pointer: str, root: PropertySpec) -> str:
    """A JSON pointer into the properties as people write a path: no positions in lists, no personal data as a name."""
    text, spec = "", root
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        planned = (spec.properties or {}).get(name)
        if planned is None and name.isdigit() and spec.kind in ("list", "any"):
            text += "[]"
            spec = spec.of or PropertySpec(kind="any")
        else:
            text += ("." if text else "") + (name if planned else shown_name(name))
            spec = planned or PropertySpec(kind="any")
    return text
