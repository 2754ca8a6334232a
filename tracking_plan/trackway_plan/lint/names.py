"""Lint rules about names: the plan's own `naming:`, and names that a reader would mix up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from ..model import NameRules, Plan
from ..naming import is_past, same_name, spelled, words
from ..near import listed
from .subjects import At, Found, Property, properties

_NUMBERS = ("int", "number", "decimal")

_COMMON_UNITS = """
ns us ms sec secs seconds minutes hours days weeks kg km cm mm px bytes kb mb gb percent pct cents usd eur
"""
COMMON_UNITS = frozenset(_COMMON_UNITS.split())
"""Units that are taken for units in a name even where the plan does not list them."""


def _named(plan: Plan) -> Iterator[tuple[At, str, str, NameRules]]:
    """Every event and property: place, `the event` or `the property`, name, and the rules for it."""
    for name in plan.events:
        yield ("events", name), "the event", name, plan.naming.events
    for each in properties(plan):
        yield each.at, "the property", each.name, plan.naming.properties


def case(plan: Plan, today: date) -> Iterator[Found]:
    for at, what, name, rules in _named(plan):
        if rules.case and (right := spelled(name, rules.case)) != name:
            yield Found(at, f"{what} `{name}` is not in {rules.case} case.", f"Write `{right}`.", _property(at))


def length(plan: Plan, today: date) -> Iterator[Found]:
    for at, what, name, rules in _named(plan):
        if 0 < rules.max_length < len(name):
            message = f"{what} `{name}` has {len(name)} characters; `naming` allows {rules.max_length}."
            yield Found(at, message, property=_property(at))


def shape(plan: Plan, today: date) -> Iterator[Found]:
    rules = plan.naming.events
    for name in plan.events if rules.shape else ():
        if len(words(name)) < 2:
            yield Found(("events", name), f"the event `{name}` has no {' and '.join(rules.shape)}.")


def action(plan: Plan, today: date) -> Iterator[Found]:
    allowed = {each.casefold() for each in plan.naming.events.actions}
    for name, verb in _actions(plan):
        if allowed and verb.casefold() not in allowed:
            hint = f"Known: {listed(plan.naming.events.actions)}. Rename the event, or add the action in plan.yaml."
            yield Found(("events", name), f"the event `{name}` has the action `{verb}`, which is not listed.", hint)


def tense(plan: Plan, today: date) -> Iterator[Found]:
    asked = plan.naming.events.tense
    for name, verb in _actions(plan):
        if asked == "past" and not is_past(verb):
            yield Found(("events", name), f"the event `{name}` has the action `{verb}`, which is not in the past.")
        elif asked == "present" and verb.isascii() and is_past(verb):
            yield Found(("events", name), f"the event `{name}` has the action `{verb}`, which is not in the present.")


def boolean(plan: Plan, today: date) -> Iterator[Found]:
    prefixes = plan.naming.properties.booleans
    for each in properties(plan):
        if prefixes and each.spec.kind == "bool" and each.at[0] != "types" and not each.name.startswith(prefixes):
            message = f"the property `{each.path}` is a truth value and does not begin with {' or '.join(prefixes)}."
            yield Found(each.at, message, property=each.path)


def unit_suffix(plan: Plan, today: date) -> Iterator[Found]:
    known = plan.naming.units()
    for each in properties(plan) if known else ():
        unit = each.spec.unit
        if unit and each.spec.kind in _NUMBERS and unit in known and _last(each) != unit.casefold():
            message = f"the property `{each.path}` is in `{unit}`, and its name does not say so."
            yield Found(each.at, message, f"Call it `{each.name}_{unit}`.", each.path)
        elif unit and unit not in known:
            message = f"the property `{each.path}` is in `{unit}`, which `unit_suffixes` in plan.yaml does not list."
            yield Found(each.at, message, f"Known: {listed(sorted(known))}.", each.path)


def unit_in_name(plan: Plan, today: date) -> Iterator[Found]:
    known = {unit.casefold() for unit in plan.naming.units()} | COMMON_UNITS
    for each in properties(plan):
        unit = _last(each)
        if each.spec.kind in _NUMBERS and len(words(each.name)) > 1 and unit in known and not each.spec.unit:
            message = f"the property `{each.path}` is named after the unit `{unit}`, and `unit:` does not say so."
            yield Found(each.at, message, f"Write `unit: {unit}`.", each.path)


def similar(plan: Plan, today: date) -> Iterator[Found]:
    yield from _similar("the event", ((("events", name), name) for name in plan.events))
    for section, what in (("groups", "the group"), ("types", "the type")):
        yield from _similar(what, (((section, name), name) for name in getattr(plan, section)))
    every = list(properties(plan))
    yield from _similar("the property", ((each.at, each.name) for each in every))
    for each in every:
        if each.spec.choices:
            choices = [(each.at, choice.value) for choice in each.spec.choices]
            yield from _similar(f"the choice of `{each.path}`", choices, each.path)


def _similar(what: str, named: Iterable[tuple[At, str]], path: str = "") -> Iterator[Found]:
    first: dict[str, str] = {}
    told: set[str] = set()
    for at, name in named:
        other = first.setdefault(same_name(name) or name, name)
        if other != name and name not in told:
            told.add(name)
            hint = f"Call both `{other}`, or give one a name that a reader cannot mistake for it."
            yield Found(at, f"{what} `{name}` differs from `{other}` only in case or punctuation.", hint, path)


def _actions(plan: Plan) -> Iterator[tuple[str, str]]:
    """Event to the word that says what happened, where names have a place for it."""
    for name in plan.events:
        parts = words(name)
        if len(parts) > 1 and plan.naming.events.shape:
            yield name, parts[plan.naming.events.shape.index("action") and -1]


def _last(each: Property) -> str:
    return words(each.name)[-1].casefold() if words(each.name) else ""


def _property(at: At) -> str:
    return at[-1] if "properties" in at else ""
