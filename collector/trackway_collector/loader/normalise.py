"""
`normalise`: planned properties and traits get the one form in which their values are stored.

What is hashed (`store: hash`) was given its form before it was hashed, in the SDK or before the spool; here are the
others. The verdict was on the value as sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trackway_plan import Release
from trackway_plan.model import PropertySpec
from trackway_plan.normalise import normalised
from trackway_plan.redact import normalise_rule, stored
from trackway_plan.renames import former_events, former_properties

Changes = Counter[tuple[str, str]]
"""(rule, property) → values that were changed."""

_TRAITS_OF = {"$identify": "user", "$group": "account"}


@dataclass(frozen=True, slots=True)
class Form:
    """What happens to one value: its own rule, or rules for what is inside it."""

    rule: str = ""
    members: Mapping[str, Form] = field(default_factory=dict)
    items: Form | None = None

    def apply(self, value: Any, name: str, changes: Changes) -> Any:
        """Return the value in its one form; a value of another type than planned stays as it is."""
        kind = type(value)
        if kind is str:
            if not self.rule:
                return value
            made = normalised(self.rule, value)
            if made != value:
                changes[self.rule, name] += 1
            return made
        if kind is dict and self.members:
            return in_one_form(value, self.members, changes, name + ".")
        if kind is list and self.items is not None:
            return [self.items.apply(item, name, changes) for item in value]
        return value


@dataclass(frozen=True, slots=True)
class Forms:
    """The rules of one release."""

    events: Mapping[str, Mapping[str, Form]] = field(default_factory=dict)
    """Event, by its present and former names → property → form; only where there is one."""
    traits: Mapping[str, Mapping[str, Form]] = field(default_factory=dict)
    """The name of the call (`$identify`, `$group`) → trait → form."""


NO_FORMS = Forms()


def forms_of(release: Release) -> Forms:
    """Return what a release says of the form of values."""
    events: dict[str, Mapping[str, Form]] = {}
    for name, event in release.events.items():
        if forms := _forms(event.properties):
            events[name] = forms | {old: forms[new] for old, new in former_properties(event).items() if new in forms}
    events |= {old: events[name] for old, name in former_events(release).items() if name in events}
    traits = {call: _forms(release.traits.get(of, {})) for call, of in _TRAITS_OF.items()}
    return Forms(events, {call: forms for call, forms in traits.items() if forms})


def in_one_form(values: Mapping[str, Any], forms: Mapping[str, Form], changes: Changes, prefix: str = "") -> Any:
    """Return an object with its values in their one form, and count what changed."""
    return {
        name: form.apply(value, prefix + name, changes) if (form := forms.get(name)) is not None else value
        for name, value in values.items()
    }


def _forms(properties: Mapping[str, PropertySpec]) -> dict[str, Form]:
    return {name: form for name, spec in properties.items() if (form := _form(spec)) is not None}


def _form(spec: PropertySpec) -> Form | None:
    if stored(spec) != "plain":
        return None
    if rule := normalise_rule(spec):
        return Form(rule)
    members = _forms(spec.properties or {})
    items = _form(spec.of) if spec.of is not None else None
    return Form(members=members, items=items) if members or items is not None else None
