"""
The four questions answered by brute force, straight from their definitions: the judge of the SQL.

Slow on purpose: every chain of events is tried, every journey walked. Nothing here shares code with the
package.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Event:
    """One event of a random log."""

    person: str
    name: str
    at: datetime
    message_id: str
    session: str = ""
    source: str = "web"
    properties: dict[str, Any] = field(default_factory=dict, hash=False)


def in_order(events: Iterable[Event]) -> list[Event]:
    """Return the events by time, then message_id."""
    return sorted(events, key=lambda event: (event.at, event.message_id))


def by_person(events: Iterable[Event]) -> list[list[Event]]:
    """Return each person's events, in order."""
    lives: dict[str, list[Event]] = defaultdict(list)
    for event in in_order(events):
        lives[event.person].append(event)
    return list(lives.values())


def by_session(events: Iterable[Event], gap: timedelta = timedelta(minutes=30)) -> list[list[Event]]:
    """
    Return each session's events: by source and session id, else by person with a gap of more than `gap`
    between.
    """
    named: dict[tuple[str, str], list[Event]] = defaultdict(list)
    sessions: list[list[Event]] = []
    for life in by_person(event for event in events if not event.session):
        sessions.append([life[0]])
        for before, event in itertools.pairwise(life):
            if event.at - before.at > gap:
                sessions.append([])
            sessions[-1].append(event)
    for event in in_order(event for event in events if event.session):
        named[event.source, event.session].append(event)
    return sessions + list(named.values())


def funnel(
    units: Sequence[Sequence[Event]],
    steps: Sequence[Callable[[Event], bool]],
    within: timedelta | None,
    entry: str,
) -> tuple[list[int], list[float | None]]:
    """Return how many units reach each step, and the median seconds from the first step to it."""
    reached = [0] * len(steps)
    times: list[list[float]] = [[] for _ in steps]
    for unit in units:
        for number, elapsed in enumerate(_elapsed(unit, steps, within, entry)):
            reached[number] += 1
            times[number].append(elapsed)
    return reached, [median(found) if found else None for found in times]


def _elapsed(
    unit: Sequence[Event], steps: Sequence[Callable[[Event], bool]], within: timedelta | None, entry: str
) -> list[float]:
    """
    Seconds from the first step to each that the unit reaches: when it first does, by the shortest way there.
    """
    starts = [i for i, event in enumerate(unit) if steps[0](event)]
    if entry == "first":
        starts = starts[:1]
    found: list[float] = []
    for number in range(len(steps)):
        # (where the chain ends, minus where it began): the earliest end first, then the latest beginning.
        chains = [(end, -start) for start in starts for end in _ends(unit, steps[: number + 1], start, within)]
        if not chains:
            break
        end, start = min(chains)
        found.append((unit[end].at - unit[-start].at).total_seconds())
    return found


def _ends(
    unit: Sequence[Event], steps: Sequence[Callable[[Event], bool]], start: int, within: timedelta | None
) -> set[int]:
    """Every place where a chain from `start` through all `steps` can end."""
    ends = {start}
    for step in steps[1:]:
        ends = {
            later
            for end in ends
            for later in range(end + 1, len(unit))
            if step(unit[later]) and (within is None or unit[later].at - unit[start].at <= within)
        }
    return ends


def paths(
    units: Sequence[Sequence[Event]], *, start: str | None, end: str | None, steps: int, collapse: bool
) -> Counter[tuple[str, ...]]:
    """Return how many units take each path, as far as it goes."""
    found: Counter[tuple[str, ...]] = Counter()
    for unit in units:
        names = [event.name for event in unit]
        if collapse:
            names = [name for name, _ in itertools.groupby(names)]
        anchor = start or end
        if anchor is not None and anchor not in names:
            continue
        place = names.index(anchor) if anchor is not None else 0
        path = names[: place + 1][::-1] if end else names[place:]
        found[tuple(path[:steps])] += 1
    return found


def retention(
    events: Sequence[Event],
    number: Callable[[datetime], int],
    *,
    start: Callable[[Event], bool],
    back: Callable[[Event], bool],
    first: str,
    mode: str,
    since: datetime | None,
    periods: int,
) -> tuple[Counter[int], Counter[tuple[int, int]]]:
    """Return the size of each cohort, and how many of it came back so many periods later."""
    sizes: Counter[int] = Counter()
    returned: Counter[tuple[int, int]] = Counter()
    for life in by_person(events):
        starts = [e.at for e in life if start(e) and (first == "ever" or since is None or e.at >= since)]
        if not starts or (first == "ever" and since is not None and starts[0] < since):
            continue
        begun: dict[int, datetime] = {}
        for at in starts if first == "recurring" else starts[:1]:
            begun.setdefault(number(at), at)
        for cohort, at in begun.items():
            sizes[cohort] += 1
            after = {number(e.at) - cohort for e in life if back(e) and e.at >= at}
            for later in range(periods + 1):
                if later in after or (mode == "on_or_after" and any(other >= later for other in after)):
                    returned[cohort, later] += 1
    return sizes, returned


def attribution(
    events: Sequence[Event],
    *,
    touch: Callable[[Event], bool],
    conversion: Callable[[Event], bool],
    channel: Callable[[Event], str],
    lookback: timedelta | None,
    half_life: timedelta,
    since: datetime | None = None,
    value: Callable[[Event], float | None] = lambda event: None,
) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
    """Return model → channel → credited conversions, and the same for their value; "" is no touch."""
    credit: dict[str, Counter[str]] = defaultdict(Counter)
    worth: dict[str, Counter[str]] = defaultdict(Counter)
    for life in by_person(events):
        for place, event in enumerate(life):
            if not conversion(event) or (since is not None and event.at < since):
                continue
            touches = [e for e in life[: place + 1] if touch(e) and (lookback is None or event.at - e.at <= lookback)]
            for model, weights in _weights([(event.at - e.at) / half_life for e in touches]).items():
                for name, weight in zip([channel(e) for e in touches] or [""], weights, strict=True):
                    credit[model][name] += weight  # type: ignore[assignment]
                    worth[model][name] += weight * (value(event) or 0.0)  # type: ignore[assignment]
    return credit, worth


def _weights(ages: list[float]) -> dict[str, list[float]]:
    n = len(ages)
    if n == 0:
        return {model: [1.0] for model in ("first", "last", "linear", "position", "time_decay")}
    decay = [0.5 ** (age - ages[-1]) for age in ages]
    position = [1.0] if n == 1 else [0.5, 0.5] if n == 2 else [0.4, *[0.2 / (n - 2)] * (n - 2), 0.4]
    return {
        "first": [1.0] + [0.0] * (n - 1),
        "last": [0.0] * (n - 1) + [1.0],
        "linear": [1 / n] * n,
        "position": position,
        "time_decay": [weight / sum(decay) for weight in decay],
    }


def period_number(name: str, zone: ZoneInfo, week_start: str = "monday") -> Callable[[datetime], int]:
    """Return a function from a time to the number of its period: any numbering that grows by one will do."""

    def number(at: datetime) -> int:
        local = at.astimezone(zone)
        if name == "hour":
            # The instant at which the running hour of the zone's clock began.
            began = at - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
            return int(began.timestamp() // 3600)
        if name == "day":
            return local.date().toordinal()
        if name == "week":
            back = local.weekday() if week_start == "monday" else (local.weekday() + 1) % 7
            return (local.date().toordinal() - back) // 7
        return local.year * 12 + local.month

    return number
