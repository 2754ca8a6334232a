"""
The plan as frozen values: what `load` makes of the YAML, what a release holds as JSON, what `validate` reads.

    Plan ── sources, naming, policy, groups, types, traits, events     as people wrote it
      └▶ Release ── sources, policy, traits, events                    as machines use it, groups in place

Everything here is a msgspec struct, so a release reads and writes itself; defaults are left out of the JSON.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

FORMAT = 1
"""The version of the plan language and of the release file that this package reads and writes."""

KINDS = (
    "string",
    "text",
    "int",
    "number",
    "decimal",
    "bool",
    "timestamp",
    "date",
    "choice",
    "list",
    "object",
    "any",
)
"""Every kind that `type:` can name by itself; a list of scalar kinds makes a `union`."""

SCALARS = ("string", "text", "int", "number", "decimal", "bool", "timestamp", "date", "choice")
TEXTS = ("string", "text", "decimal", "timestamp", "date", "choice")
"""Kinds that are a JSON string on the wire."""

STATUSES = ("draft", "active", "deprecated", "retired")
PII_CLASSES = ("none", "pseudonymous", "contact", "financial", "free_text", "location", "special")
STORES = ("plain", "hash", "drop")


class ViolationCode(StrEnum):
    """Why an event departs from the plan: the same words in SDK, collector, tables and pull requests."""

    UNPLANNED_EVENT = "unplanned_event"
    WRONG_SOURCE = "wrong_source"
    UNPLANNED_PROPERTY = "unplanned_property"
    MISSING_REQUIRED = "missing_required"
    WRONG_TYPE = "wrong_type"
    VALUE_NOT_ALLOWED = "value_not_allowed"
    OUT_OF_RANGE = "out_of_range"
    TOO_LONG = "too_long"
    PATTERN = "pattern"
    RULE_FAILED = "rule_failed"
    DEPRECATED_EVENT = "deprecated_event"
    RETIRED_EVENT = "retired_event"
    PII_SUSPECT = "pii_suspect"
    UNSTAMPED = "unstamped"
    BAD_TIMESTAMP = "bad_timestamp"


class Action(StrEnum):
    """What `on_violation` can ask for, from the mildest to the strictest."""

    ALLOW = "allow"
    """Keep silent."""
    FLAG = "flag"
    """Mark the event and store it."""
    STRIP = "strip"
    """Remove the property before anything is kept, mark the event and store it."""
    QUARANTINE = "quarantine"
    """Set the event aside with its payload and reasons."""
    REJECT = "reject"
    """Refuse the event for good and say why in the answer."""


STRIPPABLE = (
    ViolationCode.UNPLANNED_PROPERTY,
    ViolationCode.WRONG_TYPE,
    ViolationCode.VALUE_NOT_ALLOWED,
    ViolationCode.OUT_OF_RANGE,
    ViolationCode.TOO_LONG,
    ViolationCode.PATTERN,
    ViolationCode.PII_SUSPECT,
)
"""The violations that name a property which is there, and could be removed."""


DEFAULT_POLICY: dict[str, str] = {code.value: Action.FLAG.value for code in ViolationCode} | {
    ViolationCode.WRONG_TYPE.value: Action.QUARANTINE.value
}
"""Nothing is lost: what does not fit its column is quarantined, all else is marked and stored."""


class Base(msgspec.Struct, frozen=True, omit_defaults=True):
    """A frozen value of the plan; fields that hold their default are not written to a release."""


class Choice(Base, frozen=True, kw_only=True):
    """One allowed value of a `choice`, with the values it was called before."""

    value: str
    summary: str = ""
    formerly: tuple[str, ...] = ()


class PropertySpec(Base, frozen=True, kw_only=True):
    """
    What the plan says about one property, one item of a list, or one part of a union.

    `kind` is one of `KINDS` or "union". Fields that do not concern the kind are at their default.
    """

    name: str = ""
    kind: str
    summary: str = ""
    required: bool = False
    nullable: bool = False
    min: int | float | str | None = None
    """Lower bound, inclusive: of an int or number; of a decimal, as text, so that it stays exact."""
    max: int | float | str | None = None
    multiple_of: int | None = None
    min_length: int | None = None
    """In Unicode code points."""
    max_length: int | None = None
    pattern: str | None = None
    """Must match the whole value; the subset of regular expressions is described in `patterns`."""
    format: str | None = None
    normalise: str = ""
    """The rule that gives a text its one form before it is stored; see `normalise`."""
    choices: tuple[Choice, ...] = ()
    may_grow: bool = False
    of: PropertySpec | None = None
    """What each item of a list is; None for a list of anything."""
    min_items: int | None = None
    max_items: int | None = None
    properties: dict[str, PropertySpec] | None = None
    """What an object holds, and unless `open` nothing else; None for an object of anything."""
    open: bool = False
    """An object with `properties` may hold other keys too."""
    any_of: tuple[PropertySpec, ...] = ()
    pii: str | None = None
    store: str = "plain"
    store_as: str = ""
    """The name in the warehouse when it differs from `name`."""
    column: str = ""
    """The ClickHouse type when it differs from the one the kind brings."""
    low_cardinality: bool = False
    unit: str = ""
    group: str = ""
    """The property group this came from."""
    named_type: str = ""
    """The entry of types.yaml this came from."""

    @property
    def values(self) -> tuple[str, ...]:
        """What a choice may be on the wire: its values, then those they had before."""
        former = (old for choice in self.choices for old in choice.formerly)
        return tuple(dict.fromkeys((*(choice.value for choice in self.choices), *former)))


class Rule(Base, frozen=True, kw_only=True):
    """When every property in `when` has one of the listed values, `then_required` must be present."""

    when: dict[str, tuple[str | int | float | bool | None, ...]]
    then_required: tuple[str, ...]


class Former(Base, frozen=True, kw_only=True):
    """A name used up to revision `through`: of the event, or of the `property` that is `now` called so."""

    event: str = ""
    property: str = ""
    now: str = ""
    through: int | None = None


class Waiver(Base, frozen=True, kw_only=True):
    """A lint rule that does not apply here, why, and until which day (ISO date)."""

    rule: str
    property: str = ""
    """The one property it is about; "" for the whole event, group or file."""
    reason: str
    until: str = ""


class EventSpec(Base, frozen=True, kw_only=True):
    """What the plan says about one event."""

    name: str
    area: str = ""
    """The folder under `events/`."""
    summary: str = ""
    status: str = "active"
    owner: str = ""
    sent_by: tuple[str, ...] = ()
    """Sources that may send it; empty for any."""
    when: str = ""
    once_per: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    open: bool = False
    """Properties that the plan does not mention are welcome, not `unplanned_property`."""
    properties: dict[str, PropertySpec] = {}
    """In a `Plan` the event's own; in a `Release` those of its groups too."""
    rules: tuple[Rule, ...] = ()
    replaced_by: str = ""
    remove_after: str = ""
    formerly: tuple[Former, ...] = ()
    on_violation: dict[str, str] = {}
    examples: tuple[dict[str, Any], ...] = ()
    waive: tuple[Waiver, ...] = ()


