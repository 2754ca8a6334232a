"""Lint rules about what a definition leaves out, or leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from ..model import Plan, PropertySpec
from .subjects import Found, properties


def owner(plan: Plan, today: date) -> Iterator[Found]:
    for name, event in plan.events.items():
        if not event.owner:
            yield Found(("events", name), f"the event `{name}` has no owner.")


def summary(plan: Plan, today: date) -> Iterator[Found]:
    for section, what, named in (("events", "event", plan.events), ("groups", "group", plan.groups)):
        for name, each in named.items():
            if not each.summary:
                yield Found((section, name), f"the {what} `{name}` has no summary.")


def pii(plan: Plan, today: date) -> Iterator[Found]:
    for name, spec in plan.types.items():
        if not _classified(spec):
            yield Found(("types", name), f"the type `{name}` does not say what personal data it holds.")
    for each in properties(plan):
        # A type is reported where it is defined; parts of an object by themselves.
        if not each.spec.named_type and not _classified(each.spec):
            message = f"the property `{each.path}` of {each.owner} does not say what personal data it holds."
            yield Found(each.at, message, property=each.path)


def _classified(spec: PropertySpec) -> bool:
    if spec.pii is not None:
        return True
    if spec.kind == "object":
        return bool(spec.properties)
    if spec.kind == "list" and spec.of is not None:
        return bool(spec.of.named_type) or _classified(spec.of)
    return False


def required_nullable(plan: Plan, today: date) -> Iterator[Found]:
    for each in properties(plan):
        if each.spec.required and each.spec.nullable:
            yield Found(
                each.at, f"the property `{each.path}` of {each.owner} is required and may be null.", "", each.path
            )


def open_object(plan: Plan, today: date) -> Iterator[Found]:
    for name, spec in plan.types.items():
        if _open(spec):
            yield Found(("types", name), f"the type `{name}` is an object of anything.")
    for each in properties(plan):
        if not each.spec.named_type and _open(each.spec):
            yield Found(
                each.at, f"the property `{each.path}` of {each.owner} holds an object of anything.", "", each.path
            )


def _open(spec: PropertySpec) -> bool:
    if spec.kind == "list" and spec.of is not None and not spec.of.named_type:
        return _open(spec.of)
    return spec.kind == "object" and spec.properties is None
