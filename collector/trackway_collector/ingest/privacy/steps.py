"""
What a source's policy does to the events of a request between verdict and spool.

    consent     an event whose person denied a category is rejected; nothing of it is kept
    unreadable  what an adapter could not translate is withheld, since nobody can say what is in it
    addresses   `context.ip` inside events, and in what a batch shares, is cut, hashed or removed

A source without such rules pays one test per request; with them, a look for the words in the body.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from trackway_collector.ingest.privacy.addresses import kept
from trackway_collector.ingest.privacy.policy import AddressRule, Privacy
from trackway_collector.outcomes import EnvelopeFault, Outcome, Rejection
from trackway_collector.spool.record import EventVerdict, Record

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_REJECTED = msgspec.Raw(b"null")
_WITHHELD = msgspec.Raw(msgspec.json.encode("withheld: it cannot be read, and may hold what is not kept"))

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_batch = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)
_encode = msgspec.json.Encoder().encode

Rewrite = Callable[[msgspec.Raw], msgspec.Raw]


class _Preferences(msgspec.Struct, gc=False):
    categoryPreferences: dict[str, Any] | None = None


class _Context(msgspec.Struct, gc=False):
    consent: _Preferences | None = None


class _Event(msgspec.Struct, gc=False):
    messageId: Any = None
    context: _Context | None = None


_event = msgspec.json.Decoder(_Event)
_context = msgspec.json.Decoder(_Context)
_NOT_READABLE = _Preferences()
"""Consent that is there and cannot be read: it was not given."""


class Kept(NamedTuple):
    """A request as it may be stored."""

    record: Record
    body: bytes


def privacy_steps(record: Record, body: bytes, privacy: Privacy, key: bytes | None) -> tuple[Record, bytes]:
    """
    Return the request as the policy lets it be stored; the very same where nothing has to change.

    Args:
        key: the operator's, for addresses that are hashed.
    """
    client = record.client
    opted_out = client is not None and client.opted_out
    if privacy.ip in ("as_sent", "keep") and not privacy.consent and not opted_out:
        return record, body
    result = Kept(record, body)
    rule: AddressRule = "remove" if opted_out else privacy.ip
    refuses_all = privacy.opt_out == "reject" and opted_out
    if refuses_all or (privacy.consent and (not privacy.consent_unless_denied or _mentions(body, b"consent"))):
        result = _consented(result, privacy, refuses_all=refuses_all)
    forbids_addresses = rule not in ("as_sent", "keep")
    if (forbids_addresses or privacy.consent) and record.exceptions and not record.call:
        result = _without_untranslatable(result)
    if forbids_addresses and _mentions(body, b"ip"):
        result = Kept(result.record, _without_addresses(result, rule, key))
    return result


def denied(record: Record) -> bool:
    """Say whether somebody in the request has not agreed to something."""
    refused = {Rejection.NO_CONSENT, Rejection.OPTED_OUT}
    return any(not refused.isdisjoint(verdict.violations) for verdict in record.exceptions.values())


def _mentions(body: bytes, name: bytes) -> bool:
    """Whether a key may be in the body: as it is, in quoted JSON, or written with escapes."""
    return b'"' + name + b'"' in body or b'\\"' + name in body or b"\\u00" in body


# --- consent ---------------------------------------------------------------------------------------------------


def _consented(request: Kept, privacy: Privacy, *, refuses_all: bool) -> Kept:
    record = request.record
    shared, raws, put_back = _opened(request)
    exceptions = dict(record.exceptions)
    for position, raw in enumerate(raws):
        known = exceptions.get(position)
        if known is not None and known.outcome == Outcome.REJECTED:
            continue
        event = _read(raw)
        denied = "the browser's opt-out signal" if refuses_all else _denied(event, shared, privacy)
        if denied:
            raws[position] = _REJECTED
            message_id = _text_of(event.messageId) or (known.message_id if known else "")
            reason = f"Not stored: {denied} says that this person has not agreed."
            rejection = Rejection.OPTED_OUT if refuses_all else Rejection.NO_CONSENT
            exceptions[position] = EventVerdict(Outcome.REJECTED, (rejection,), (reason,), message_id)
    if exceptions == record.exceptions:
        return request
    if len(exceptions) == record.events and all(it.outcome == Outcome.REJECTED for it in exceptions.values()):
        # Nothing of it is kept: not the device it came from either, nor what the batch shares.
        nothing = b"null" if record.call else _encode({"batch": raws})
        return Kept(msgspec.structs.replace(record, exceptions=exceptions, client=None), nothing)
    return Kept(msgspec.structs.replace(record, exceptions=exceptions), put_back(raws))


_YES = (True, "true", "True")
"""The pixel's values are texts."""


