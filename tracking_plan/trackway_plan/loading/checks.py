"""
A plan checked as a whole: names that must exist, circles, properties in two places, storage types, examples.

Each check is a function from the plan, and its events with their groups in place, to problems; `CHECKS` is
the list of them, in the order they run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from ..errors import Problem
from ..model import SCALARS, EventSpec, Place, Plan, PropertySpec
from ..near import did_you_mean, listed
from ..redact import stored
from ..release import events_in_place, included
from ..storage import storage_paths, storage_type
from ..verdict.explain import pointer, shown_path
from ..verdict.fast import value_accepts
from ..verdict.validator import Shape
from .former_names import former_name_problems

Events = Mapping[str, EventSpec]
"""The plan's events with the properties of their groups in place."""


def check_plan(plan: Plan, broken: Collection[str] = ()) -> Iterator[Problem]:
    """Every problem of the plan as a whole; examples wait while files they rest on are `broken`."""
    events = events_in_place(plan)
    for check in CHECKS:
        yield from check(plan, events)
    shared = [file for file in broken if file not in {plan.places["events", name].file for name in plan.events}]
    if not shared:
        sound = {n: event for n, event in events.items() if plan.places["events", n].file not in broken}
        yield from examples(plan, sound)


def _problem(plan: Plan, at: tuple[str, ...], message: str, hint: str = "") -> Problem:
    """A problem at the place of `at`, or of the nearest thing around it that has one."""
    while at and at not in plan.places:
        at = at[:-1]
    place = plan.places.get(at) or Place(file="plan.yaml", line=1, column=1)
    return Problem(place.file, place.line, place.column, message, hint)


def _unknown(plan: Plan, at: tuple[str, ...], what: str, name: str, known: Iterable[str]) -> Problem:
    every = list(known)
    hint = f"Known: {listed(sorted(every), 30)}." if every else "There are none."
    return _problem(plan, at, f"{what} names `{name}`, which is not in the plan.{did_you_mean(name, every)}", hint)


def references(plan: Plan, events: Events) -> Iterator[Problem]:
    """Groups, sources and events that are named must exist."""
    for client in plan.generate:
        if client.source and client.source not in plan.sources:
            yield _unknown(plan, ("generate", client.out), "`source` of a client", client.source, plan.sources)
    for name in plan.everywhere:
        if name not in plan.groups:
            yield _unknown(plan, ("everywhere",), "`everywhere`", name, plan.groups)
    for group in plan.groups.values():
        for name in group.include:
            if name not in plan.groups:
                here = ("groups", group.name, "include")
                yield _unknown(plan, here, f"`include` of group `{group.name}`", name, plan.groups)
    for event in plan.events.values():
        at, what = ("events", event.name), f"of event `{event.name}`"
        for name in event.include:
            if name not in plan.groups:
                yield _unknown(plan, (*at, "include"), f"`include` {what}", name, plan.groups)
        for name in event.sent_by:
            if name not in plan.sources:
                yield _unknown(plan, (*at, "sent_by"), f"`sent_by` {what}", name, plan.sources)
        if event.replaced_by and event.replaced_by not in plan.events:
            yield _unknown(plan, (*at, "replaced_by"), f"`replaced_by` {what}", event.replaced_by, plan.events)


def circles(plan: Plan, events: Events) -> Iterator[Problem]:
    """A group may not include itself, directly or through others."""
    seen: set[frozenset[str]] = set()
    for start in plan.groups:
        circle = _circle(plan, start)
        if circle and frozenset(circle) not in seen:
            seen.add(frozenset(circle))
            shown = " → ".join([*circle, start])
            yield _problem(
                plan,
                ("groups", start, "include"),
                f"groups go in a circle: {shown}.",
                "Remove one `include`.",
            )


def _circle(plan: Plan, start: str) -> list[str]:
    """The groups on a way from `start` back to itself, or nothing."""
    ways = [[start]]
    visited = {start}
    while ways:
        way = ways.pop()
        for name in plan.groups[way[-1]].include:
            if name == start:
                return way
            if name in plan.groups and name not in visited:
                visited.add(name)
                ways.append([*way, name])
    return []


def clashes(plan: Plan, events: Events) -> Iterator[Problem]:
    """A property comes from one place: the event, or one of its groups."""
    for event in plan.events.values():
        origin = dict.fromkeys(event.properties, f"event `{event.name}`")
        for group in included(plan, (*plan.everywhere, *event.include)):
            for name in plan.groups[group].properties:
                if name in origin:
                    at = ("events", event.name, "properties", name)
                    message = f"event `{event.name}` has `{name}` from group `{group}` and from {origin[name]}."
                    hint = "Keep one of them, or do not include the group."
                    yield _problem(plan, at if at in plan.places else (*at[:2], "include"), message, hint)
                origin.setdefault(name, f"group `{group}`")


