"""
From a request's body to a spool record.

The fast way decodes a whole batch in one msgspec pass into a tagged union: the event's name is the tag, the plan's
types are its properties, so a batch that decodes is a batch that is right. A body that does not decode so is split
into events and each is judged by itself (`judge`). Both give the same verdicts; a test holds them against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import datetime
from typing import Annotated, Any, Literal, Union

import msgspec

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest import mend
from trackway_collector.ingest.judge import Limits, judge
from trackway_collector.outcomes import EnvelopeFault, Outcome
from trackway_collector.spool.record import EventVerdict, Record
from trackway_collector.timestamps import EARLIEST_YEAR, LATEST_YEAR
from trackway_plan import Release, Validator


class Envelope(msgspec.Struct, gc=False):
    """A batch as the wire has it, its events not decoded yet."""

    batch: list[msgspec.Raw]
    writeKey: Any = None


SLICE_BYTES = 8 * 1024
"""So much JSON is judged event by event before others have their turn: some 6 ms of work where all of it is wrong."""

_MESSAGE_ID = b'"messageId"'
_envelope = msgspec.json.Decoder(Envelope)
_write_key = msgspec.json.Decoder(msgspec.defstruct("_Key", [("writeKey", Any, None)]))


class BatchDecoder:
    """Decodes and judges request bodies for one plan release; without one every event is `unplanned`."""

    def __init__(self, release: Release | None, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.rev = release.rev if release else 0
        self._validator = Validator(release) if release else None
        self._verdict = Outcome.OK if release else Outcome.UNPLANNED
        self._fast: dict[str, _FastBatch | None] = {}

    def decode(self, body: bytes, *, call: str, source: str, received_at_us: int) -> tuple[Record, bytes]:
        """Do the whole of `slices` at once."""
        work = self.slices(body, call=call, source=source, received_at_us=received_at_us)
        while True:
            try:
                next(work)
            except StopIteration as done:
                record, body = done.value
                return record, body

    def slices(
        self, body: bytes, *, call: str, source: str, received_at_us: int
    ) -> Generator[None, None, tuple[Record, bytes]]:
        """
        Return the spool record of a body, and the body as the spool shall keep it; yield where others may have a turn.

        Args:
            call: the route's call (`track`, …) when the body is one event; empty when it is a batch.

        Raises:
            RequestRefused: 400, the body as a whole cannot be taken.
        """
        if call:
            verdict = self._judge(body, call, source)
            if verdict is not None and EnvelopeFault.UNDECODABLE in verdict.violations:
                mended = mend.event(body)
                if mended is None:
                    raise RequestRefused(400, "malformed_json", verdict.reasons[0])
                body = mended
            exceptions = {0: verdict} if verdict else {}
            return Record(
                source, received_at_us, 1, self._verdict, self.rev, call, careful=True, exceptions=exceptions
            ), body
        events = self._count_if_all_fine(body, source)
        if events:
            return Record(source, received_at_us, events, self._verdict, self.rev), body
        batch, body = self._split(body)
        exceptions, judged_bytes = {}, 0
        for position, raw in enumerate(batch):
            verdict = self._judge(raw, "", source)
            if verdict is not None:
                exceptions[position] = verdict
            judged_bytes += memoryview(raw).nbytes
            if judged_bytes >= SLICE_BYTES:
                judged_bytes = 0
                yield
        return Record(
            source, received_at_us, len(batch), self._verdict, self.rev, careful=True, exceptions=exceptions
        ), body

    def _judge(self, raw: bytes | msgspec.Raw, call: str, source: str) -> EventVerdict | None:
        return judge(raw, call=call, source=source, validator=self._validator, limits=self.limits)

    def _count_if_all_fine(self, body: bytes, source: str) -> int:
        """Return how many events the batch holds if the plan accepts every one as it is, else 0."""
        if source not in self._fast:
            self._fast[source] = _FastBatch.of(self._validator, source, self.limits)
        fast = self._fast[source]
        return fast.count(body) if fast is not None else 0

    def _split(self, body: bytes) -> tuple[list[msgspec.Raw], bytes]:
        try:
            batch = _envelope.decode(body).batch
        except msgspec.ValidationError as error:
            raise bad_batch(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            # One event may be to blame; it must not cost the others.
            mended = mend.batch(body)
            if mended is None:
                raise malformed(error) from error
            return self._split(mended)
        if len(batch) > self.limits.batch_events:
            message = (
                f"The batch holds {len(batch)} events; the limit is {self.limits.batch_events}. Send smaller ones."
            )
            raise RequestRefused(400, "too_many_events", message)
        return batch, body


def bad_batch(error: Exception) -> RequestRefused:
    """Return the answer to JSON that is no batch."""
    return RequestRefused(400, "bad_batch", f'A batch is an object {{"batch": [events]}}: {error}.')


def write_key_of(body: bytes) -> object:
    """
    Return the body's `writeKey`, for clients that send no Authorization header.

    Raises:
        RequestRefused: 400, the body is not a JSON object.
    """
    try:
        return getattr(_write_key.decode(body), "writeKey", None)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # A value in one event may be to blame, as in `BatchDecoder`.
        mended = mend.batch(body)
        if mended is None:
            raise malformed(error) from error
        return getattr(_write_key.decode(mended), "writeKey", None)


def malformed(error: Exception) -> RequestRefused:
    """Return the answer to a body that is no JSON."""
    what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return RequestRefused(400, "malformed_json", f"The body is not readable JSON: {what}.")


class _FastBatch:
    """The one-pass decoder of one source's planned events."""

    def __init__(self, types: dict[str, type], checks: dict[type, Callable[[Any], bool]], limits: Limits) -> None:
        message_id = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.message_id_chars)]
        members = []
        for number, (event, properties) in enumerate(types.items()):
            fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
                # In the order our SDK writes them: msgspec looks for the next field first.
                ("type", Literal["track"]),
                ("messageId", message_id),
                ("userId", str | None, None),
                ("anonymousId", str | None, None),
                ("timestamp", Annotated[datetime, msgspec.Meta(tz=True)]),
                ("properties", properties),
            ]
            options: Any = {"tag_field": "event", "tag": event, "kw_only": True, "gc": False}
            members.append(msgspec.defstruct(f"Track{number}", fields, **options))
        tracks: Any = Union[tuple(members)]  # noqa: UP007
        batch: Any = msgspec.defstruct("FastBatch", [("batch", list[tracks])], gc=False)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(batch)
        self._checks = checks
        self._limits = limits

    @classmethod
    def of(cls, validator: Validator | None, source: str, limits: Limits) -> _FastBatch | None:
        """Return the decoder for what a source may send, or None when the plan gives it nothing to say yes to."""
        if validator is None:
            return None
        types: dict[str, type] = {}
        checks: dict[type, Callable[[Any], bool]] = {}
        for event in validator.fast_events(source):
            properties = validator.properties_type(event)
            if properties is None:
                continue
            types[event] = properties
            check = validator.extra_check(event)
            if check is not None:
                checks[properties] = check
        return cls(types, checks, limits) if types else None

    def count(self, body: bytes) -> int:
        """Return the number of events when all are right, else 0; never raises on bad input."""
        escapes = b"\\" in body
        # What msgspec skips over it does not look into, so text that needs looking into takes the careful way.
        if escapes and (b"\\ud" in body or b"\\uD" in body):
            return 0
        try:
            if not body.isascii():
                body.decode()
            batch = self._decoder.decode(body).batch
            if len(body) > self._limits.event_bytes and not self._all_small(body, len(batch), escapes):
                return 0
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return 0
        checks = self._checks
        for event in batch:
            # In the first and the last year the zone decides; the careful way looks at it.
            if not (event.userId or event.anonymousId) or not EARLIEST_YEAR < event.timestamp.year < LATEST_YEAR:
                return 0
            if checks:
                check = checks.get(type(event.properties))
                if check is not None and not check(event.properties):
                    return 0
        return len(batch) if len(batch) <= self._limits.batch_events else 0

    def _all_small(self, body: bytes, events: int, escapes: bool) -> bool:
        """
        Say whether no event is over the limit.

        Each event has its `"messageId"`. Without escapes, and with as many of them as events, each has exactly one;
        an event over the limit would then cover two thirds of it whole with none in one of them. Finding one per third
        is cheap. Where that says nothing, the events are measured.
        """
        limit = self._limits.event_bytes
        third = limit // 3
        if not escapes and body.count(_MESSAGE_ID) == events:
            starts = range(0, len(body) - third + 1, third)
            if all(body.find(_MESSAGE_ID, start, start + third) >= 0 for start in starts):
                return True
        return all(memoryview(raw).nbytes <= limit for raw in _envelope.decode(body).batch)
