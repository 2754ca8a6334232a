"""Lint rules about the end of things: deprecated events, days that have passed, and parts that nothing uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from ..model import Plan, PropertySpec
from ..release import included
from .subjects import Found


def expired(plan: Plan, today: date) -> Iterator[Found]:
    for name, event in plan.events.items():
        # ISO days compare as text.
        if event.remove_after and event.remove_after < today.isoformat():
            at = ("events", name, "remove_after")
            yield Found(at, f"the event `{name}` was to be removed after {event.remove_after}.")


def no_successor(plan: Plan, today: date) -> Iterator[Found]:
    for name, event in plan.events.items():
        if event.status == "deprecated" and not event.replaced_by:
            yield Found(("events", name), f"the event `{name}` is deprecated and does not say what to send instead.")


def no_end(plan: Plan, today: date) -> Iterator[Found]:
    for name, event in plan.events.items():
        if event.status == "deprecated" and not event.remove_after:
            yield Found(("events", name), f"the event `{name}` is deprecated and does not say until when.")


def unused_group(plan: Plan, today: date) -> Iterator[Found]:
    used = {*plan.everywhere, *(name for event in plan.events.values() for name in event.include)}
    reached = set(included(plan, tuple(used)))
    for name in plan.groups:
        if name not in reached:
            yield Found(("groups", name), f"no event includes the group `{name}`.")


def unused_type(plan: Plan, today: date) -> Iterator[Found]:
    holders = [
        *(event.properties for event in plan.events.values()),
        *(group.properties for group in plan.groups.values()),
        *plan.traits.values(),
    ]
    used = set(_types(spec for specs in holders for spec in specs.values()))
    for name in plan.types:
        if name not in used:
            yield Found(("types", name), f"no property has the type `{name}`.")


def _types(specs: Iterable[PropertySpec]) -> Iterator[str]:
    for spec in specs:
        if spec.named_type:
            yield spec.named_type
        yield from _types([*(spec.properties or {}).values(), *([spec.of] if spec.of else []), *spec.any_of])
