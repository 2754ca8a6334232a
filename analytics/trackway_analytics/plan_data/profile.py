"""
What the events of one name hold, property by property: how often, of which types, with which values.

    observed events ─▶ profile_event ─▶ Profile ─▶ PropertyProfile "items[].price" ─▶ infer, drift

A profile holds values, personal ones among them. They stay in memory: what is printed are counts, and values only
by way of `safe_values`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trackway_analytics.plan_data.restore import Restorer
from trackway_analytics.plan_data.stored import Observed, Shares, Volume, Window, observed, people_behind
from trackway_analytics.plan_data.verdicts import shown_name
from trackway_plan.pii import Personal, looks_like_card, personal_data
from trackway_plan.verdict.formats import FORMATS, is_date, is_decimal, is_timestamp

if TYPE_CHECKING:
    from trackway_collector.warehouse import Warehouse
    from trackway_plan.model import EventSpec

SAMPLE = 10_000
"""Events of one name that are looked at."""
MAX_PATHS = 1_000
"""Further names are counted together: an object whose keys are data has no end of them."""
MAX_DEPTH = 12
PEOPLE = 5
"""A value that fewer people sent than this is not printed, whatever it looks like."""
LONGEST_SHOWN = 60

Scalar = str | int | float | bool


def _counts() -> defaultdict[Any, float]:
    """Counts that may be fractions, since events are weighted; what was never counted is 0."""
    return defaultdict(float)


@dataclass
class Held:
    """One value of one source: how often, and hashes of up to 8 of the people who sent it."""

    count: float = 0
    people: tuple[int, ...] = ()

    def add(self, count: float, people: tuple[int, ...]) -> None:
        """Count some more."""
        self.count += count
        if len(self.people) < 8 and people and people != self.people:
            self.people = tuple(set(self.people + people))[:8]


@dataclass
class PropertyProfile:
    """One property of one event, or the items of a list (`tags[]`)."""

    path: str
    present: float = 0
    kinds: dict[str, float] = field(default_factory=_counts)
    """bool, int, number, string, list, object, null → how often."""
    values: dict[tuple[str, str, Scalar], Held] = field(default_factory=dict)
    """(source, kind, value) → how often; scalars only."""
    sources: dict[str, float] = field(default_factory=_counts)
    """Source → how often it sent the property at all."""
    items: dict[int, float] = field(default_factory=_counts)
    """Length of a list → how often."""
    parent: str = ""
    """The path of the object it stands in; "" for the event's properties."""

    @cached_property
    def by_value(self) -> Mapping[tuple[str, Scalar], Held]:
        """(kind, value) → how often, over all sources."""
        found: dict[tuple[str, Scalar], Held] = {}
        for (_, kind, value), held in self.values.items():
            found.setdefault((kind, value), Held()).add(held.count, held.people)
        return found

    @property
    def distinct(self) -> int:
        """How many different scalar values there are."""
        return len(self.by_value)

    def texts(self) -> Iterator[tuple[str, float]]:
        """Each different text and how often it came."""
        return ((str(value), held.count) for (kind, value), held in self.by_value.items() if kind == "string")

    def numbers(self) -> list[tuple[float, float]]:
        """Each different number and how often it came, in rising order."""
        found = [
            (float(value), held.count) for (kind, value), held in self.by_value.items() if kind in ("int", "number")
        ]
        return sorted(pair for pair in found if math.isfinite(pair[0]))

    def lengths(self) -> list[tuple[float, float]]:
        """Each length of a text, in characters, and how often it came, in rising order."""
        found: dict[int, float] = _counts()
        for text, count in self.texts():
            found[len(text)] += count
        return sorted((float(length), count) for length, count in found.items())

    @cached_property
    def formats(self) -> Mapping[str, float]:
        """timestamp, date, decimal, and the names of `format:` → how many of the texts look so."""
        found: dict[str, float] = _counts()
        for text, count in self.texts():
            for name, looks in _LOOKS.items():
                if looks(text):
                    found[name] += count
        return found

    @cached_property
    def personal(self) -> Mapping[tuple[Personal, str], float]:
        """
        (kind of personal data, source) → how often it was recognised.

        One number in ten passes for a card by its check digit, so cards count only where more than half of the
        source's numbers with a card's looks pass.
        """
        found: dict[tuple[Personal, str], float] = _counts()
        like_cards: dict[str, float] = _counts()
        name = self.path.rpartition(".")[2].removesuffix("[]")
        for (source, _, value), held in self.values.items():
            for kind in personal_data(value, name):
                found[kind, source] += held.count
            if looks_like_card(value):
                like_cards[source] += held.count
        return {
            (kind, source): count
            for (kind, source), count in sorted(found.items())
            if kind is not Personal.CARD or count > like_cards[source] / 2
        }

    def safe_values(self, least: float = 1) -> list[str] | None:
        """
        The texts, most frequent first, if every one may be shown: nobody's data, short, sent by several people.

        None if one of them that came at least `least` times may not be shown.
        """
        shown = []
        for (kind, value), held in sorted(self.by_value.items(), key=lambda item: (-item[1].count, str(item[0][1]))):
            if kind == "string" and held.count >= least:
                text = str(value)
                if not may_be_shown(text, held):
                    return None
                shown.append(text)
        return shown


