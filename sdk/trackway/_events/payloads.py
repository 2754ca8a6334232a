"""The members of a Segment-shaped event, as bytes that are joined and never parsed again here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from trackway._books import Dropped
from trackway._events.arguments import Refused, encode_text, is_given, text
from trackway._events.values import encode, encode_carefully
from trackway._version import LIBRARY, __version__

if TYPE_CHECKING:
    from trackway_plan import Violation


def object_member(name: bytes, value: object) -> bytes:
    """Return `,"name":{…}`, with `{}` for None; raises Refused when `value` is not a mapping."""
    return b',"%b":%b' % (name, object_body(value))


def object_body(value: object) -> bytes:
    """
    Return `{…}` for properties or traits, `{}` for None; raises Refused when it is no mapping or beyond
    encoding.
    """
    if value is None:
        return b"{}"
    try:
        body = encode(value)
    except Exception:
        try:
            body = encode_carefully(value)
        except Exception:
            raise Refused(Dropped.UNSERIALISABLE) from None
    if body[0] != 123:  # "{"
        raise Refused(Dropped.NOT_AN_OBJECT)
    return body


def properties_over(bound: Mapping[str, object], own: object) -> Mapping[str, object]:
    """Return a call's own properties over those bound elsewhere; raises Refused when they are no mapping."""
    if own is None:
        return bound
    if not isinstance(own, Mapping):  # a dataclass or Struct: its members as the JSON they become
        own = _members(object_body(own))
    return merged(bound, own)


def merged(outer: Mapping[str, object], inner: Mapping[str, object]) -> dict[str, object]:
    """Return both in one, what the inner says over what the outer says; raises Refused when one cannot be read."""
    try:
        return {**outer, **inner}
    except Exception:
        raise Refused(Dropped.UNSERIALISABLE) from None


def people(user_id: object, anonymous_id: object) -> bytes:
    """Return `,"userId":"…","anonymousId":"…"` with whichever is there; raises Refused when neither is."""
    has_user = user_id is not None and is_given(user_id)
    has_anonymous = anonymous_id is not None and is_given(anonymous_id)
    if has_user and has_anonymous:
        return b',"userId":%b,"anonymousId":%b' % (encode_text(user_id), encode_text(anonymous_id))
    if has_user:
        return b',"userId":' + encode_text(user_id)
    if has_anonymous:
        return b',"anonymousId":' + encode_text(anonymous_id)
    raise Refused(Dropped.NO_PERSON)


class ContextWriter:
    """
    Writes `context` and the closing brace of an event: the library, the plan's stamp, and what the caller
    adds.
    """

    def __init__(self, stamp: Mapping[str, object] | None) -> None:
        self._library = {"name": LIBRARY, "version": __version__}
        self._stamp = stamp
        own: dict[str, object] = {"library": self._library}
        if stamp is not None:
            own["protocols"] = stamp
        self._own_members = encode(own)[1:]
        self.plain = b',"context":{%b}' % self._own_members
        """The end of most events."""

    def end(self, given: Mapping[str, object] | None, session_id: object, violations: Sequence[Violation]) -> bytes:
        """
        Return `,"context":{…}}`; the caller's members win over `library`, and `protocols` is always ours.
        """
        if given is not None and not isinstance(given, Mapping):
            given = _members(object_body(given))  # a dataclass or Struct, or nothing that could be a context
        if not given and not violations:
            if not is_given(session_id):
                return self.plain
            return b',"context":{"sessionId":%b,%b}' % (encode_text(session_id), self._own_members)
        context = merged({"library": self._library}, given or {})
        if is_given(session_id):
            context["sessionId"] = text(session_id)
        if self._stamp is not None:
            context["protocols"] = self._stamp
            if violations:
                marks = [{"code": str(violation.code), "path": violation.path} for violation in violations]
                context["protocols"] = {**self._stamp, "violations": marks}
        return b"%b}" % object_member(b"context", context)


_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
