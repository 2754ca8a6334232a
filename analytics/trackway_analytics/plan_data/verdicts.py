"""What a plan's validator says about stored events: violations counted by code and path, each verdict exact."""

from __future__ import annotations

from collections.abc import Mapping
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
    quarantined: bool
    """Whether the policy would set it aside."""


_FITS = Look({}, False)
_ANYTHING = PropertySpec(kind="object", properties={})


class Judge:
    """One release's verdicts on observed events."""

    def __init__(self, release: Release) -> None:
        self.release = release
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
        departures = {
            (str(violation.code), people_path(violation.path, root)): violation.message
            for violation in verdict.violations
            if violation.code not in MARKS
        }
        return Look(departures, verdict.outcome == "quarantined")


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
