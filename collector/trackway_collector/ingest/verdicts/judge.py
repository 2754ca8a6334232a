"""
The verdict on one event, by its envelope and by the tracking plan, and what of the event may be kept.

`judge` is the careful way, event by event. `fast` is a quicker one for what is plainly right, and everything else comes
here, so that whatever a client sends gets its reasons from this one place.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from trackway_collector.ingest.rules.sources import Limits
from trackway_collector.ingest.verdicts.judges import Judge, Judges, stamp_of
from trackway_collector.ingest.verdicts.redact import WITHHELD, kept_event
from trackway_collector.outcomes import EnvelopeFault, Outcome, Rejection
from trackway_collector.releases import Stamp
from trackway_collector.spool.record import EventVerdict
from trackway_collector.timestamps import parse_timestamp_us
from trackway_plan import Verdict, Violation, ViolationCode
from trackway_plan.redact import Path

DOCTOR_EVENT = "$doctor"
"""What `trackway doctor` sends: in no plan, and not judged but for its stamp, so that it gets through anywhere."""

UNTRANSLATABLE = "untranslatable"
"""The `type` that an adapter gives to what it could not translate; `reason` says why."""

CALLS = frozenset({"track", "identify", "page", "screen", "group", "alias"})


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
    context: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    reason: Any = None


class Judged(NamedTuple):
    """What becomes of one event."""

    verdict: EventVerdict | None
    """None when it is what the record's own verdict says (ok, or unplanned)."""
    kept: bytes | msgspec.Raw
    """The event as it may be stored; the very object that was judged when nothing of it has to go."""


class _Opinion(NamedTuple):
    verdict: EventVerdict | None
    judge: Judge | None = None
    """Who gave it; None when the event could not be read so far."""
    strip: tuple[Path, ...] = ()


# Looked up once: Python 3.11 takes its time to find a member of an enum.
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_OK, _FLAGGED, _QUARANTINED, _REJECTED = Outcome.OK, Outcome.FLAGGED, Outcome.QUARANTINED, Outcome.REJECTED

_head = msgspec.json.Decoder(Head)
_anything = msgspec.json.Decoder()
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def judge(
    raw: bytes | msgspec.Raw,
    *,
    call: str,
    source: str,
    judges: Judges | None,
    limits: Limits,
    stamp: Stamp | None = None,
) -> Judged:
    """
    Return the verdict on one event, and the event without what may not be stored.

    Args:
        raw: the event's JSON.
        call: the route it came by; empty in a batch, where the event names its own type.
        judges: None without a plan.
        stamp: the batch's own, for events that carry none.
    """
    raw = with_traits(raw, call)
    try:
        opinion = _judge(raw, call, source, judges, limits, stamp)
    except RecursionError as error:
        # Decoding and describing a value need different depths, so any of the steps may be the first to give up.
        opinion = _Opinion(_undecodable(raw, error))
    verdict = opinion.verdict
    if verdict is not None and verdict.outcome is _REJECTED:
        return Judged(verdict, b"null")
    if judges is None:
        return Judged(verdict, raw)
    redactor = opinion.judge.redactor if opinion.judge else judges.strictest
    if not redactor.idle and verdict is not None and EnvelopeFault.UNTRANSLATABLE in verdict.violations:
        return Judged(verdict, WITHHELD)  # nobody can say what is in it
    kept = kept_event(raw, redactor, call, opinion.strip)
    if kept is WITHHELD and (verdict is None or verdict.outcome != Outcome.QUARANTINED):
        verdict = _undecodable(raw, ValueError("a part of it cannot be read"))
    return Judged(verdict, kept)


