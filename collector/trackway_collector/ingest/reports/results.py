"""
The answer to clients that ask for a result per event: what became of each, as far as it is known when it is stored.

Most events of a request end alike, so the answer says once how (`result`) and names only the others (`results`).
Whether an event had been stored before is found by the loader, later; `duplicate` is said of those that this worker
took a short while ago.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from trackway_collector.ingest.reports.recent import RecentIds
from trackway_collector.outcomes import Outcome
from trackway_collector.spool.record import EventVerdict, Record

DUPLICATE = "duplicate"
MEDIA_TYPE = "application/vnd.trackway.v1+json"
"""What a client sends as Accept to get this answer."""


def results(record: Record, body: bytes, recent: RecentIds) -> bytes:
    """
    Return the JSON that says what became of each event of a stored request.

    An event is named by its `messageId` as the client sent it; without one that can be read, by the id the collector
    gave it, under which it is in the warehouse. Of several events with one id that one is told of which is kept: the
    first that is not rejected. The rejected ones are listed in `rejected`, too, with position, code and reason.

    Args:
        record: what the spool keeps beside the body.
        body: the request's body as the spool keeps it.
        recent: the ids that were taken before; this request's are added.
    """
    usual = _usual(record)
    told: dict[str, str] = {}
    if not record.exceptions and record.verdict == usual:
        told = dict.fromkeys(recent.repeated(record.source, _message_ids(record, body)), DUPLICATE)
        return _answer(record, usual, told)
    for index, event in enumerate(_events(record, body)):
        verdict = record.exceptions.get(index)
        message_id = _message_id(event) or (verdict.message_id if verdict else "")
        if told.get(message_id, Outcome.REJECTED) == Outcome.REJECTED:
            told[message_id] = verdict.outcome if verdict else record.verdict
    kept = [message_id for message_id, outcome in told.items() if message_id and outcome != Outcome.REJECTED]
    told |= dict.fromkeys(recent.repeated(record.source, kept), DUPLICATE)
    return _answer(record, usual, told)


def _answer(record: Record, usual: str, told: Mapping[str, str]) -> bytes:
    named = {message_id: outcome for message_id, outcome in told.items() if message_id and outcome != usual}
    return msgspec.json.encode({"success": True, "result": usual, "results": named, "rejected": _rejected(record)})


def each_exception(record: Record, body: bytes) -> Iterator[tuple[str, EventVerdict]]:
    """Yield the `messageId` and the verdict of each event that did not end as the record's verdict says."""
    if not record.exceptions:
        return
    for index, event in enumerate(_events(record, body)):
        verdict = record.exceptions.get(index)
        if verdict is not None and (message_id := _message_id(event) or verdict.message_id):
            yield message_id, verdict


def _usual(record: Record) -> str:
    """Return how most events ended; never `rejected`, of which each one is named."""
    counts = Counter(verdict.outcome for verdict in record.exceptions.values())
    counts[record.verdict] += record.events - len(record.exceptions)
    del counts[Outcome.REJECTED]
    return max(counts, key=counts.__getitem__)


def _rejected(record: Record) -> list[dict[str, object]]:
    return [
        {
            "index": index,
            "messageId": verdict.message_id,
            "code": verdict.violations[0].partition(" ")[0],
            "message": verdict.reasons[0],
            "violations": verdict.violations,
        }
        for index, verdict in record.exceptions.items()
        if verdict.outcome == Outcome.REJECTED
    ]


class _Batch(msgspec.Struct, gc=False):
    batch: list[msgspec.Raw]


class _Event(msgspec.Struct, gc=False):
    messageId: Any = None


class _Named(msgspec.Struct, gc=False):
    messageId: str


class _NamedBatch(msgspec.Struct, gc=False):
    batch: list[_Named]


_batch = msgspec.json.Decoder(_Batch)
_event = msgspec.json.Decoder(_Event)
_named_batch = msgspec.json.Decoder(_NamedBatch)


def _message_ids(record: Record, body: bytes) -> list[str]:
    """Return the ids of a request of which nothing has to be said event by event."""
    if record.call:
        return [_message_id(msgspec.Raw(body))]
    return [event.messageId for event in _named_batch.decode(body).batch]


def _events(record: Record, body: bytes) -> list[msgspec.Raw]:
    return [msgspec.Raw(body)] if record.call else _batch.decode(body).batch


def _message_id(event: msgspec.Raw) -> str:
    """Return the id that the client gave; empty when there is none, or nothing is kept that it could be read from."""
    try:
        given = _event.decode(event).messageId
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return str(given) if isinstance(given, str | int | float) and not isinstance(given, bool) else ""
