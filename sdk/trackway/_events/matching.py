"""Whose an encoded event is, and of which category: what a purge asks of events that are queued or on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from trackway._events.arguments import encode_text

if TYPE_CHECKING:
    from collections.abc import Callable


class _Whose(msgspec.Struct):
    type: Any = None
    event: Any = None
    userId: Any = None
    anonymousId: Any = None
    previousId: Any = None


_read = msgspec.json.Decoder(_Whose).decode
_read_text = msgspec.json.Decoder(str).decode


def as_sent(id: object) -> str:
    """Return an id as it stands in events."""
    return _read_text(encode_text(id))


def matcher(
    *,
    user_ids: frozenset[str] = frozenset(),
    anonymous_ids: frozenset[str] = frozenset(),
    category: str | None = None,
    category_of: Callable[[str], str],
) -> Callable[[bytes], bool]:
    """
    Return what says whether an event belongs to one of these people, and to this category. Without ids it is
    everybody's, without a category any.
    """
    either = user_ids | anonymous_ids

    def matches(event: bytes) -> bool:
        it = _read(event)
        if category is not None:
            name = str(it.event) if it.type == "track" else f"${it.type}"
            if category_of(name) != category:
                return False
        return not either or it.userId in user_ids or it.anonymousId in anonymous_ids or it.previousId in either

    return matches