def with_traits(raw: bytes | msgspec.Raw, call: str) -> bytes | msgspec.Raw:
    """
    Return an identify with its traits where they belong; the very same object when they are there, or nowhere.

    RudderStack's clients write them into `context.traits`. They count as traits only where the event has no own.
    """
    data = bytes(raw)
    if b'"traits"' not in data or (call or "identify") != "identify" or (not call and b'"identify"' not in data):
        return raw
    try:
        event = _members.decode(data)
        if not call and _anything.decode(event.get("type", b"null")) != "identify":
            return raw
        context = _members.decode(event.get("context", b"{}"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return raw
    if bytes(event.get("traits", b"null")) not in (b"null", b"{}") or "traits" not in context:
        return raw
    event["traits"] = context.pop("traits")
    event["context"] = msgspec.Raw(_encode(context))
    return _encode(event)


def _judge(
    raw: bytes | msgspec.Raw, call: str, source: str, judges: Judges | None, limits: Limits, stamp: Stamp | None
) -> _Opinion:
    size = memoryview(raw).nbytes
    if size > limits.event_bytes:
        reason = f"The event has {size} bytes; the limit is {limits.event_bytes}."
        return _Opinion(EventVerdict(Outcome.REJECTED, (Rejection.EVENT_TOO_LARGE,), (reason,), _own_message_id(raw)))
    try:
        head = _head.decode(raw)
    except msgspec.ValidationError as error:
        return _Opinion(_bad_envelope(raw, error))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _Opinion(_undecodable(raw, error))
    properties: Any = msgspec.UNSET
    try:
        if head.properties is not msgspec.UNSET:
            properties = _anything.decode(head.properties)
        if head.traits is not msgspec.UNSET:
            _anything.decode(head.traits)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _Opinion(_undecodable(raw, error))
    kind = call or head.type
    message_id = _given_message_id(head.messageId, limits)
    if kind == UNTRANSLATABLE:
        fault = (EnvelopeFault.UNTRANSLATABLE,)
        own = message_id or str(head.messageId)  # said here, since what came may be withheld
        return _Opinion(EventVerdict(Outcome.QUARANTINED, fault, (str(head.reason),), own))
    if not isinstance(kind, str) or kind not in CALLS:
        reason = f"`type` is none of {', '.join(sorted(CALLS))}."
        return _Opinion(EventVerdict(Outcome.QUARANTINED, (EnvelopeFault.UNKNOWN_TYPE,), (reason,), message_id))
    if kind == "track" and not (isinstance(head.event, str) and head.event):
        reason = "A track call needs `event`, the name of what happened, as text."
        return _Opinion(EventVerdict(Outcome.QUARANTINED, (EnvelopeFault.MISSING_EVENT,), (reason,), message_id))
    if judges is not None:
        return _judge_by_plan(head, properties, kind, message_id, source, judges, stamp)
    faults = _faults(head)
    if not faults and not message_id:
        return _Opinion(None)
    return _Opinion(EventVerdict(Outcome.FLAGGED if faults else Outcome.UNPLANNED, tuple(faults), (), message_id))


def _judge_by_plan(
    head: Head, properties: Any, kind: str, message_id: str, source: str, judges: Judges, stamp: Stamp | None
) -> _Opinion:
    judge, stamped = judges.for_stamp(stamp_of(head.context) or stamp)
    validator = judge.validator
    event = head.event if kind == "track" else None
    if event == DOCTOR_EVENT:
        verdict = Verdict("ok", (), judge.rev)
    elif kind == "track":
        value = msgspec.UNSET if properties is None else properties  # null is read as no properties
        verdict = validator.check_track(head.event, _object(head.properties), source, value=value)
    elif kind in ("identify", "group"):
        whose = "user" if kind == "identify" else "account"
        verdict = validator.check_traits(whose, _object(head.traits), source)  # type: ignore[arg-type]
    else:
        verdict = Verdict("ok")
    if not stamped and verdict.rev and verdict.outcome != "unplanned":
        message = f"No live revision of the plan is stamped on the event; it was checked against rev {judge.rev}."
        verdict = validator.with_finding(verdict, ViolationCode.UNSTAMPED, message, event, source)
    faults = _faults(head)
    if faults and (reason := faults.pop(EnvelopeFault.BAD_TIMESTAMP, None)):
        verdict = validator.with_finding(verdict, ViolationCode.BAD_TIMESTAMP, reason, event, source)
    violations = verdict.violations
    codes = tuple([f"{each.code} {each.path}" if each.path else each.code for each in violations])
    outcome = _OUTCOMES[verdict.outcome]
    rev = judge.rev if judge is not judges.newest else 0
    if outcome is _REJECTED:
        own = message_id or str(head.messageId)
        return _Opinion(EventVerdict(outcome, codes, _messages(violations), own, rev), judge)
    if outcome is _QUARANTINED:
        reasons = _messages(violations)
        if faults:
            codes, reasons = (*faults, *codes), (*faults.values(), *reasons)
        return _Opinion(EventVerdict(outcome, codes, reasons, message_id, rev), judge, verdict.strip)
    if faults or codes:
        return _Opinion(EventVerdict(_FLAGGED, (*faults, *codes), (), message_id, rev), judge, verdict.strip)
    if outcome is _OK and not message_id and not rev:
        return _Opinion(None, judge)
    return _Opinion(EventVerdict(outcome, (), (), message_id, rev), judge)


def _messages(violations: Iterable[Violation]) -> tuple[str, ...]:
    return tuple([each.message for each in violations])


def _faults(head: Head) -> dict[str, str]:
    """What is wrong with the envelope though the event can be stored: code → sentence."""
    faults: dict[str, str] = {}
    if not _is_id(head.userId) and not _is_id(head.anonymousId):
        faults[EnvelopeFault.NO_PERSON] = "It has neither `userId` nor `anonymousId`."
    if head.timestamp is not None and parse_timestamp_us(head.timestamp) is None:
        faults[EnvelopeFault.BAD_TIMESTAMP] = "`timestamp` cannot be read, or lies outside the years 1970 to 2261."
    return faults


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
