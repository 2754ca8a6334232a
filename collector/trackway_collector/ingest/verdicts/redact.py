"""
What of an event reaches the disk: without what the plan forbids to store, and without what the policy strips.

Properties by the event's name, traits by the plan's traits, `context.traits` by those of the user. All of it happens
after the verdict and before the spool, so it holds for quarantined events too; of a rejected event nothing is kept. An
event that cannot be read is read forgivingly; one that not even so can be read is withheld as a whole, because nobody
can say what is in it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Raw

from trackway_plan.redact import Path, Redactor, without

UNREADABLE = (msgspec.MsgspecError, ValueError, TypeError, RecursionError)
WITHHELD = msgspec.json.encode("withheld: it cannot be read, and the plan forbids to store parts of such events")

_TRAITS_OF = {"identify": ("user",), "group": ("account",)}
_NOT_TRACK = frozenset({"identify", "page", "screen", "group", "alias"})
_members = msgspec.json.Decoder(dict[str, Raw])
_text = msgspec.json.Decoder(str)
_encode = msgspec.json.Encoder().encode


def kept_event(raw: bytes | Raw, redactor: Redactor, call: str = "", strip: Iterable[Path] = ()) -> bytes | Raw:
    """
    An event as it may be stored; the very same object when nothing of it has to go.

    Args:
        call: the route it came by; empty in a batch.
        strip: what the policy removes, as paths into its properties, or into the traits of an identify or group.
    """
    if redactor.idle and not strip:
        return raw
    data = bytes(raw).lstrip()
    if data[:1] == b'"':
        return _kept_text(raw, data, redactor, call)
    try:
        return _kept(raw, data, redactor, call, strip)
    except UNREADABLE:
        pass
    try:
        return _kept(raw, _forgiving(data.decode("utf-8", "surrogateescape")), redactor, call, strip)
    except UNREADABLE:
        return WITHHELD


def kept_context(context: bytes | Raw, redactor: Redactor) -> bytes | Raw:
    """A batch's context as it may be stored; raises what msgspec raises when it cannot be read."""
    if "user" not in redactor.traits:
        return context
    first = bytes(context).lstrip()[:1]
    if first != b"{":
        return b"null" if first in (b'"', b"[") else context  # no context, and traits may be in it all the same
    members = _members.decode(context)
    if "traits" not in members:
        return context
    members["traits"] = Raw(redactor.traits_of("user", members["traits"]))
    return _encode(members)


def _kept(raw: bytes | Raw, data: bytes, redactor: Redactor, call: str, strip: Iterable[Path]) -> bytes | Raw:
    members = _members.decode(data)
    kind = call or _name(members.get("type"))
    held = "traits" if kind in ("identify", "group") else "properties"
    if strip and held in members:
        members[held] = Raw(without(members[held], strip))
    changes = bool(strip)
    if redactor.events and kind not in _NOT_TRACK and "properties" in members and _has_unreadable_name(members):
        return WITHHELD
    event = _name(members.get("event"))
    if event in redactor.events and "properties" in members:
        members["properties"] = Raw(redactor.properties(event, members["properties"]))
        changes = True
    if redactor.traits and "traits" in members:
        for of in _TRAITS_OF.get(kind, ("user", "account")):
            members["traits"] = Raw(redactor.traits_of(of, members["traits"]))
        changes = True
    if redactor.traits and "context" in members:
        members["context"] = Raw(kept_context(members["context"], redactor))
        changes = True
    return _encode(members) if changes else raw


def _kept_text(raw: bytes | Raw, data: bytes, redactor: Redactor, call: str) -> bytes | Raw:
    """A text in the place of an event: what `mend` made of an unreadable one, or JSON that somebody quoted."""
    try:
        text = _text.decode(data)
        if text.lstrip()[:1] != "{":
            return WITHHELD  # a list of events, or JSON quoted twice
        return _encode(bytes(_kept(b"", _forgiving(text), redactor, call, ()) or text.encode()).decode())
    except UNREADABLE:
        return WITHHELD


def _forgiving(text: str) -> bytes:
    """The JSON of a text with what JSON cannot carry written as text, and halves of characters as `?`."""
    value = json.loads(text, parse_constant=str, parse_float=_finite)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _has_unreadable_name(members: dict[str, Raw]) -> bool:
    """Whether an event is named by something that is no text: nobody can say which rules are its own."""
    raw = members.get("event")
    return raw is not None and bytes(raw) != b"null" and not _name(raw)


def _name(raw: Any) -> str:
    try:
        return _text.decode(raw) if raw is not None else ""
    except UNREADABLE:
        return ""
