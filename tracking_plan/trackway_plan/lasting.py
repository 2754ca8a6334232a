"""
What releases forbid to store, for names that the newest one no longer has.

A property that leaves the plan does not become harmless by it, and clients that name no revision go on sending it. So
for each name the last word counts: that of the newest release that still had it. A former name, over any number of
releases, also has the rule of what it is called now; one that is in use again has its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .model import EventSpec, PropertySpec
from .redact import PLAIN, StoreRule, rule_for, stricter
from .release import Release


@dataclass(frozen=True, slots=True)
class Lasting:
    """The last word of some releases on every name that any of them has."""

    events: Mapping[str, StoreRule] = field(default_factory=dict)
    """Event, by every name it ever had → the rule of its properties; only where there is one."""
    traits: Mapping[str, StoreRule] = field(default_factory=dict)
    """`user` and `account` → the rule of their traits; only where there is one."""

    @classmethod
    def of(cls, releases: Iterable[Release]) -> Lasting:
        """The last word of these releases, in any order."""
        ordered = sorted(releases, key=lambda release: release.rev)
        return cls(_event_rules(ordered), _trait_rules(ordered))


@dataclass(slots=True)
class _Known:
    """What was last said about the properties of an event, and what their former names became."""

    rules: dict[str, StoreRule] = field(default_factory=dict)
    onwards: dict[str, str] = field(default_factory=dict)


def _event_rules(releases: Iterable[Release]) -> dict[str, StoreRule]:
    known: dict[str, _Known] = {}
    onwards: dict[str, str] = {}
    for release in releases:
        for event in release.events.values():
            _learn(known.setdefault(event.name, _Known()), event)
            onwards |= {former.event: event.name for former in event.formerly if former.event}
        onwards = {old: name for old, name in onwards.items() if old not in release.events}
    own = {name: _rules(each) for name, each in known.items()}
    every = {name: _with_present(name, own, onwards) for name in dict.fromkeys((*own, *onwards))}
    return {name: rule for name, rule in every.items() if not rule.keeps_all}


def _trait_rules(releases: Iterable[Release]) -> dict[str, StoreRule]:
    found: dict[str, dict[str, StoreRule]] = {}
    for release in releases:
        for kind, specs in release.traits.items():
            found[kind] = _last_word(found.get(kind, {}), specs)
    rules = {kind: StoreRule(members=_forbidding(members)) for kind, members in found.items()}
    return {kind: rule for kind, rule in rules.items() if not rule.keeps_all}


def _learn(known: _Known, event: EventSpec) -> None:
    known.rules = _last_word(known.rules, event.properties)
    known.onwards |= {former.property: former.now for former in event.formerly if former.property}
    known.onwards = {old: now for old, now in known.onwards.items() if old not in event.properties}


def _rules(known: _Known) -> StoreRule:
    names = dict.fromkeys((*known.rules, *known.onwards))
    return StoreRule(members=_forbidding({name: _with_present(name, known.rules, known.onwards) for name in names}))


def _with_present(name: str, rules: Mapping[str, StoreRule], onwards: Mapping[str, str]) -> StoreRule:
    """The rule of a name and of whatever it was called later."""
    rule, seen = rules.get(name, PLAIN), {name}
    while (name := onwards.get(name, "")) and name not in seen:
        seen.add(name)
        rule = stricter(rule, rules.get(name, PLAIN))
    return rule


def _last_word(before: Mapping[str, StoreRule], specs: Mapping[str, PropertySpec]) -> dict[str, StoreRule]:
    return dict(before) | {name: _said(before.get(name, PLAIN), spec) for name, spec in specs.items()}


def _said(before: StoreRule, spec: PropertySpec) -> StoreRule:
    """What a release says of a property; what it no longer names inside an object keeps the rule it had."""
    rule = rule_for(spec)
    if rule.store != "plain":
        return rule
    items = _said(before.items or PLAIN, spec.of) if spec.of else PLAIN
    members = _last_word(before.members, spec.properties) if spec.properties else before.members
    return StoreRule(members=_forbidding(members), items=None if items.keeps_all else items)


def _forbidding(rules: Mapping[str, StoreRule]) -> dict[str, StoreRule]:
    return {name: rule for name, rule in rules.items() if not rule.keeps_all}
