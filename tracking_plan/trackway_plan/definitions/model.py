"""A definition as frozen values, and the keys that each kind takes."""

from __future__ import annotations

from typing import Any

import msgspec

from ..model import Base, Place

SCOPE = ("since", "until", "source", "where", "environment")
"""What every question takes: which events it is about."""

KINDS: dict[str, tuple[str, ...]] = {
    "funnel": ("steps", "within", "entry", "unit", "breakdown", "top", "session_gap", *SCOPE),
    "paths": ("start", "end", "steps", "unit", "collapse", "exclude", "top", "session_gap", *SCOPE),
    "retention": ("start", "return", "period", "periods", "first", "mode", "tz", "week_start", *SCOPE),
    "attribution": ("conversion", "touch", "channel", "models", "lookback", "half_life", "value", *SCOPE),
    "metric": ("event", "measure", "of", "unit", "base", *SCOPE),
}
"""Kind to its options; they are the keyword arguments of `Events` (`return` is `return_`)."""

NEEDED: dict[str, tuple[str, ...]] = {
    "funnel": ("steps",),
    "paths": (),
    "retention": (),
    "attribution": ("conversion",),
    "metric": ("event", "measure"),
}

MEASURES = ("events", "persons", "sessions", "sum", "average", "median", "min", "max", "distinct")
"""What a metric counts or computes; from `sum` on, of the property named by `of`."""


class Use(Base, frozen=True, kw_only=True):
    """One thing of the plan that a definition rests on."""

    role: str
    """Where in the definition: `step 2`, `breakdown`, `where` …"""
    events: tuple[str, ...] = ()
    """The events it is about; empty for any event."""
    property: str = ""
    """A property of those events, `shipping.city` inside objects; "" where the event itself is used."""
    values: tuple[str | int | float | bool, ...] = ()
    """The values it is compared with."""
    negated: bool = False
    """Whether it asks for other values than these, so that a new value changes the answer."""
    place: Place


class Definition(Base, frozen=True, kw_only=True):
    """A named question or metric."""

    kind: str
    name: str
    summary: str = ""
    owner: str = ""
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    """As written; keys are those of `KINDS`."""
    uses: tuple[Use, ...] = ()
    place: Place
