"""Logs stored under former names: what a plan's clients of four revisions would have sent for one log of today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from tests.analytics.reference import Event
from trackway_collector.warehouse import Warehouse, record_release
from trackway_plan import EventSpec, Plan, PropertySpec, Release, compile_release
from trackway_plan.model import Former

Style = Literal["as named", "renamed", "used again"]
STYLES: tuple[Style, ...] = ("as named", "renamed", "used again")
"""Nothing was renamed; everything had another name; or, on top of it, up to rev 4 had its neighbour's present name."""

REVISIONS = (1, 3, 5, 6)


def releases(names: Sequence[str], style: Style) -> list[Release]:
    """The plan at revision 6, at which the names are those of today, and at revision 4 before it."""
    if style == "as named":
        return []
    today, before = {}, {}
    for place, name in enumerate(names):
        formerly = [Former(event=f"old {name}", through=2)]
        if style == "used again":
            formerly.append(Former(event=names[(place + 1) % len(names)], through=4))
        if place % 2 == 0:
            formerly.append(Former(property="worth", now="value", through=4))
        value = {"value": PropertySpec(name="value", kind="any")}
        today[name] = EventSpec(name=name, properties=value, formerly=tuple(formerly))
        then = sent_name(names, name, 4, style)
        before[then] = EventSpec(name=then)
    return [
        compile_release(Plan(name="shop", events=before), 4),
        compile_release(Plan(name="shop", events=today), 6),
    ]


def sent_name(names: Sequence[str], name: str, rev: int, style: Style) -> str:
    """What a client of that revision called the event."""
    if style != "as named" and rev <= 2:
        return f"old {name}"
    if style == "used again" and rev <= 4:
        return names[(names.index(name) + 1) % len(names)]
    return name


def as_sent(warehouse: Warehouse, log: Sequence[Event], names: Sequence[str], style: Style) -> list[tuple[Event, int]]:
    """The log as it was sent, each event with its revision; the warehouse knows the releases."""
    for release in releases(names, style):
        record_release(warehouse, release)
    sent = []
    for event in log:
        rev = REVISIONS[int(event.message_id) % len(REVISIONS)]
        renamed = style != "as named" and rev <= 4 and names.index(event.name) % 2 == 0
        properties = {"worth" if renamed and name == "value" else name: v for name, v in event.properties.items()}
        sent.append((replace(event, name=sent_name(names, event.name, rev, style), properties=properties), rev))
    return sent
