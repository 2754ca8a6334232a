"""
What a plan says of a property or event and JSON Schema has no keyword for, under the one keyword `x-trackway`.

Other programs ignore it, as JSON Schema asks of them; our own import reads it, so that a plan survives the journey.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from ..loading.property import COLUMNS
from ..model import Choice, EventSpec, Former, PropertySpec, Rule, Waiver
from ..verdict.formats import is_decimal
from .names import is_name

KEYWORD = "x-trackway"

PROPERTY_EXTRAS = ("pii", "store", "store_as", "column", "normalise", "low_cardinality", "unit", "may_grow")
EVENT_EXTRAS = (
    "area",
    "owner",
    "when",
    "once_per",
    "sent_by",
    "replaced_by",
    "remove_after",
    "formerly",
    "on_violation",
    "waive",
)


class PropertyExtras(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The extras of one property."""

    kind: Literal["", "text", "decimal"] = ""
    """A kind that JSON Schema calls by another name."""
    min: str | None = None
    """Of a decimal."""
    max: str | None = None
    pii: Literal["none", "pseudonymous", "contact", "financial", "free_text", "location", "special"] | None = None
    store: Literal["plain", "hash", "drop"] = "plain"
    store_as: str = ""
    column: str = ""
    normalise: Literal["", "email", "phone", "currency", "country", "timezone"] = ""
    low_cardinality: bool = False
    unit: str = ""
    may_grow: bool = False
    choices: tuple[Choice, ...] = ()
    """Those with a summary or former names."""


class EventExtras(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The extras of one event."""

    event: str = ""
    """The name, where the file's or schema's differs."""
    traits: Literal["", "user", "account"] = ""
    area: str = ""
    status: Literal["draft", "active", "deprecated", "retired"] = "active"
    owner: str = ""
    when: str = ""
    once_per: tuple[str, ...] = ()
    sent_by: tuple[str, ...] = ()
    replaced_by: str = ""
    remove_after: str = ""
    rules: tuple[Rule, ...] = ()
    formerly: tuple[Former, ...] = ()
    on_violation: dict[str, str] = {}
    waive: tuple[Waiver, ...] = ()


def property_extras(spec: PropertySpec) -> dict[str, Any]:
    """The extras of a property as JSON; empty if JSON Schema says it all."""
    told = tuple(choice for choice in spec.choices if choice.summary or choice.formerly)
    extras = PropertyExtras(
        kind="text" if spec.kind == "text" else "decimal" if spec.kind == "decimal" else "",
        min=str(spec.min) if spec.kind == "decimal" and spec.min is not None else None,
        max=str(spec.max) if spec.kind == "decimal" and spec.max is not None else None,
        choices=told,
        **{name: getattr(spec, name) for name in PROPERTY_EXTRAS},
    )
    found: dict[str, Any] = msgspec.to_builtins(extras)
    return found


def read_extras(value: Any, kind: type[Any]) -> Any:
    """
    The extras in a document.

    Raises:
        msgspec.ValidationError: they are not extras of this kind.
    """
    return msgspec.convert(value, kind)


def with_extras(spec: PropertySpec, extras: PropertyExtras) -> PropertySpec:
    """The property with its extras, as far as they fit its kind."""
    fitting = {name: getattr(extras, name) for name in PROPERTY_EXTRAS}
    kind = extras.kind if spec.kind == "string" and extras.kind in ("text", "decimal") else spec.kind
    if kind != "choice":
        fitting["may_grow"] = False
    if kind not in ("string", "text", "choice"):
        fitting["low_cardinality"] = False
    if kind not in ("string", "text"):
        fitting["normalise"] = ""
    if re.fullmatch(COLUMNS.get(kind, ""), extras.column) is None:
        fitting["column"] = ""
    if not is_name(extras.store_as):
        fitting["store_as"] = ""
    told = {choice.value: choice for choice in extras.choices}
    fitting["kind"] = kind
    if kind == "decimal":
        fitting |= {"pattern": None, "format": None, "min_length": None, "max_length": None}
        bounds = {"min": extras.min, "max": extras.max}
        fitting |= {key: bound for key, bound in bounds.items() if bound is not None and is_decimal(bound)}
    if spec.kind == "choice":
        fitting["choices"] = tuple(told.get(choice.value, choice) for choice in spec.choices)
    return msgspec.structs.replace(spec, **fitting)


def event_with_extras(event: EventSpec, extras: EventExtras) -> EventSpec:
    """The event with its extras."""
    fitting = {name: getattr(extras, name) for name in EVENT_EXTRAS}
    if extras.rules:
        fitting["rules"] = extras.rules
    if extras.status != "active":
        fitting["status"] = extras.status
    return msgspec.structs.replace(event, **fitting)
