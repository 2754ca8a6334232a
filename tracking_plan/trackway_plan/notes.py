"""What a plan's readers should know though nothing is wrong with it."""

from __future__ import annotations

from .errors import Problem
from .model import Plan


def plan_notes(plan: Plan) -> list[Problem]:
    """What this version keeps but does not act on yet, each at its place."""
    holders = [(("events", name), event.properties) for name, event in plan.events.items()]
    holders += [(("groups", name), group.properties) for name, group in plan.groups.items()]
    holders += [(("traits", kind), specs) for kind, specs in plan.traits.items()]
    notes = []
    for at, properties in holders:
        for name, spec in properties.items():
            if spec.store != "plain":
                place = plan.places[*at, "properties", name]
                message = f"this version does not act on `store: {spec.store}` of `{name}` yet."
                hint = "The value is stored as it was sent. Leave it out of the event if it must not be stored."
                notes.append(Problem(place.file, place.line, place.column, message, hint))
    return sorted(notes)
