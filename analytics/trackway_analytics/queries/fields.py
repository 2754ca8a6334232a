"""
Columns and properties of an event as SQL that reads them rightly.

A name is a column of the events table when `COLUMNS` lists it, else a property; `properties.source` is the
property even though there is a column `source`, and `context.country` the column, whatever properties there are.
Neither becomes text: column names come from the list, property names travel as `{…:Identifier}` parameters.

Names are those that the plan's newest release uses, or used before. An event's name stands for all names under
which it is stored; a property is read, in the events where it was renamed, under all its paths, the present one
first; a choice that was renamed reads as what it is now.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from trackway_analytics.names import spelled
from trackway_collector.warehouse import Name
from trackway_plan.columns import COLUMNS, ONLY_IN_CONTEXT, ColumnKind, column_named
from trackway_plan.renames import Names, Reading, Sent

# Sub-types in which an un-hinted JSON path may hold a number. Reading one of them alone loses the rows of the
# others.
NUMERIC_SUBTYPES = ("Int64", "Float64", "UInt64")

# The revision in which a row's names are meant: the sender's, else (unstamped) the one the collector judged by.
REVISION = "if(plan_rev != 0, plan_rev, validated_rev)"


@dataclass
class Bindings:
    """The bound parameters of one statement, as they are collected, and the former names it includes."""

    params: dict[str, object] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)

    def bind(self, name: str, kind: str, value: object) -> str:
        """Add a parameter and return the placeholder to write: `{name:kind}`. A taken name gets a number."""
        unique, number = name, 1
        while unique in self.params:
            number += 1
            unique = f"{name}_{number}"
        self.params[unique] = value
        return f"{{{unique}:{kind}}}"

    def note(self, text: str) -> None:
        """Remember what an answer must say about former names, once."""
        self.notes.setdefault(text)


@dataclass(frozen=True, slots=True)
class Field:
    """A column (`kind` says of what) or a property (`kind` is "property") of an event."""

    name: str
    kind: ColumnKind | Literal["property"]

    @property
    def label(self) -> str:
        """The name as a reader would write it in a question."""
        if self.kind == "property":
            return f"properties.{self.name}" if self.name in COLUMNS else self.name
        return f"context.{self.name}" if self.name in ONLY_IN_CONTEXT else self.name

    @property
    def is_event(self) -> bool:
        """Whether this is the event's name."""
        return self.name == "event" and self.kind == "text"


def field_named(name: str) -> Field:
    """Return what `name` stands for: a listed column, or else the property of that name."""
    if name.startswith("properties."):
        return Field(name.removeprefix("properties."), "property")
    column = column_named(name)
    return Field(name, "property") if column is None else Field(*column)


@dataclass(frozen=True)
class Known:
    """What the warehouse knows: typed path of `properties` → ClickHouse type, and the plan's names."""

    types: Mapping[str, str] = field(default_factory=dict)
    names: Names = field(default_factory=Names)