@dataclass
class Profile:
    """What the events of one name in one window hold."""

    event: str
    window: Window
    volume: Volume
    share: float = 1.0
    """The share that was looked at; counts are of what was looked at."""
    events: float = 0
    people: float = 0
    """How many equally busy people are behind them: what a test may take for independent (`people.sql`)."""
    properties: dict[str, PropertyProfile] = field(default_factory=dict)
    objects: dict[str, float] = field(default_factory=_counts)
    """Path of an object ("" the properties themselves) → how often it was there."""
    sources: dict[str, float] = field(default_factory=_counts)
    overflow: float = 0
    """Values under names beyond `MAX_PATHS`."""

    @property
    def independent(self) -> float:
        """
        The part of each count that is news: people / events, at most 1.

        Events of one person are alike, so their number alone would make chance look like change. Taking one
        person's events for one is the careful end (a design effect with full correlation).
        """
        return min(1.0, self.people / self.events) if self.events else 1.0

    def possible(self, of: PropertyProfile) -> float:
        """In how many objects a property could have been: what its presence is a share of."""
        return max(self.objects[of.parent], of.present) if not of.path.endswith("[]") else of.present


def profile_event(
    warehouse: Warehouse, event: str, window: Window, volume: Volume, *, spec: EventSpec | None, sample: int = SAMPLE
) -> Profile:
    """The profile of one name's events in a window, quarantine included; of a share where there are many."""
    shares = Shares.of(volume, sample)
    groups = observed(warehouse, event, window, Restorer(spec), shares)
    found = profile(event, groups, window=window, volume=volume, base=shares.stored)
    found.share = shares.overall
    found.people = people_of(warehouse, event, window, shares, found.events)
    return found


def people_of(warehouse: Warehouse, event: str, window: Window, shares: Shares, events: float) -> float:
    """How many people are behind what was looked at; in quarantine each event counts as one."""
    stored = people_behind(warehouse, event, window, shares) if shares.volume.stored else 0
    return min(events, stored + shares.volume.quarantined * shares.stored)


def profile(
    event: str, groups: Iterable[Observed], *, window: Window, volume: Volume | None = None, base: float = 1.0
) -> Profile:
    """The profile of observed events; `base` is the share in whose terms is counted."""
    found = Profile(event, window, volume or Volume())
    for group in groups:
        count = group.count * group.weight * base
        found.events += count
        found.sources[group.source] += count
        if isinstance(group.properties, dict):
            _object(found, "", group.properties, group, count, 0)
    found.people = found.events
    return found


def may_be_shown(text: str, held: Held) -> bool:
    """Whether a value may be printed: it is short, no detector knows it, and several people sent it."""
    return len(text) <= LONGEST_SHOWN and len(held.people) >= PEOPLE and not personal_data(text)


def _object(found: Profile, at: str, values: Mapping[str, Any], group: Observed, count: float, depth: int) -> None:
    found.objects[at] += count
    for name, value in values.items():
        path = f"{at}.{shown_name(name)}" if at else shown_name(name)
        _value(found, path, at, value, group, count, depth)


def _value(found: Profile, path: str, parent: str, value: Any, group: Observed, count: float, depth: int) -> None:
    one = found.properties.get(path)
    if one is None:
        if len(found.properties) >= MAX_PATHS:
            found.overflow += count
            return
        one = found.properties[path] = PropertyProfile(path, parent=parent)
    kind = _KINDS.get(type(value), "object")
    one.kinds[kind] += count
    if kind == "null":
        return
    one.present += count
    one.sources[group.source] += count
    if kind == "list":
        one.items[len(value)] += count
        if depth < MAX_DEPTH:
            for item in value:
                _value(found, f"{path}[]", path, item, group, count, depth + 1)
    elif kind == "object":
        if depth < MAX_DEPTH:
            _object(found, path, value, group, count, depth + 1)
    else:
        one.values.setdefault((group.source, kind, value), Held()).add(count, group.people)


_KINDS = {
    bool: "bool",
    int: "int",
    float: "number",
    str: "string",
    list: "list",
    dict: "object",
    type(None): "null",
}
_LOOKS = {
    "timestamp": is_timestamp,
    "date": is_date,
    "decimal": lambda text: "." in text and is_decimal(text),
    **{name: check for name, (check, _) in FORMATS.items() if name not in ("hostname", "ipv6")},
}