class Group(Base, frozen=True, kw_only=True):
    """Properties that several events share; a group may include others."""

    name: str
    summary: str = ""
    include: tuple[str, ...] = ()
    properties: dict[str, PropertySpec] = {}
    waive: tuple[Waiver, ...] = ()


class Source(Base, frozen=True, kw_only=True):
    """A program that sends events."""

    name: str
    kind: str = ""
    sdk: str = ""
    summary: str = ""
    on_violation: dict[str, str] = {}


class Acceptance(Base, frozen=True, kw_only=True):
    """A breaking finding that somebody accepted, until a day."""

    fingerprint: str
    reason: str
    until: str = ""
    author: str = ""


class Place(Base, frozen=True, kw_only=True):
    """Where something was written; `line` and `column` count from 1."""

    file: str
    line: int
    column: int


class NameRules(Base, frozen=True, kw_only=True):
    """What `naming:` asks of the names of events, or of properties; what is empty or 0 asks for nothing."""

    case: str = ""
    shape: tuple[str, ...] = ()
    """The parts of an event's name in their order: `object` (what) and `action` (what happened to it)."""
    tense: str = ""
    actions: tuple[str, ...] = ()
    max_length: int = 0
    booleans: tuple[str, ...] = ()
    """What the name of a `bool` begins with, such as `is_`."""


class Naming(Base, frozen=True, kw_only=True):
    """The naming rules of a plan."""

    events: NameRules = NameRules()
    properties: NameRules = NameRules()
    unit_suffixes: dict[str, tuple[str, ...]] = {}
    """A quantity, such as `duration`, to the units its properties are named with: `wait_ms`, `wait_s`."""

    def units(self) -> set[str]:
        """Every unit that the plan names."""
        return {unit for units in self.unit_suffixes.values() for unit in units}


LANGUAGES = ("python", "typescript")
"""What clients can be generated in."""


class ClientFile(Base, frozen=True, kw_only=True):
    """A client that `trackway plan generate` writes."""

    language: str
    out: str
    """The file, seen from the plan's directory."""
    source: str = ""
    """Only the events that this source may send; "" for all."""
    release: int = 0
    """The release it is made from; 0 for the plan as it stands."""


class Wrapper(Base, frozen=True, kw_only=True):
    """A function of the program that sends events, as `trackway plan coverage` should read its calls."""

    call: str
    """What is called, as imported: `app.analytics.log_event`, `analytics.log`."""
    event: int | str = 0
    """The argument that names the event: its place from 0, or its name."""
    properties: int | str = 1
    """The argument that holds the properties; "**" where each keyword argument is one."""


class CodeCoverage(Base, frozen=True, kw_only=True):
    """What `trackway plan coverage` needs to know of the code."""

    paths: tuple[str, ...] = ()
    """Files and folders to scan, seen from the plan's directory."""
    receivers: tuple[str, ...] = ()
    """JavaScript names with a `track` method, beside those it knows (`analytics`, `tracker` …)."""
    wrappers: tuple[Wrapper, ...] = ()


class Plan(Base, frozen=True, kw_only=True):
    """A whole plan as it stands in its directory."""

    name: str
    summary: str = ""
    format: int = FORMAT
    sources: dict[str, Source] = {}
    everywhere: tuple[str, ...] = ()
    """Groups added to every event."""
    on_violation: dict[str, str] = {}
    naming: Naming = Naming()
    compatibility: dict[str, Any] = {}
    generate: tuple[ClientFile, ...] = ()
    coverage: CodeCoverage = CodeCoverage()
    types: dict[str, PropertySpec] = {}
    groups: dict[str, Group] = {}
    traits: dict[str, dict[str, PropertySpec]] = {}
    """"user" and "account", where the plan speaks of them, to trait name to what it says."""
    events: dict[str, EventSpec] = {}
    accepted: tuple[Acceptance, ...] = ()
    waive: tuple[Waiver, ...] = ()
    """Lint rules that do not apply to what has no `waive` of its own: types, traits, and plan.yaml itself."""
    places: dict[tuple[str, ...], Place] = {}
    """("events", event, "properties", name, …) to where it was written."""
