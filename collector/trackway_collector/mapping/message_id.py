"""
An id that follows from the record: whoever sends it again, a provider or a second import, sends the same id.

Of chosen fields it is the same while they are the same, whatever else of the record changes; of the whole record, two
records that are alike in everything are one event. The event's type and name are part of it: one row may well stand for
two events, by two mappings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from trackway_collector.mapping.errors import Unmappable
from trackway_collector.mapping.paths import Path, getter, show_path

_canonical = msgspec.json.Encoder(order="sorted").encode


class IdOf(NamedTuple):
    """What an id is made of."""

    value: Any


def record_id(record: Any, kind: str = "", name: str = "") -> str:
    """
    Return the id of a record, or of some values of it, as an event of this type and name.

    Raises:
        Unmappable: the record holds what JSON cannot carry.
    """
    try:
        data = _canonical((kind, name, record))
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        message = "the record holds what JSON cannot carry"
        raise Unmappable(message) from error
    return "sha256-" + hashlib.sha256(data).hexdigest()[:32]


def id_of(paths: Sequence[Path]) -> Callable[[Any], IdOf]:
    """Return the function that gives what the id is made of: the values at some paths."""
    fetch = [getter(path) for path in paths]
    names = ", ".join(f"`{show_path(path)}`" for path in paths)

    def give(record: Any) -> IdOf:
        values = [get(record) for get in fetch]
        if all(value is None or value == "" for value in values):
            message = f"none of {names} is in the record, and the id is made of them"
            raise Unmappable(message)
        return IdOf(values)

    return give
