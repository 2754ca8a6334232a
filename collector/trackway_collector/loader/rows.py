"""
One event of the spool becomes one row, as JSONEachRow text, of `events` or of `quarantine`.

The row is a function of the spool record, of the columns' types, of the names that the revision which judged it stores
properties under, and of the lists that this version enriches by, nothing else: no clock, no chance.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from typing import Any

import msgspec

from trackway_collector.enrich import Enrichment
from trackway_collector.enrich.sessions import Visit
from trackway_collector.loader.context import ContextColumns
from trackway_collector.loader.dedup import dedup_key
from trackway_collector.loader.normalise import NO_FORMS, Changes, Form, Forms, in_one_form
from trackway_collector.loader.quarantine import quarantine_row, unreadable
from trackway_collector.loader.renames import Renames, renamed
from trackway_collector.loader.row import EVENTS, Replay, Row
from trackway_collector.loader.values import Fit, json_text, shape
from trackway_collector.loader.wire import Request, WireEvent, id_text, lenient, open_request, stamp
from trackway_collector.outcomes import Outcome
from trackway_collector.spool import Chunk, EventVerdict, Record
from trackway_collector.timestamps import corrected_us, parse_timestamp_us
from trackway_plan.environments import PRODUCTION

_NOT_TRACK = {call: f"${call}" for call in ("identify", "page", "screen", "group", "alias")}
# Every integer beyond 2^53 has so many digits. (The colon in front lets the search leap from one to the next.)
_LONG_NUMBER = re.compile(rb":\s*-?[0-9]{16}")


class _EventRow(msgspec.Struct, omit_defaults=True, gc=False):
    source: str
    type: str
    event: str
    message_id: str
    timestamp: str
    received_at: str
    validated_rev: int
    verdict: str
    spool: str
    segment: int
    offset: int
    environment: str = PRODUCTION
    name: str = ""
    person_id: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    previous_id: str = ""
    group_id: str = ""
    original_timestamp: str | None = None
    sent_at: str | None = None
    violations: tuple[str, ...] = ()
    integrations: str = ""
    misfits: dict[str, str] = {}


_encode = msgspec.json.Encoder().encode
_event = msgspec.json.Decoder(WireEvent)
_object = msgspec.json.Decoder(dict[str, Any])
_anything = msgspec.json.Decoder()


class RowMaker:
    """
    Makes rows for one spool.

    Args:
        properties: typed path → how a value fits it, for `properties`; `traits` the same.
        trusted_revs: the plan revisions whose properties have, each, the typed path of its kind: what they took, fits.
        renames: plan revision → event → the names its properties are stored under, where they differ.
        newest: the revision whose renames hold for events of one that is not among them.
        doubted: events whose properties may come under names without a typed path of their kind, whatever the revision.
        enrichment: what fills the columns that clients leave empty.
        forms: plan revision → what it says of the form of values, as `renames`.
        normalised: counts the values that were given another form.
    """

    def __init__(
        self,
        spool: str,
        properties: dict[str, Fit],
        traits: dict[str, Fit],
        trusted_revs: Container[int] = (),
        renames: Mapping[int, Mapping[str, Renames]] | None = None,
        newest: int = 0,
        doubted: Container[str] = (),
        enrichment: Enrichment | None = None,
        forms: Mapping[int, Forms] | None = None,
        normalised: Changes | None = None,
    ) -> None:
        self._spool = spool
        self._doubted = doubted
        self._renames = renames or {}
        self._forms = forms or {}
        self._newest_forms = self._forms.get(newest, NO_FORMS)
        self._normalised: Changes = Counter() if normalised is None else normalised
        self._newest_renames = self._renames.get(newest, {})
        self._trusted_revs = trusted_revs
        self._properties = properties
        self._traits = traits
        self._context = ContextColumns(enrichment)

    def rows(self, chunk: Chunk) -> Iterator[Row]:
        """Yield a row for every event of the chunk that was not rejected, in spool order."""
        for block in chunk.blocks:
            offset = block.header.first_offset
            for record, body in block.records():
                yield from self._record_rows(record, body, chunk.segment, offset)
                offset += record.events

    def _record_rows(self, record: Record, body: bytes, segment: int, first_offset: int) -> Iterator[Row]:
        request, batch = open_request(record, body)
        exceptions = record.exceptions
        for position, raw in enumerate(batch):
            verdict = exceptions.get(position) if exceptions else None
            offset = first_offset + position
            if record.replay_of is not None and verdict is not None:
                yield self._replay(request, raw, verdict, segment, offset)
            elif verdict is None:
                yield self._event_row(request, raw, record.verdict, None, segment, offset)
            elif verdict.outcome == Outcome.QUARANTINED:
                yield quarantine_row(request, raw, verdict, self._spool, segment, offset)
            elif verdict.outcome != Outcome.REJECTED:
                yield self._event_row(request, raw, verdict.outcome, verdict, segment, offset)

    def _replay(self, request: Request, raw: msgspec.Raw, verdict: EventVerdict, segment: int, offset: int) -> Row:
        row = self._event_row(request, raw, verdict.outcome, verdict, segment, offset)
        record, event = request.record, lenient(raw).get("event")
        assert record.replay_of is not None  # noqa: S101
        name, rev = event if isinstance(event, str) else "", record.validated_rev
        row.replay = Replay(
            *record.replay_of, record.source, name, verdict.message_id, record.received_at_us, rev, verdict.outcome
        )
        return row

    def _event_row(
        self, request: Request, raw: msgspec.Raw, outcome: str, verdict: EventVerdict | None, segment: int, offset: int
    ) -> Row:
        record = request.record
        try:
            wire = _event.decode(raw)
            call = record.call or wire.type
            message_id = (verdict.message_id if verdict else "") or str(wire.messageId)
            original_us = parse_timestamp_us(wire.timestamp)
            happened_us = corrected_us(original_us, request.sent_at_us, record.received_at_us)
            happened_at = stamp(happened_us)
            rev = (verdict.rev if verdict else 0) or record.validated_rev
            user_id, anonymous_id = id_text(wire.userId), id_text(wire.anonymousId)
            if record.client is not None and not user_id and not anonymous_id:
                anonymous_id = record.client.anonymous_id
            row = _EventRow(
                record.source,
                call,
                wire.event if call == "track" else _NOT_TRACK[call],
                message_id,
                happened_at,
                request.received_at,
                rev,
                outcome,
                self._spool,
                segment,
                offset,
                record.environment,
                _text(wire.name) if call in ("page", "screen") else "",
                user_id or anonymous_id,
                user_id,
                anonymous_id,
                "" if wire.previousId is None else id_text(wire.previousId),
                "" if wire.groupId is None else id_text(wire.groupId),
                happened_at if original_us == happened_us else None if original_us is None else stamp(original_us),
                request.sent_at,
                verdict.violations if verdict else record.violations,
                _merged(request.integrations, wire.integrations),
            )
            if original_us is None and wire.timestamp is not None:
                row.misfits = {"timestamp": json_text(wire.timestamp)}
            # What the fast way accepted fits as it is, but for integers that a Float64 would round. Anything else is
            # looked at value by value.
            careful = (
                record.careful
                or (outcome != Outcome.OK and not record.violations)
                or rev not in self._trusted_revs
                or row.event in self._doubted
                or _LONG_NUMBER.search(wire.properties) is not None
            )
            renames = self._renames.get(rev, self._newest_renames).get(row.event) if self._renames else None
            forms, of_traits = None, None
            if self._forms:
                said = self._forms.get(rev, self._newest_forms)
                forms, of_traits = said.events.get(row.event), said.traits.get(row.event)
            properties = self._values(wire.properties, self._properties, row, "", careful, renames, forms)
            traits = b""
            if wire.traits:
                traits = self._values(wire.traits, self._traits, row, "traits.", True, None, of_traits)
            context = self._context.piece(bytes(wire.context), request.context, record.client)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return quarantine_row(request, raw, unreadable(raw, verdict, error), self._spool, segment, offset)
        text = b"".join((_encode(row)[:-1], context, properties and b',"properties":' + properties,
                         traits and b',"traits":' + traits, b"}"))  # fmt: skip
        made = Row(EVENTS, offset, dedup_key(record.source, message_id), text)
        if record.client is not None and b'"session_id":' not in context and (user_id or anonymous_id):
            made.visit = Visit(record.source, record.environment, anonymous_id or user_id, happened_us)
        return made

    def _values(
        self,
        raw: msgspec.Raw,
        fits: dict[str, Fit],
        row: _EventRow,
        prefix: str,
        careful: bool,
        renames: Renames | None = None,
        forms: Mapping[str, Form] | None = None,
    ) -> bytes:
        if not raw:
            return b""
        if not careful and renames is None and forms is None:
            # Decoded and encoded, not copied: of a key that comes twice the last one counts, here as in the verdict.
            return _encode(_object.decode(raw))
        values = _anything.decode(raw)
        if not isinstance(values, dict):
            if values is not None:
                row.misfits = row.misfits | {prefix.rstrip(".") or "properties": json_text(values)}
            return b""
        if forms is not None:
            values = in_one_form(values, forms, self._normalised, prefix)
        if renames is not None:
            values = renamed(values, renames)
        shaped, misfits = shape(values, fits)
        if misfits:
            row.misfits = row.misfits | {prefix + name: text for name, text in misfits.items()}
        return _encode(shaped)


def _text(value: Any) -> str:
    return value if type(value) is str else "" if value is None else json_text(value)


def _merged(envelope: bytes, own: msgspec.Raw) -> str:
    if not own and not envelope:
        return ""
    merged: dict[str, Any] = {}
    for part in (envelope, own):
        value = _anything.decode(part) if part else None
        merged |= value if isinstance(value, dict) else {}
    return json_text(merged) if merged else ""
