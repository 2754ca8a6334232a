"""What a plan's readers should know though nothing is wrong with it."""

from __future__ import annotations

from .errors import Problem
from .model import Plan
from .redact import stored


def plan_notes(plan: Plan) -> list[Problem]:
    """What says less than its reader may think, each at its place."""
    holders = [(("events", name), event.properties) for name, event in plan.events.items()]
    holders += [(("groups", name), group.properties) for name, group in plan.groups.items()]
    holders += [(("traits", kind), specs) for kind, specs in plan.traits.items()]
    notes = []
    for at, properties in holders:
        for name, spec in properties.items():
            if spec.required and stored(spec) == "drop":
                place = plan.places[*at, "properties", name]
                message = f"`required` of `{name}` says nothing: what is dropped may have been dropped already."
                hint = "Remove `required`, or `store: drop`."
                notes.append(Problem(place.file, place.line, place.column, message, hint))
    return sorted(notes)
