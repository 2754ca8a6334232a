"""
Batches that strict JSON refuses because of single values in single events.

Clients in use send them: Python's own `json.dumps` writes NaN and lone surrogates without a word, and text cut in the
middle of a character is no UTF-8. A forgiving reader takes the batch apart; an event without such values is written
again as it was, an event with one becomes a JSON string of its text, which is judged undecodable and quarantined.
"""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

_UNREADABLE = (ValueError, TypeError, RecursionError)


class _NoNumber(str):
    """NaN, Infinity, or a number beyond all bounds; kept as the text it was."""

    __slots__ = ()


_CONSTANTS = {name: _NoNumber(name) for name in ("NaN", "Infinity", "-Infinity")}


def batch(body: bytes, most_events: int) -> bytes | None:
    """
    Return the batch with its unreadable events as JSON strings, or None when even the forgiving reader gives up.

    Of a batch with more than `most_events`, which will be refused, only their number is kept: writing them again would
    be work that a stranger can ask for.
    """
    read = envelope(body)
    if read is None:
        return None
    try:
        items = read.pop("batch")
        events = [msgspec.Raw(_event(item)) for item in items] if len(items) <= most_events else [0] * len(items)
        return msgspec.json.encode(
            {name: msgspec.Raw(_event(value)) for name, value in read.items()} | {"batch": events}
        )
    except _UNREADABLE:
        return None


def envelope(body: bytes) -> dict[str, Any] | None:
    """Return what the forgiving reader makes of a batch, or None when it gives up."""
    try:
        read = _read(body)
    except _UNREADABLE:
        return None
    return read if isinstance(read, dict) and isinstance(read.get("batch"), list) else None


def event(body: bytes, *, rewrite: bool = False) -> bytes | None:
    """
    Return one undecodable event as a JSON string of its text, or None when even the forgiving reader gives up.

    With `rewrite` the text is what the reader understood, in JSON that can be taken apart again.
    """
    try:
        value = _read(body)
    except _UNREADABLE:
        return None
    if rewrite:
        return msgspec.json.encode(json.dumps(value, ensure_ascii=True))
    return msgspec.json.encode(body.decode("utf-8", "backslashreplace"))


def _event(value: Any) -> bytes:
    if not _is_plain(value):
        return msgspec.json.encode(json.dumps(value, ensure_ascii=True))
    return msgspec.json.encode(value)


def _read(body: bytes) -> Any:
    text = body.decode("utf-8", "surrogateescape")
    return json.loads(text, parse_constant=_CONSTANTS.__getitem__, parse_float=_float)


def _float(text: str) -> float | _NoNumber:
    number = float(text)
    return number if math.isfinite(number) else _NoNumber(text)


def _is_plain(value: Any) -> bool:
    """Say whether a value can be written as strict JSON."""
    if isinstance(value, _NoNumber):
        return False
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return True
