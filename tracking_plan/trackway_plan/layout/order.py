"""
The order in which `fmt` writes keys, file by file.

Only keys of the language are ordered. Where the order carries meaning it stays: properties, choices, sources,
types, rules, lists. A key that is not listed keeps its place behind the others, so that nothing is lost of a plan
that a newer version wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Shape:
    """What is known of a mapping or list: the order of its keys, and what is below them."""

    keys: tuple[str, ...] = ()
    below: Mapping[str, Shape] = field(default_factory=dict)
    each: Shape | None = None
    """What every item of a list is, or every value of a mapping whose keys are names."""

    def under(self, key: str) -> Shape:
        """The shape of a value."""
        return self.below.get(key) or self.each or _ANY

    def place(self, key: str) -> int:
        """Where a key stands among its siblings; unknown ones come last."""
        return self.keys.index(key) if key in self.keys else len(self.keys)


_ANY = Shape()

PROPERTY_KEYS = (
    "type",
    "of",
    "required",
    "nullable",
    "min",
    "max",
    "multiple_of",
    "unit",
    "format",
    "normalise",
    "pattern",
    "min_length",
    "max_length",
    "min_items",
    "max_items",
    "pii",
    "store",
    "store_as",
    "column",
    "low_cardinality",
    "summary",
    "choices",
    "may_grow",
    "open",
    "properties",
)

_CHOICES = Shape(each=Shape(("summary", "formerly")))
_below: dict[str, Shape] = {"choices": _CHOICES}
PROPERTY = Shape(PROPERTY_KEYS, _below)
# A property holds properties: tied up here, because a frozen value cannot name itself.
_below |= {"of": PROPERTY, "properties": Shape(each=PROPERTY)}

PROPERTIES = Shape(each=PROPERTY)
_WAIVE = Shape(each=Shape(("rule", "property", "reason", "until")))
_SOURCE = Shape(("kind", "sdk", "summary", "on_violation"))
_NAMES = Shape(("case", "shape", "tense", "actions", "max_length", "booleans"))

PLAN = Shape(
    (
        "plan",
        "format",
        "summary",
        "sources",
        "naming",
        "everywhere",
        "on_violation",
        "compatibility",
        "generate",
        "coverage",
        "waive",
    ),
    {
        "generate": Shape(each=Shape(("language", "out", "source", "release"))),
        "coverage": Shape(
            ("paths", "receivers", "wrappers"), {"wrappers": Shape(each=Shape(("call", "event", "properties")))}
        ),
        "sources": Shape(each=_SOURCE),
        "naming": Shape(("events", "properties", "unit_suffixes"), {"events": _NAMES, "properties": _NAMES}),
        "waive": _WAIVE,
    },
)
TYPES = Shape(("types",), {"types": PROPERTIES})
GROUP = Shape(("group", "summary", "include", "properties", "waive"), {"properties": PROPERTIES, "waive": _WAIVE})
TRAITS = Shape(("traits", "summary", "properties"), {"properties": PROPERTIES})
EVENT = Shape(
    (
        "event",
        "summary",
        "status",
        "replaced_by",
        "remove_after",
        "owner",
        "sent_by",
        "when",
        "once_per",
        "include",
        "open",
        "properties",
        "rules",
        "formerly",
        "on_violation",
        "examples",
        "waive",
    ),
    {
        "properties": PROPERTIES,
        "rules": Shape(each=Shape(("if", "then_required"))),
        "formerly": Shape(each=Shape(("event", "property", "now", "through"))),
        "waive": _WAIVE,
    },
)
ACCEPTED = Shape(
    ("accepted",),
    {"accepted": Shape(each=Shape(("fingerprint", "rule", "event", "reason", "author", "until")))},
)

_FILES = {"plan.yaml": PLAN, "types.yaml": TYPES, "accepted.yaml": ACCEPTED}
_FOLDERS = {"events": EVENT, "groups": GROUP, "traits": TRAITS}


def shape_of(name: str) -> Shape:
    """The shape of a file by its name in the plan, such as `events/checkout/order_completed.yaml`."""
    return _FILES.get(name) or _FOLDERS.get(PurePosixPath(name).parts[0], _ANY)
