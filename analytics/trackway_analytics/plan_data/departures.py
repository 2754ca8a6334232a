"""Observed events against the plan: each way in which they depart from it, over all events that share the property."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from trackway_analytics.plan_data.stored import Observed
from trackway_analytics.plan_data.verdicts import Judge
from trackway_plan import Release, ViolationCode

PHRASES: dict[str, str] = {
    ViolationCode.UNPLANNED_EVENT: "are not in the plan",
    ViolationCode.RETIRED_EVENT: "are retired in the plan and still arrive",
    ViolationCode.WRONG_SOURCE: "come from a source that `sent_by` does not name",
    ViolationCode.UNPLANNED_PROPERTY: "have `{path}`, which is not in the plan",
    ViolationCode.MISSING_REQUIRED: "lack `{path}`, which is required",
    ViolationCode.WRONG_TYPE: "have a value of another type in `{path}`",
    ViolationCode.VALUE_NOT_ALLOWED: "have a value in `{path}` that is not among its choices",
    ViolationCode.OUT_OF_RANGE: "have a value in `{path}` that is out of its range",
    ViolationCode.TOO_LONG: "have a value in `{path}` that is too long",
    ViolationCode.PATTERN: "have a value in `{path}` that does not look as the plan says",
    ViolationCode.RULE_FAILED: "lack `{path}`, which a rule asks for",
}
"""Code → what the events do. The validator's own sentences may quote values, so they are not repeated here."""


def owner_of(release: Release, event: str, path: str) -> str:
    """The property group that a property comes from, "" if it is the event's own or unplanned."""
    spec = release.events.get(event)
    top = spec.properties.get(path.partition(".")[0].removesuffix("[]")) if spec else None
    return top.group if top else ""


@dataclass
class DepartureCount:
    """One way to depart: violation code and property, of an event or of all events with a group."""

    code: str
    path: str
    group: str = ""
    events: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Event → how many depart in this way."""
    by_source: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    by_rev: dict[int, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def count(self) -> float:
        """All of them."""
        return sum(self.events.values())


class Departures:
    """Counts of everything that departs from one release."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.seen: dict[str, float] = defaultdict(float)
        """Event → how many there are."""
        self.shares: dict[str, float] = {}
        """Event → the share of them that was looked at."""
        self._judge = Judge(release)
        self._found: dict[tuple[str, str, str], DepartureCount] = {}

    def add(self, event: str, groups: Iterable[Observed], share: float = 1.0) -> None:
        """Judge the events of one name; the counts are of all of them, though a share was looked at."""
        self.shares[event] = share
        for group in groups:
            count = group.count * group.weight
            self.seen[event] += count
            for code, path in self._judge.look(event, group.properties, group.source).departures:
                origin = owner_of(self.release, event, path)
                key = code, path, f"group {origin}" if origin else f"event {event}"
                found = self._found.setdefault(key, DepartureCount(code, path, origin))
                found.events[event] += count
                found.by_source[group.source] += count
                found.by_rev[group.rev] += count

    def found(self, minimum: int) -> list[DepartureCount]:
        """The ways in which at least `minimum` events depart, the most frequent first."""
        kept = [each for each in self._found.values() if each.count >= minimum]
        return sorted(kept, key=lambda each: (-each.count, each.code, each.path, *sorted(each.events)))
