"""
The arguments that are not values: ids, names and moments. `docs/values.md` lists what becomes of wrong ones; nothing
here raises on them but `Refused`.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from enum import Enum
from numbers import Real
from typing import Any
from uuid import UUID

from trackway._books import Dropped
from trackway._events.stamps import ID_END, ID_START
from trackway._events.values import as_text, encode, mended

MAX_MESSAGE_ID = 100
"""Characters; the collector's limit."""

_NO_TEXT: Any = object.__str__

_SECONDS = (100_000_000, 9_214_646_400)
"""As Unix time: 1973 to 2261. The same in milliseconds overlaps with it nowhere."""


class Refused(Exception):
    """This event cannot be sent; `reason` goes into the books. Never leaves the package."""

    def __init__(self, reason: Dropped, event: bytes | None = None) -> None:
        self.reason = reason
        self.event = event
        """What would have been sent; None when it was refused before it was made."""


def is_given(value: Any) -> bool:
    """
    Return whether an id is one: a text that is not empty, a number, or what has a text of its own, as a UUID has.

    None and NaN, NaT and NA, which stand for what is missing in a table, are none; nor are True, a dict or an object
    without `__str__`. Sent as text they would make one person of all who have no id.
    """
    kind = type(value)
    if kind is str:
        return bool(value != "")
    if kind is int:
        return True
    if value is None or kind is bool:
        return False
    try:
        if isinstance(value, Enum):
            return is_given(value.value)
        if isinstance(value, str | bytes | bytearray):
            return len(value) > 0
        if isinstance(value, float):
            return math.isfinite(value)
        if isinstance(value, int):
            return True
        own_text = kind.__str__ is not _NO_TEXT and not hasattr(kind, "__len__")
        return own_text and bool(value == value) and kind.__name__ not in ("bool", "bool_")
    except Exception:  # pandas.NA is neither equal nor unequal to anything
        return False


def text(value: Any) -> str:
    """
    Return an id or a name as text: an Enum's value, bytes as UTF-8, and 7.0, which pandas makes of 7 in a column with
    gaps, as "7". Without lone surrogates.
    """
    if isinstance(value, str):
        return mended(value)
    if isinstance(value, Enum):
        return text(value.value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "backslashreplace")
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        item = value.item()
        if isinstance(item, int | float | str | bytes):
            value = item
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, UUID) else mended(as_text(value))


def encode_text(value: object) -> bytes:
    """Return the JSON string of an id or a name; ids that are numbers become text, as every Segment server expects."""
    if type(value) is str:
        try:
            return encode(value)
        except UnicodeEncodeError:
            pass
    return encode(text(value))


def name(value: object) -> str:
    """Return the name of an event, page or screen as text; None and NaN are no name, as "" is none."""
    if type(value) is str:
        return value
    if value is None or (isinstance(value, float) and value != value):
        return ""
    return text(value)


def own_stamp(stamp: bytes, message_id: object, timestamp: object) -> tuple[bytes, str]:
    """
    Return the stamp of an event with the caller's own message id and timestamp in place of ours, where they are given,
    and the message id.

    Raises:
        Refused: the message id is over 100 characters; cutting it could make two events one.
    """
    # "" as everybody's id would make all but one of the events repetitions.
    own_id = text(message_id) if is_given(message_id) else stamp[ID_START:ID_END].decode()
    if len(own_id) > MAX_MESSAGE_ID:
        raise Refused(Dropped.BAD_MESSAGE_ID)
    at = moment(timestamp)
    if at is None:
        return b'"messageId":%b%b' % (encode(own_id), stamp[ID_END + 1 :]), own_id
    return b'"messageId":%b,"timestamp":%b' % (encode(own_id), encode(at)), own_id


def moment(value: Any) -> str | None:
    """
    Return a moment as text, None when there is none.

    A `datetime` becomes RFC 3339 UTC with microseconds (without a zone it is taken as UTC), a number is Unix time in
    seconds or milliseconds. Text goes as it is, and so does the text of anything else: the collector flags what it
    cannot read, and takes the time of receipt.
    """
    if not is_given(value):
        return None
    if isinstance(value, datetime):
        return _utc(value)
    if isinstance(value, Real):
        number: Any = value
        for unit in (1, 1000):
            if _SECONDS[0] * unit <= number <= _SECONDS[1] * unit:
                return _utc(datetime.fromtimestamp(float(number) / unit, UTC))
    if isinstance(value, date):
        return _utc(datetime.combine(value, time(), UTC))
    return text(value)


def _utc(at: datetime) -> str:
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    try:
        return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    except OverflowError:  # within a day of year 1 or 9999: the offset cannot be taken off
        return at.isoformat(timespec="microseconds")
