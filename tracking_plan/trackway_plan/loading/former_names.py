"""What is wrong with the `formerly` of a plan: names that would mean two things in one revision, and circles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..errors import Problem
from ..model import EventSpec, Former, Place, Plan
from ..near import did_you_mean, listed

Found = tuple[tuple[str, ...], str, str]
"""Where in the plan, what is wrong, how to mend it."""

_THROUGH = "Write `through: N`, the last revision in which it meant that."


def former_name_problems(plan: Plan, events: Mapping[str, EventSpec]) -> Iterator[Problem]:
    """Every former name that is no use, each at its entry under `formerly`."""
    for at, message, hint in (*_events(events), *_properties(events)):
        place = plan.places.get(at) or plan.places.get(at[:2]) or Place(file="plan.yaml", line=1, column=1)
        yield Problem(place.file, place.line, place.column, message, hint)


def _events(events: Mapping[str, EventSpec]) -> Iterator[Found]:
    claims: dict[str, list[tuple[Former, str]]] = {}
    for event in events.values():
        for at, former in _entries(event, "event"):
            name, what = former.event, f"of event `{event.name}`"
            if name == event.name:
                yield at, f"`{name}` is a former name {what} itself.", "Remove the entry."
                continue
            if name in events and former.through is None:
                yield at, f"`{name}` is a former name {what} and a name of event `{name}`.", _THROUGH
            for other, owner in claims.get(name, ()):
                if _overlap(former, other):
                    whose = "twice" if owner == event.name else f"and of event `{owner}`, in the same revisions"
                    yield at, f"`{name}` is a former name {what} {whose}.", _hint(former, other)
            claims.setdefault(name, []).append((former, event.name))


def _properties(events: Mapping[str, EventSpec]) -> Iterator[Found]:
    for event in events.values():
        what, present = f"of event `{event.name}`", event.properties
        onwards = {former.property: former.now for _, former in _entries(event, "property")}
        seen: dict[str, list[Former]] = {}
        for at, former in _entries(event, "property"):
            name = former.property
            if circle := _circle(onwards, name):
                yield at, f"former names {what} go in a circle: {' → '.join(circle)}.", "Remove one entry."
            elif former.now not in present and former.now not in onwards:
                known = f"Known: {listed(sorted(present), 30)}." if present else "There are none."
                meant = did_you_mean(former.now, present)
                yield at, f"`now` {what} names `{former.now}`, which is not in the plan.{meant}", known
            if name in present and former.through is None:
                yield at, f"`{name}` is both a former and a present property {what}.", _THROUGH
            for other in seen.get(name, ()):
                if _overlap(former, other):
                    both = f"both `{other.now}` and `{former.now}`" if other.now != former.now else "listed twice"
                    yield at, f"`{name}` {what} is {both} in the same revisions.", _hint(former, other)
            seen.setdefault(name, []).append(former)


def _entries(event: EventSpec, kind: str) -> Iterable[tuple[tuple[str, ...], Former]]:
    for number, former in enumerate(event.formerly):
        if getattr(former, kind):
            yield ("events", event.name, "formerly", str(number)), former


def _overlap(one: Former, other: Former) -> bool:
    """Whether two entries speak of the same revisions: an entry reaches back to where an earlier one ends."""
    return one.through == other.through or one.through is None or other.through is None


def _hint(one: Former, other: Former) -> str:
    if one.through == other.through and one.through is not None:
        return "Keep one of them, or give each the last revision in which the name meant it."
    return "Keep one of them, or write at each `through: N`, the last revision in which the name meant it."


def _circle(onwards: Mapping[str, str], start: str) -> list[str]:
    """The names from `start` back to itself, or nothing."""
    way = [start]
    while (name := onwards.get(way[-1], "")) and name not in way[1:]:
        way.append(name)
        if name == start:
            return way
    return []
