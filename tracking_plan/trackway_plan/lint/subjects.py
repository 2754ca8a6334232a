"""What lint rules look at: every name and every property of a plan, once each, at the place where it was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..model import Place, Plan, PropertySpec

At = tuple[str, ...]


@dataclass(frozen=True)
class Property:
    """A property where it was written, inside objects too."""

    at: At
    """("events", event, "properties", name, …), as the plan's places know it."""
    path: str
    """As people write it: `lines[].price_minor`."""
    name: str
    spec: PropertySpec

    @property
    def owner(self) -> str:
        """``event `order_completed```, for messages."""
        section, name = self.at[0], self.at[1]
        kinds = {"events": "event", "groups": "group", "types": "type", "traits": "traits of a"}
        return f"{kinds[section]} {name}" if section == "traits" else f"{kinds[section]} `{name}`"


@dataclass(frozen=True)
class Found:
    """What a rule found in one place; the rule itself brings severity and the way to mend it."""

    at: At
    message: str
    hint: str = ""
    """How to mend it, where the rule can say it better for this case."""
    property: str = ""


def properties(plan: Plan) -> Iterator[Property]:
    """Every property of groups, types, traits and events; parts of a named type come with the type, not its uses."""
    for name, spec in plan.types.items():
        yield from _inside(("types", name), name, spec)
    for section, holders in (
        ("groups", {name: group.properties for name, group in plan.groups.items()}),
        ("traits", plan.traits),
        ("events", {name: event.properties for name, event in plan.events.items()}),
    ):
        for holder, specs in holders.items():
            yield from _all((section, holder), "", specs)


def _all(at: At, prefix: str, specs: dict[str, PropertySpec]) -> Iterator[Property]:
    for name, spec in specs.items():
        here, path = (*at, "properties", name), f"{prefix}{name}"
        yield Property(here, path, name, spec)
        if not spec.named_type:
            yield from _inside(here, path, spec)


def _inside(at: At, path: str, spec: PropertySpec) -> Iterator[Property]:
    if spec.kind == "object" and spec.properties:
        yield from _all(at, f"{path}.", spec.properties)
    elif spec.kind == "list" and spec.of is not None and not spec.of.named_type:
        yield from _inside(at, f"{path}[]", spec.of)


def place_of(plan: Plan, at: At) -> Place:
    """Where `at` was written, or the nearest thing around it that has a place."""
    while at and at not in plan.places:
        at = at[:-1]
    return plan.places.get(at) or Place(file="plan.yaml", line=1, column=1)