@dataclass(frozen=True)
class Reader:
    """
    Writes the SQL that reads fields.

    `only`, when given, are the events (by their present names) that the SQL is for: what other events call a
    property then does not matter.
    """

    bindings: Bindings
    known: Known = field(default_factory=Known)
    only: frozenset[str] | None = None

    def of_events(self, events: Iterable[str]) -> Reader:
        """The same for some events only; none means all."""
        present = frozenset(self.known.names.event(event) for event in events)
        return replace(self, only=present or None)

    # ── events ────────────────────────────────────────────────────────────────────────────────

    def sent_names(self, events: Iterable[str]) -> list[Sent]:
        """Every name under which these events are stored; the answer will say which former ones those are."""
        names, found = self.known.names, dict[Sent, None]()
        for event in events:
            present = names.event(event)
            sent = names.events(present)
            former = [each for each in sent if each.name != present]
            if present != event:
                self.bindings.note(f"{event} is now called {present}")
            if former:
                self.bindings.note(f"{present} includes {spelled(former)}")
            found.update(dict.fromkeys(sent))
        return list(found)

    def event_in(self, events: Iterable[str], name: str) -> str:
        """SQL that is 1 for the rows of these events, whatever they were called; `name` names its parameter."""
        sent = self.sent_names(events)
        every = list(dict.fromkeys(each.name for each in sent))
        # First by names alone: the table is sorted by them, so only the parts that hold them are read.
        parts = [f"event IN {self.bindings.bind(name, 'Array(String)', every)}"]
        for each in every:
            spans = [one for one in sent if one.name == each]
            if not _is_endless(spans):
                meant = " OR ".join(self._in_span(span) for span in spans)
                parts.append(f"(event != {self.bindings.bind(name, 'String', each)} OR {meant})")
        return parts[0] if len(parts) == 1 else f"({' AND '.join(parts)})"

    def event_name(self) -> str:
        """SQL of what the row's event is called now."""
        former = self.known.names.former_events()
        if not former:
            return "event"
        bind = self.bindings.bind
        simple = {old: spans[0][1] for old, spans in former.items() if len(spans) == 1}
        for old, spans in former.items():
            for through, present in spans:
                if present != old:
                    self.bindings.note(f"{present} includes {spelled([Sent(old, 0, through)])}")
        olds = bind("former_events", "Array(String)", list(simple))
        presents = bind("present_events", "Array(String)", list(simple.values()))
        branches = []
        for old, spans in former.items():
            if len(spans) > 1:
                same, after = f"event = {bind('used_again', 'String', old)}", 0
                for through, present in spans:
                    within = self._in_span(Sent(old, after, through))
                    branches += [f"{same} AND {within}", bind("present_event", "String", present)]
                    after = through or 0
        renamed = f"transform(event, {olds}, {presents}, event)" if simple else "event"
        return f"multiIf({', '.join([*branches, renamed])})" if branches else renamed

    def _in_span(self, sent: Sent) -> str:
        bounds = []
        if sent.after:
            bounds.append(f"{REVISION} > {self.bindings.bind('after_revision', 'UInt32', sent.after)}")
        if sent.through is not None:
            bounds.append(f"{REVISION} <= {self.bindings.bind('through_revision', 'UInt32', sent.through)}")
        return bounds[0] if len(bounds) == 1 else f"({' AND '.join(bounds)})"

    # ── values ────────────────────────────────────────────────────────────────────────────────

    def text(self, of: Field) -> str:
        """SQL of type Nullable(String): the value as text, NULL when the event has none."""
        if of.is_event:
            return self.event_name()
        if of.kind == "text":
            return of.name
        if of.kind != "property":
            return f"toString({of.name})"
        return self._read(of, self._present_text)

    def text_equals(self, of: Field, value: str) -> str:
        """SQL that is 1 or NULL: whether the value is this text; a former choice means what it is now."""
        if of.is_event:
            return self.event_in([value], "value")
        if of.kind != "property":
            return f"{self.text(of)} = {self.bindings.bind('value', 'String', value)}"

        def equals(reading: Reading) -> str:
            present = reading.values.get(value, value)
            if present != value:
                self.bindings.note(f"{of.label} “{value}” is now “{present}”")
            return f"{self._present_text(reading)} = {self.bindings.bind('value', 'String', present)}"

        return self._read(of, equals)

    def number(self, of: Field) -> str:
        """
        SQL of type Nullable(Float64): the value if it is a number or a string that spells one, else NULL.
        """
        return self.compare_number(of, lambda value: f"toFloat64({value})", result="Float64")

    def compare_number(self, of: Field, use: Callable[[str], str], *, result: str = "Bool") -> str:
        """
        SQL that applies `use` to the value as whichever number it is, NULL when it is none.

        Integers are compared as integers: beyond 2^53 a detour through Float64 would change them.
        """
        if of.kind == "number":
            return use(of.name)
        if of.kind != "property":
            return f"CAST(NULL, 'Nullable({result})')"
        return self._read(of, lambda reading: self._first(reading, lambda path: self._number(path, use, result)))

    def boolean(self, of: Field) -> str:
        """SQL of type Nullable(Bool): the value if it is true or false, else NULL."""
        if of.kind != "property":
            return "CAST(NULL, 'Nullable(Bool)')"
        return self._read(of, lambda reading: self._first(reading, self._boolean))

    def missing(self, of: Field) -> str:
        """SQL that is 1 when the event has no such property; for a text column, when it is empty."""
        if of.kind == "property":
            return self._read(of, self._missing)
        return f"({of.name} = '')" if of.kind == "text" else "0"

    def _read(self, of: Field, write: Callable[[Reading], str]) -> str:
        """What `write` makes of the field, told apart by event where events were given other names for it."""
        readings = self.known.names.readings(of.name)
        if self.only is not None:
            readings = {event: reading for event, reading in readings.items() if event in self.only}
        plain = Reading((Sent(of.name),))
        alike: list[tuple[Reading, list[str]]] = []
        for event, reading in readings.items():
            self._tell(of, event, reading)
            for other, events in alike:
                if other == reading:
                    events.append(event)
                    break
            else:
                alike.append((reading, [event]))
        if not alike:
            return write(plain)
        if len(alike) == 1 and self.only is not None and set(alike[0][1]) == self.only:
            return write(alike[0][0])
        quiet = replace(self, bindings=_Quiet(self.bindings))
        parts = [part for reading, events in alike for part in (quiet.event_in(events, "renamed_in"), write(reading))]
        return f"multiIf({', '.join([*parts, write(plain)])})"

    def _tell(self, of: Field, event: str, reading: Reading) -> None:
        present = self.known.names.property(event, of.name)
        former = [sent for sent in reading.paths if sent.name != present]
        if former:
            self.bindings.note(f"{present} of {event} includes {spelled(former)}")
        if reading.values:
            values = ", ".join(f"“{old}” as “{value}”" for old, value in reading.values.items())
            self.bindings.note(f"{present} of {event} counts {values}")

    def _first(self, reading: Reading, read: Callable[[Sent], str]) -> str:
        """The value under the first path that has one; the present path comes first."""
        reads = [f"if({self._in_span(path)}, {read(path)}, NULL)" if path.bounded else read(path)
                 for path in reading.paths]  # fmt: skip
        return reads[0] if len(reads) == 1 else f"coalesce({', '.join(reads)})"

    def _present_text(self, reading: Reading) -> str:
        text = self._first(reading, lambda path: f"CAST({self._path(path)}, 'Nullable(String)')")
        if not reading.values:
            return text
        olds = self.bindings.bind("former_values", "Array(String)", list(reading.values))
        presents = self.bindings.bind("present_values", "Array(String)", list(reading.values.values()))
        return f"transform({text}, {olds}, {presents}, {text})"

    def _missing(self, reading: Reading) -> str:
        absent = [
            f"({self._path(path)} IS NULL)"
            if not path.bounded
            else f"({self._path(path)} IS NULL OR NOT {self._in_span(path)})"
            for path in reading.paths
        ]
        return absent[0] if len(absent) == 1 else f"({' AND '.join(absent)})"

    def _number(self, sent: Sent, use: Callable[[str], str], result: str) -> str:
        path, hint = self._path(sent), self._hint(sent)
        if hint is None:
            reads = [f"dynamicElement({path}, '{subtype}')" for subtype in NUMERIC_SUBTYPES]
            reads.append(f"toFloat64OrNull(dynamicElement({path}, 'String'))")
            return f"coalesce({', '.join(use(read) for read in reads)})"
        if hint.startswith(("Int", "UInt", "Float")):
            return use(path)
        if hint.startswith("Decimal"):
            return use(f"toFloat64({path})")  # the engine compares no Decimal with a Float64
        if hint == "String":
            return use(f"toFloat64OrNull({path})")
        return f"CAST(NULL, 'Nullable({result})')"

    def _boolean(self, sent: Sent) -> str:
        hint = self._hint(sent)
        if hint is None:
            return f"dynamicElement({self._path(sent)}, 'Bool')"
        return self._path(sent) if hint == "Bool" else "CAST(NULL, 'Nullable(Bool)')"

    def _path(self, sent: Sent) -> str:
        return f"properties.{self.bindings.bind('property', 'Identifier', Name(sent.name))}"

    def _hint(self, sent: Sent) -> str | None:
        hint = self.known.types.get(sent.name)
        while hint and (wrapper := next((w for w in ("Nullable(", "LowCardinality(") if hint.startswith(w)), None)):
            hint = hint.removeprefix(wrapper).removesuffix(")")
        return hint


class _Quiet(Bindings):
    """The same parameters, without notes: for conditions that only tell events apart."""

    def __init__(self, of: Bindings) -> None:
        super().__init__(of.params)


def _is_endless(spans: list[Sent]) -> bool:
    """Whether these spans of one name are all of its revisions."""
    ends = sorted(spans, key=lambda span: span.after)
    joined = all(one.through == other.after for one, other in itertools.pairwise(ends))
    return joined and ends[0].after == 0 and ends[-1].through is None
