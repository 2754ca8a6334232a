"""
Traits that an `identify` has in its context alone.

RudderStack's server libraries write `{"type": "identify", "context": {"traits": {…}}}`. Here traits stand beside the
context: there the plan judges them, and there the column `traits` is filled from.
"""

from __future__ import annotations

import msgspec

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def with_own_traits(raw: bytes | msgspec.Raw, context: msgspec.Raw) -> bytes | None:
    """
    Return an event with its context's traits as its own; None when there are none, or when they cannot be read.

    Args:
        raw: an event that has no traits of its own.
        context: its context.
    """
    try:
        inside = _members.decode(context)
        traits = inside.pop("traits", None)
        if traits is None or bytes(traits).lstrip()[:1] != b"{":
            return None
        members = _members.decode(raw)
        members["context"] = msgspec.Raw(msgspec.json.encode(inside))
        members["traits"] = traits
        return msgspec.json.encode(members)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
