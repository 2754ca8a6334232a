"""A record in, an event out: the compiled form of a mapping file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trackway_collector.mapping.conditions import Test
from trackway_collector.mapping.convert import text
from trackway_collector.mapping.errors import Unmappable
from trackway_collector.mapping.message_id import IdOf, record_id
from trackway_collector.mapping.paths import Get
from trackway_collector.mapping.reshape import Reshape

Json = dict[str, Any]

Otherwise = Literal["error", "skip", "keep"]

IDS = ("userId", "anonymousId", "groupId", "previousId")
"""Members that are text, whatever the record has them as."""
TEXTS = ("type", "event", "name")
OBJECTS = ("properties", "traits", "context", "integrations")
CALLS = ("track", "identify", "page", "screen", "group", "alias")


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of event is made. `events:` has several, each with its condition."""

    tests: Sequence[Test]
    skip: bool
    scalars: Sequence[tuple[str, Get]]
    """Members of the event that are no objects, as (name, value), but for `messageId`."""
    objects: Sequence[tuple[str, Callable[[Any], Json]]]
    """`properties`, `traits`, `context`, `integrations`."""
    message_id: Get | None
    """None: the record's own where it is the base, else made of the whole record."""

    def applies(self, record: Json) -> bool:
        """Whether it is for this record."""
        return all(test(record) for test in self.tests)


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How a CSV file is written."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    header: tuple[str, ...] = ()
    """Names of the columns of a file without a first line that has them."""


@dataclass(frozen=True, slots=True)
class EventMapping:
    """A mapping ready to use; `load_mapping` makes it. Values are JSON's, and datetime for times."""

    file: str
    source: str
    """The source that the events are of; empty when the file names none."""
    csv: CsvForm
    keeps_record: bool
    """`base: record`: the record is an event already, and the mapping changes parts of it."""
    reshape: Reshape | None
    rules: Sequence[Rule]
    otherwise: Otherwise
    plain: Rule
    """What holds for a record that no rule is for, with `otherwise: keep`."""
    fields: Sequence[tuple[str, ...]] = ()
    """Members of the record that values are taken from, each with those that stand in for it."""

    def event(self, record: Json) -> Json | None:
        """
        Return the event that a record becomes, or None when the mapping says to skip it.

        Raises:
            Unmappable: a field is missing or cannot be converted, or no rule is for this record.
        """
        shaped = self.reshape(record) if self.reshape is not None else record
        rule = next((rule for rule in self.rules if rule.applies(shaped)), None)
        if rule is None:
            if self.otherwise == "skip":
                return None
            if self.otherwise == "error":
                raise Unmappable("no rule of `events` is for this record")  # noqa: EM101
            rule = self.plain
        if rule.skip:
            return None
        return self._made(rule, record, shaped)

    def _made(self, rule: Rule, record: Json, shaped: Json) -> Json:
        event: Json = dict(shaped) if self.keeps_record else {}
        name = ""
        try:
            for name, get in rule.scalars:
                value = get(shaped)
                if value is not None:
                    event[name] = value if type(value) is str or name == "timestamp" else text(value)
            for name, make in rule.objects:
                made = make(shaped)
                if made:
                    known = event.get(name)
                    event[name] = {**known, **made} if isinstance(known, Mapping) else made
        except Unmappable as error:
            raise error.within(name) from None
        event.setdefault("type", "track")
        if event["type"] not in CALLS:
            raise Unmappable(f"is none of {', '.join(CALLS)}", "type")  # noqa: EM102
        if event["type"] == "track" and not event.get("event"):
            raise Unmappable("is missing, and a track call is named by it", "event")  # noqa: EM101
        name = "messageId"
        try:
            event[name] = self._message_id(rule, record, shaped, event)
        except Unmappable as error:
            raise error.within(name) from None
        return event

    def _message_id(self, rule: Rule, record: Json, shaped: Json, event: Json) -> str:
        kind, name = event["type"], event.get("event", "")
        if rule.message_id is None:
            return text(event["messageId"]) if event.get("messageId") else record_id(record, kind, name)
        given = rule.message_id(shaped)
        if isinstance(given, IdOf):
            return record_id(given.value, kind, name)
        if given is None or given == "":
            raise Unmappable("is missing; the same record could not be recognised again")  # noqa: EM101
        return text(given)