def shared_names(plan: Plan, events: Events) -> Iterator[Problem]:
    """Two properties of one event may not be stored under one name."""
    for at, properties in _property_sets(plan, events):
        stored: dict[str, str] = {}
        for name, spec in properties.items():
            path = spec.store_as or name
            if path in stored:
                message = f"`{name}` and `{stored[path]}` are both stored as `{path}`."
                yield _problem(plan, (*at, "properties", name), message, "Give one of them another `store_as`.")
            stored[path] = name


def _property_sets(plan: Plan, events: Events) -> Iterator[tuple[tuple[str, ...], Mapping[str, PropertySpec]]]:
    for name, event in events.items():
        yield ("events", name), event.properties
    for kind, specs in plan.traits.items():
        yield ("traits", kind), specs


def storage(plan: Plan, events: Events) -> Iterator[Problem]:
    """One property name has one storage type over all events, and one over all traits."""
    first: dict[tuple[str, str], tuple[str, Place | None, str]] = {}
    reported: set[tuple[Place | None, str]] = set()
    for at, properties in _property_sets(plan, events):
        for path, spec in storage_paths(properties):
            origin = ("groups", spec.group) if spec.group else at
            place = plan.places.get((*origin, "properties", spec.name)) or plan.places.get(at)
            own, owner = storage_type(spec), f"{'group' if spec.group else at[0].rstrip('s')} `{origin[1]}`"
            known = first.setdefault((at[0], path), (own, place, owner))
            if known[0] != own and (place, path) not in reported:
                reported.add((place, path))
                where = f" in {known[1].file}:{known[1].line}" if known[1] else ""
                message = f"`{path}` is stored as {own} here and as {known[0]} by {known[2]}{where}."
                other = path.replace(".", "_") + "_2"
                hint = (
                    "One name has one storage type over the whole plan.\n"
                    f"Use one type, or write `store_as: {other}` here."
                )
                at_place = place or Place(file="plan.yaml", line=1, column=1)
                yield Problem(at_place.file, at_place.line, at_place.column, message, hint)


def event_parts(plan: Plan, events: Events) -> Iterator[Problem]:
    """Rules and `once_per` speak of the event's own properties; a status fits its companions."""
    for event in events.values():
        at, what = ("events", event.name), f"of event `{event.name}`"
        yield from _rules(plan, event, at, what)
        for name in event.once_per:
            if name not in event.properties:
                yield _unknown(plan, (*at, "once_per"), f"`once_per` {what}", name, event.properties)
        for key in ("replaced_by", "remove_after"):
            if getattr(event, key) and event.status not in ("deprecated", "retired"):
                hint = "Write `status: deprecated`, or remove the key."
                yield _problem(plan, (*at, key), f"`{key}` {what} goes with a deprecated or retired event.", hint)


def _rules(plan: Plan, event: EventSpec, at: tuple[str, ...], what: str) -> Iterator[Problem]:
    for i, rule in enumerate(event.rules):
        here = (*at, "rules", str(i))
        for name in (*rule.when, *rule.then_required):
            if name not in event.properties:
                yield _unknown(plan, here, f"a rule {what}", name, event.properties)
        for name in rule.then_required:
            if name in event.properties and stored(event.properties[name]) == "drop":
                message = f"a rule {what} requires `{name}`, which is dropped before anybody could see it."
                yield _problem(plan, here, message, "Remove the rule, or `store: drop`.")
        for name, values in rule.when.items():
            spec = event.properties.get(name)
            if spec is None:
                continue
            if stored(spec) != "plain":
                message = f"a rule {what} looks at `{name}`, which `store: {stored(spec)}` may have changed on its way."
                yield _problem(plan, here, message, "A rule looks at properties that are stored as they are.")
                continue
            if spec.kind not in (*SCALARS, "union"):
                message = f"a rule {what} compares `{name}`, which has type `{spec.kind}`."
                yield _problem(plan, here, message, "A rule compares scalar properties.")
                continue
            for value in values:
                if not value_accepts(spec, value):
                    known = [choice.value for choice in spec.choices]
                    meant = did_you_mean(str(value), known) if known else ""
                    message = f"a rule {what} waits for `{name}` to be {value!r}, which it never is.{meant}"
                    yield _problem(plan, here, message, f"Known: {listed(known)}." if known else "")


def examples(plan: Plan, events: Events) -> Iterator[Problem]:
    """Every example is an event that the plan accepts."""
    for event in events.values():
        if not event.examples:
            continue
        shape = Shape(event.name, event.properties, event)
        for i, example in enumerate(event.examples):
            for _, path, message in shape.findings(msgspec.json.encode(example)):
                where = f" (at {pointer(path)})" if len(path) > 1 else ""
                text = f"example {i + 1} of event `{event.name}` does not validate: {message}{where}"
                hint = f"Change the example, or what the plan says about `{shown_path(path)}`." if path else ""
                yield _problem(plan, ("events", event.name, "examples", str(i)), text, hint)


CHECKS = (references, circles, clashes, shared_names, storage, event_parts, former_name_problems)
