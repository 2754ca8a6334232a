"""
The verdict on one event, by its envelope and by the tracking plan.

`judge` is the careful way, event by event. `decode` has a faster one for what is plainly right, and comes here with
everything else, so that whatever a client sends gets its reasons from this one place.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

import msgspec

from trackway_collector.outcomes import EnvelopeFault, Outcome, Rejection
from trackway_collector.spool.record import EventVerdict
from trackway_collector.timestamps import parse_timestamp_us
from trackway_plan import Validator

CALLS = frozenset({"track", "identify", "page", "screen", "group", "alias"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may hold. The defaults are those of Segment's API."""

    event_bytes: int = 32 * 1024
    """Size of one event, bytes of JSON."""
    batch_bytes: int = 500 * 1024
    """Size of a whole body after decompression, bytes."""
    batch_events: int = 2_500
    """Events in one batch."""
    message_id_chars: int = 100
    """Length of a `messageId`; a longer one is replaced and the event flagged."""


class Head(msgspec.Struct, gc=False):
    """The envelope of one event; ids may come as numbers, and are text from then on."""

    type: Any = None
    event: Any = None
    messageId: Any = None
    userId: str | int | float | None = None
    anonymousId: str | int | float | None = None
    timestamp: Any = None
    properties: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    traits: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_head = msgspec.json.Decoder(Head)
_anything = msgspec.json.Decoder()


def judge(
    raw: bytes | msgspec.Raw, *, call: str, source: str, validator: Validator | None, limits: Limits
) -> EventVerdict | None:
    """
    Return the verdict on one event, or None when it is what the record's own verdict says (ok, or unplanned).

    Args:
        raw: the event's JSON.
        call: the route it came by; empty in a batch, where the event names its own type.
    """
    try:
        return _judge(raw, call, source, validator, limits)
    except RecursionError as error:
        # Decoding and describing a value need different depths, so any of the steps may be the first to give up.
        return _undecodable(raw, error)


def _judge(
    raw: bytes | msgspec.Raw, call: str, source: str, validator: Validator | None, limits: Limits
) -> EventVerdict | None:
    size = memoryview(raw).nbytes
    if size > limits.event_bytes:
        reason = f"The event has {size} bytes; the limit is {limits.event_bytes}."
        return EventVerdict(Outcome.REJECTED, (Rejection.EVENT_TOO_LARGE,), (reason,), _own_message_id(raw))
    try:
        head = _head.decode(raw)
    except msgspec.ValidationError as error:
        return _bad_envelope(raw, error)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _undecodable(raw, error)
    try:
        for values in (head.properties, head.traits):
            if values is not msgspec.UNSET:
                _anything.decode(values)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _undecodable(raw, error)
    kind = call or head.type
    message_id = _given_message_id(head.messageId, limits)
    if not isinstance(kind, str) or kind not in CALLS:
        reason = f"`type` is none of {', '.join(sorted(CALLS))}."
        return EventVerdict(Outcome.QUARANTINED, (EnvelopeFault.UNKNOWN_TYPE,), (reason,), message_id)
    if kind == "track" and not (isinstance(head.event, str) and head.event):
        reason = "A track call needs `event`, the name of what happened, as text."
        return EventVerdict(Outcome.QUARANTINED, (EnvelopeFault.MISSING_EVENT,), (reason,), message_id)
    flags = _envelope_flags(head)
    if validator is None:
        if not flags and not message_id:
            return None
        return EventVerdict(Outcome.FLAGGED if flags else Outcome.UNPLANNED, flags, (), message_id)
    return _judge_by_plan(head, kind, flags, message_id, source, validator)


def _judge_by_plan(
    head: Head, kind: str, flags: tuple[str, ...], message_id: str, source: str, validator: Validator
) -> EventVerdict | None:
    if kind == "track":
        verdict = validator.check_track(head.event, _object(head.properties), source)
    elif kind in ("identify", "group"):
        verdict = validator.check_traits("user" if kind == "identify" else "account", _object(head.traits))
    else:
        if not flags and not message_id:
            return None
        return EventVerdict(Outcome.FLAGGED if flags else Outcome.OK, flags, (), message_id)
    outcome = Outcome(verdict.outcome)
    codes = tuple(f"{v.code} {v.path}" if v.path else str(v.code) for v in verdict.violations)
    if outcome is Outcome.QUARANTINED:
        reasons = tuple(v.message for v in verdict.violations)
        return EventVerdict(Outcome.QUARANTINED, flags + codes, reasons, message_id)
    if flags or codes:
        return EventVerdict(Outcome.FLAGGED, flags + codes, (), message_id)
    if outcome is Outcome.OK and not message_id:
        return None
    return EventVerdict(outcome, (), (), message_id)


def _envelope_flags(head: Head) -> tuple[str, ...]:
    flags: tuple[str, ...] = ()
    if not _is_id(head.userId) and not _is_id(head.anonymousId):
        flags += (EnvelopeFault.NO_PERSON,)
    if head.timestamp is not None and parse_timestamp_us(head.timestamp) is None:
        flags += (EnvelopeFault.BAD_TIMESTAMP,)
    return flags


def _is_id(value: str | int | float | None) -> bool:
    return value is not None and value != ""


def _given_message_id(value: object, limits: Limits) -> str:
    """Return the id the collector gives the event; empty when the client's own will do."""
    if isinstance(value, str) and 0 < len(value) <= limits.message_id_chars:
        return ""
    if value is None or value == "":
        return str(uuid.uuid4())  # such an event cannot be recognised when it is sent again
    return _digest(repr(value).encode())


def _own_message_id(raw: bytes | msgspec.Raw) -> str:
    """Return the client's id, so that the answer can name the event; empty when it cannot be had."""
    try:
        return str(_head.decode(raw).messageId or "")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _digest(data: bytes) -> str:
    # The same bytes give the same id, so that sending them again is recognised.
    return "sha256-" + hashlib.sha256(data).hexdigest()[:32]


def _object(raw: msgspec.Raw | msgspec.UnsetType) -> bytes:
    if raw is msgspec.UNSET or bytes(raw) == b"null":
        return b"{}"
    return bytes(raw)


def _bad_envelope(raw: bytes | msgspec.Raw, error: msgspec.ValidationError) -> EventVerdict:
    if bytes(raw)[:1] == b'"':  # what `mend` makes of an event it cannot save
        return _undecodable(raw, ValueError("it holds bytes, text or numbers that JSON cannot carry"))
    reason = f"The envelope is wrong: {error}."
    return EventVerdict(Outcome.QUARANTINED, (EnvelopeFault.BAD_ENVELOPE,), (reason,), _digest(bytes(raw)))


def _undecodable(raw: bytes | msgspec.Raw, error: Exception) -> EventVerdict:
    what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    reason = f"The event is not readable JSON text: {what}."
    return EventVerdict(Outcome.QUARANTINED, (EnvelopeFault.UNDECODABLE,), (reason,), _digest(bytes(raw)))
