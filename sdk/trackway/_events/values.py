"""
Python values to JSON, so that no value loses its event.

`docs/values.md` lists what becomes of each kind of value; a test runs every row of it. msgspec knows most kinds;
`_strange` takes what it does not know, `_plain` whole trees that it gives up on.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

import msgspec

MAX_DEPTH = 64
TOO_DEEP = "<nested too deep>"
MAX_ITEMS = 16_384
"""More do not fit into an event of 32 KiB; a `range` or an array of a billion is not written out to find that."""
TOO_MANY = "<too many items>"

log = logging.getLogger("trackway")
_reported: set[str] = set()


def encode_carefully(value: object) -> bytes:
    """Return the JSON of what `encode` refused: cycles, surrogates, dicts that other threads change."""
    return encode(_plain(value, MAX_DEPTH))


def _strange(value: Any) -> Any:
    """Return something msgspec can encode in place of a value it cannot; called in mid-encoding."""
    if isinstance(value, str):
        return str.__str__(value)  # not str(value): a subclass may have made that say something else
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, datetime):
        if value != value:  # pandas.NaT is a datetime, unequal to itself
            return None
        return datetime.fromisoformat(value.isoformat())
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, timedelta):
        return timedelta(value.days, value.seconds, value.microseconds)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set | Sequence):
        return list(value) if len(value) <= MAX_ITEMS else TOO_MANY
    return _by_manners(value)


def _by_manners(value: Any) -> Any:
    """Return what numpy, pandas, pydantic and the like offer as plain Python; else text."""
    if isinstance(value, type):
        return as_text(value)
    if type(value).__name__ == "NAType":  # pandas.NA, which has no methods to know it by
        return None
    size = getattr(value, "size", 0)
    if isinstance(size, int) and size > MAX_ITEMS:
        return TOO_MANY
    if callable(getattr(value, "iterrows", None)):
        return value.to_dict("records")
    for method in ("model_dump", "tolist", "item", "to_pydatetime"):
        convert = getattr(value, method, None)
        if callable(convert):
            plain = convert()
            if type(plain) is not type(value):
                return plain
    if hasattr(value, "__len__") and hasattr(value, "__iter__"):
        return list(value) if len(value) <= MAX_ITEMS else TOO_MANY
    return as_text(value)


def as_text(value: object) -> str:
    """Return `str(value)`, or its type's name where that fails; says once per type that it did."""
    kind = type(value).__name__
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        text = str(value)
    except Exception:
        text = f"<{kind}>"
    if kind not in _reported and type(value) is not int and len(_reported) < 1000:
        _reported.add(kind)
        # The type's name and never the value: values may be personal data.
        log.warning("A value of type %s was sent as text; convert it where it is tracked.", kind)
    return text


def _plain(value: Any, depth: int) -> Any:
    """
    Return a copy made of dict, list and values that msgspec encodes, for trees it has refused as a whole.
    """
    if depth == 0:
        return TOO_DEEP
    if isinstance(value, str):
        return mended(value)
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return msgspec.Raw(str(int(value)).encode())
        except ValueError:  # more digits than sys.get_int_max_str_digits()
            return "<int too long>"
    if isinstance(value, Mapping):
        # dict() first, in C: another thread may be adding keys.
        return {_key(key): _plain(item, depth - 1) for key, item in dict(value).items()}
    if isinstance(value, list | tuple | Set):
        return [_plain(item, depth - 1) for item in list(value)]
    try:
        encode(value)
    except Exception:
        replacement = _last_resort(value)
        return replacement if isinstance(replacement, str) else _plain(replacement, depth - 1)
    return value


def _last_resort(value: Any) -> Any:
    try:
        return msgspec.to_builtins(value, enc_hook=_strange)
    except Exception:
        return f"<{type(value).__name__}>"


def _key(key: object) -> str:
    return mended(key) if isinstance(key, str) else as_text(key)


def mended(text: str) -> str:
    """Return the text without lone surrogates, which UTF-8 cannot carry: U+FFFD stands in their place."""
    # Over UTF-16, so that two surrogates that make a character become it, and only lone ones are replaced.
    return str.__str__(text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


encode = msgspec.json.Encoder(enc_hook=_strange).encode
"""One value to JSON bytes; raises what msgspec raises. `encode_carefully` gets through."""