def _denied(event: _Event, shared: _Context | None, privacy: Privacy) -> str:
    """Return the category without consent; empty when there is none. The event's own word counts before the batch's."""
    own = event.context.consent if event.context else None
    of_all = shared.consent if shared else None
    said = own or of_all
    preferences = (said.categoryPreferences if said else None) or {}
    for category in privacy.consent:
        answer = preferences.get(category)
        agreed = privacy.consent_unless_denied if answer is None else answer in _YES
        if said is _NOT_READABLE or not agreed:
            return f"the category `{category}` of `context.consent`"
    return ""


def _read(raw: msgspec.Raw) -> _Event:
    try:
        return _event.decode(raw)
    except _UNREADABLE:
        return _Event(context=_unreadable(bytes(raw)))


def _unreadable(data: bytes) -> _Context | None:
    return _Context(_NOT_READABLE) if _mentions(data, b"consent") else None


def _text_of(message_id: Any) -> str:
    return str(message_id) if isinstance(message_id, str | int) else ""


# --- what could not be translated ---------------------------------------------------------------------------------


def _without_untranslatable(request: Kept) -> Kept:
    strange = [
        position
        for position, verdict in request.record.exceptions.items()
        if EnvelopeFault.UNTRANSLATABLE in verdict.violations
    ]
    if not strange:
        return request
    _, raws, put_back = _opened(request)
    for position in strange:
        raws[position] = _WITHHELD
    return Kept(request.record, put_back(raws))


# --- addresses -------------------------------------------------------------------------------------------------


def _without_addresses(request: Kept, rule: AddressRule, key: bytes | None) -> bytes:
    def rewrite(raw: msgspec.Raw) -> msgspec.Raw:
        if not _mentions(bytes(raw), b"ip"):
            return raw
        try:
            if bytes(raw).lstrip()[:1] == b'"':  # an event that could not be read, quoted
                return _WITHHELD
            members = _members.decode(raw)
            if "context" in members:
                members["context"] = context_rewritten(members["context"])
            return msgspec.Raw(_encode(members))
        except _UNREADABLE:
            return _WITHHELD

    def context_rewritten(context: msgspec.Raw) -> msgspec.Raw:
        if bytes(context).lstrip()[:1] != b"{":
            return context
        members = _members.decode(context)
        if "ip" in members:
            address = _address(members["ip"])
            members["ip"] = msgspec.Raw(_encode(kept(address, rule, key)))
            if not address:
                del members["ip"]
        return msgspec.Raw(_encode(members))

    if request.record.call:
        return bytes(rewrite(msgspec.Raw(request.body)))
    envelope = _members.decode(request.body)
    envelope["batch"] = msgspec.Raw(_encode([rewrite(raw) for raw in _batch.decode(envelope["batch"])]))
    if "context" in envelope:
        try:
            envelope["context"] = context_rewritten(envelope["context"])
        except _UNREADABLE:
            del envelope["context"]
    return _encode(envelope)


def _address(raw: msgspec.Raw) -> str:
    try:
        return _text.decode(raw)
    except _UNREADABLE:
        return ""


def _opened(request: Kept) -> tuple[_Context | None, list[msgspec.Raw], Callable[[list[msgspec.Raw]], bytes]]:
    """Return what the events share, the events, and how to put changed ones back."""
    if request.record.call:
        return None, [msgspec.Raw(request.body)], lambda raws: bytes(raws[0])
    envelope = _members.decode(request.body)

    def put_back(raws: list[msgspec.Raw]) -> bytes:
        return _encode(envelope | {"batch": msgspec.Raw(_encode(raws))})

    shared = None
    if "context" in envelope:
        try:
            shared = _context.decode(envelope["context"])
        except _UNREADABLE:
            shared = _unreadable(bytes(envelope["context"]))
    return shared, _batch.decode(envelope["batch"]), put_back
