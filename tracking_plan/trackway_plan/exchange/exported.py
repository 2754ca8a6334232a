"""What every export shares: the plan's events with groups and named types in place, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..model import EventSpec, Plan, PropertySpec
from ..release import events_in_place
from .losses import Loss, Losses


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What an export gives."""

    files: Mapping[str, str]
    """Path below the target → text."""
    losses: tuple[Loss, ...]


def flat_events(plan: Plan) -> dict[str, EventSpec]:
    """The plan's events as a tool without groups and named types sees them."""
    return {
        name: msgspec.structs.replace(
            event, properties=flat_properties(event.properties), waive=plan.events[name].waive
        )
        for name, event in events_in_place(plan).items()
    }


def flat_properties(properties: Mapping[str, PropertySpec]) -> dict[str, PropertySpec]:
    """Properties without the names of the groups and types they came from."""
    return {name: flat_property(spec) for name, spec in properties.items()}


def flat_property(spec: PropertySpec) -> PropertySpec:
    """One property without the names of groups and types in it."""
    return msgspec.structs.replace(
        spec,
        group="",
        named_type="",
        of=flat_property(spec.of) if spec.of else None,
        properties=None if spec.properties is None else flat_properties(spec.properties),
        any_of=tuple(map(flat_property, spec.any_of)),
    )


def plan_losses(plan: Plan, tool: str, losses: Losses, kept: tuple[str, ...] = ()) -> None:
    """Report what of the plan as a whole the tool has no place for; `kept` is what it has."""
    losses.event = ""
    for name in plan.groups:
        losses.add(f"group {name}", f"group {name}", "it is written into each event that includes it")
    if "types" not in kept:
        for name in plan.types:
            losses.add(f"type {name}", f"type {name}", "it is written out at each property that has it")
    waivers = [*plan.waive, *(waiver for group in plan.groups.values() for waiver in group.waive)]
    whole = {
        "plan": plan.name if "name" not in kept else "",
        "summary": plan.summary if "summary" not in kept else "",
        "sources": ", ".join(
            name for name, source in plan.sources.items() if source.kind or source.sdk or source.summary
        ),
        "on_violation": ", ".join(plan.on_violation),
        "naming": ", ".join(msgspec.to_builtins(plan.naming)),
        "waive": ", ".join(waiver.rule for waiver in waivers),
        "compatibility": ", ".join(plan.compatibility),
    }
    for key, value in whole.items():
        if value:
            losses.add("plan.yaml", f"{key}: {value}", f"{tool} has no place for it")
    for name, source in plan.sources.items():
        if source.on_violation:
            losses.add("plan.yaml", f"on_violation of {name}", f"{tool} has no place for it")
    if plan.accepted:
        losses.add("accepted.yaml", f"{len(plan.accepted)} accepted findings", f"{tool} has no place for them")


def report_event_words(
    event: EventSpec, losses: Losses, tool: str, status: tuple[str, ...], kept: tuple[str, ...] = ()
) -> None:
    """Report the keys of an event that a tool has no word for."""
    if event.status not in status:
        losses.add(event.name, f"status: {event.status}", f"{tool} has no such status")
    for key in (
        "owner",
        "when",
        "once_per",
        "sent_by",
        "replaced_by",
        "remove_after",
        "formerly",
        "on_violation",
        "waive",
    ):
        value = getattr(event, key)
        if value and key not in kept:
            text = value if isinstance(value, str) else f"{len(value)}"
            losses.add(event.name, f"{key}: {text}", f"{tool} has no word for it")
