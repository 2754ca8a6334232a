"""
An id that follows from the record: whoever sends it again, a provider or a second import, sends the same id.

Of chosen fields it is the same while they are the same, whatever else of the record changes; of the whole record, two
records that are alike in everything are one event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from trackway_collector.mapping.errors import Unmappable
from trackway_collector.mapping.paths import Path, getter, show_path

_canonical = msgspec.json.Encoder(order="sorted").encode


def record_id(record: Any) -> str:
    """Return the id of a record as a whole."""
    return _digest(record)


def id_of(paths: Sequence[Path]) -> Callable[[Any], str]:
    """Return the function that gives the id of the values at some paths."""
    fetch = [getter(path) for path in paths]
    names = ", ".join(f"`{show_path(path)}`" for path in paths)

    def give(record: Any) -> str:
        values = [get(record) for get in fetch]
        if all(value is None or value == "" for value in values):
            message = f"none of {names} is in the record, and the id is made of them"
            raise Unmappable(message, "messageId")
        return _digest(values)

    return give


def _digest(value: Any) -> str:
    try:
        data = _canonical(value)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError, UnicodeEncodeError) as error:
        raise Unmappable("the record holds what JSON cannot carry", "messageId") from error  # noqa: EM101
    return "sha256-" + hashlib.sha256(data).hexdigest()[:32]
