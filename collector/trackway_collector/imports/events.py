"""Rows to events as JSON, each with an id that follows from its row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from trackway_collector.imports.rows import Part, Refused, Row
from trackway_collector.mapping import EventMapping, Unmappable, record_id
from trackway_plan import Release

LIBRARY = "trackway-import"

_encode = msgspec.json.Encoder().encode
_anything = msgspec.json.Decoder()
_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError, ValueError)


class Made(list[bytes]):
    """The events of a part as JSON; `lines` says where each comes from."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []
        self.skipped = 0
        """Rows that the mapping says to leave out."""


class _Shaped(msgspec.Struct, gc=False):
    messageId: Any = None


_shaped = msgspec.json.Decoder(_Shaped)

MakeEvents = Callable[[Part], Made]


def as_they_are(part: Part) -> Made:
    """Take rows that are events already: Segment's JSON, a line each."""
    made = Made()
    for line, raw in part.rows:
        try:
            # One object, whole: two of them on one line must not become two events.
            event = raw if _shaped.decode(raw).messageId not in (None, "") else _with_id(raw)
        except _UNREADABLE as error:
            part.refused.append(Refused(line, _why(error)))
            continue
        made.append(event)
        made.lines.append(line)
    return made


def _with_id(raw: bytes) -> bytes:
    event = _anything.decode(raw)
    event["messageId"] = record_id(event)
    return _encode(event)


def mapped(mapping: EventMapping, release: Release | None) -> MakeEvents:
    """
    Return what makes events of rows by a mapping.

    Args:
        release: what the events are stamped with: the mapping is written for it, as a program would be.
    """
    context: dict[str, Any] = {"library": {"name": LIBRARY}}
    if release is not None:
        context["protocols"] = {"plan": release.name, "rev": release.rev, "hash": release.hash}

    def make(part: Part) -> Made:
        made = Made()
        for row in part.rows:
            try:
                event = mapping.event(_record(row))
                if event is None:
                    made.skipped += 1
                    continue
                own = event.get("context")
                event["context"] = {**context, **own} if isinstance(own, dict) else context
                made.append(_encode(event))
            except Unmappable as error:
                part.refused.append(Refused(row.line, str(error)))
                continue
            except _UNREADABLE as error:
                part.refused.append(Refused(row.line, _why(error)))
                continue
            made.lines.append(row.line)
        return made

    return make


def _record(row: Row) -> dict[str, Any]:
    if type(row.record) is dict:
        return row.record
    record = _anything.decode(row.record)
    if not isinstance(record, dict):
        message = "is JSON, and no object"
        raise Unmappable(message)
    return record


def _why(error: Exception) -> str:
    """What is wrong with a row, without what it holds."""
    if isinstance(error, UnicodeError):
        return "is not UTF-8 text"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if isinstance(error, msgspec.ValidationError):
        return "is JSON, and no object"
    return f"is not JSON: {error}" if isinstance(error, msgspec.DecodeError) else "holds what JSON cannot carry"
