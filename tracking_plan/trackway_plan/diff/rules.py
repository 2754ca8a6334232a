"""
What changed about an event's conditional rules and about `once_per`, whatever they are called and in which order.

A rule is new only if it asks for something that nothing asked for before; it is gone only if nothing asks any more for
something that it did. Names are compared as they are now, so that a rename is told once, where it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from ..model import EventSpec, PropertySpec, Rule


def rule_changes(was: EventSpec, now: EventSpec) -> Iterator[tuple[str, Rule]]:
    """`rule-added` with each rule that asks for more than before, `rule-removed` with each that nothing replaces."""
    names = present_names(was, now)
    before = [_renamed(rule, names, now.properties) for rule in was.rules]
    required = {names.get(name, name) for name, spec in was.properties.items() if spec.required}
    for rule in now.rules:
        if not _implied(rule, before, required):
            yield "rule-added", rule
    required = {name for name, spec in now.properties.items() if spec.required}
    for rule, renamed in zip(was.rules, before, strict=True):
        if not _implied(renamed, now.rules, required):
            yield "rule-removed", rule


def once_per_differs(was: EventSpec, now: EventSpec) -> bool:
    """Whether other properties make an event unique."""
    names = present_names(was, now)
    return {names.get(name, name) for name in was.once_per} != set(now.once_per)


def present_names(was: EventSpec, now: EventSpec) -> dict[str, str]:
    """A property of `was` to its name in `now`, of those that `formerly` renames."""
    gone = was.properties.keys() - now.properties.keys()
    return {old.property: old.now for old in now.formerly if old.property in gone}


def _renamed(rule: Rule, names: Mapping[str, str], properties: Mapping[str, PropertySpec]) -> Rule:
    """A rule of before in the names of now, those of choices too."""
    when = {}
    for old, values in rule.when.items():
        name = names.get(old, old)
        spec = properties.get(name)
        choices = spec.choices if spec else ()
        renamed = {former: choice.value for choice in choices for former in choice.formerly}
        present = {choice.value for choice in choices}
        when[name] = tuple(renamed.get(v, v) if isinstance(v, str) and v not in present else v for v in values)
    return msgspec.structs.replace(
        rule, when=when, then_required=tuple(names.get(name, name) for name in rule.then_required)
    )


def _implied(rule: Rule, others: Collection[Rule], required: Collection[str]) -> bool:
    """Whether all that a rule asks for is asked for anyway, in each of its cases."""
    return all(
        name in required or any(name in other.then_required and _covers(other, rule) for other in others)
        for name in rule.then_required
    )


def _covers(wide: Rule, narrow: Rule) -> bool:
    """Whether a rule applies wherever another one does."""
    return all(name in narrow.when and _values(narrow, name) <= _values(wide, name) for name in wide.when)


def _values(rule: Rule, name: str) -> set[tuple[bool, object]]:
    """Values as JSON compares them: `true` is not 1."""
    return {(isinstance(value, bool), value) for value in rule.when[name]}
