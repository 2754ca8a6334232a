"""
The bytes of a segment and of its `.done` file. Pure: nothing here opens a file.

    segment   header, then records
    header    "TWQ1", boot id (16), uptime at creation (ms, 8), wall clock at creation (ms, 8), crc32 (4)
    record    1E "TWE", crc32 (4) of the rest, length (4), number in the segment (4), ms since creation (4), event
    done      entries: first number (4), last number (4), crc32 (4)

Integers are little-endian. A record begins with a control character, which JSON never holds unescaped: after damage the
next record is found by looking for the mark, and its checksum says whether it is one.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

MAGIC = b"TWQ"
VERSION = b"1"
MARK = b"\x1eTWE"
LARGEST_EVENT = 64 * 1024
"""Bytes. The tracker's limit is half of this; a length beyond it is damage."""

_HEADER = struct.Struct("<4s16sQQI")
_FRONT = struct.Struct("<4sI")
_BODY = struct.Struct("<III")
_DONE = struct.Struct("<III")
HEADER_BYTES = _HEADER.size
RECORD_BYTES = _FRONT.size + _BODY.size
"""What a record takes beside its event."""

_FILE = re.compile(r"(?P<log>[0-9A-Za-z-]+)\.(?:lock|(?P<number>\d{8})\.(?:events|done))")


class Header(NamedTuple):
    """When and in which run of the machine a segment was created."""

    boot: bytes
    uptime_ms: int
    wall_ms: int


class Record(NamedTuple):
    """One event, as it was read."""

    number: int
    after_ms: int
    """Milliseconds from the segment's creation to the event."""
    event: bytes
    at: int
    """Where the record starts in what was parsed."""


@dataclass(slots=True)
class Parsed:
    """What a stretch of a segment holds."""

    records: list[Record]
    consumed: int
    """Bytes from the start of the stretch that need not be read again."""
    damaged: int
    """Places that held no record; each was one event or more."""


def pack_header(header: Header) -> bytes:
    """Return the first bytes of a segment."""
    front = _HEADER.pack(MAGIC + VERSION, header.boot, header.uptime_ms, header.wall_ms, 0)[:-4]
    return front + crc32(front).to_bytes(4, "little")


def unpack_header(data: bytes) -> Header | None:
    """Return the header at the start of a segment; None for a damaged one."""
    if len(data) < HEADER_BYTES:
        return None
    _, boot, uptime_ms, wall_ms, checksum = _HEADER.unpack_from(data)
    if not data.startswith(MAGIC + VERSION) or crc32(data[: HEADER_BYTES - 4]) != checksum:
        return None
    return Header(boot, uptime_ms, wall_ms)


def is_newer(data: bytes) -> bool:
    """Return whether a segment is whole and of a format that this version does not know."""
    return data.startswith(MAGIC) and data[len(MAGIC) : len(MAGIC) + 1].isdigit() and data[len(MAGIC) : 4] != VERSION


def pack_record(event: bytes, number: int, after_ms: int) -> bytes:
    """Return an event as it is appended to a segment."""
    body = _BODY.pack(len(event), number, after_ms) + event
    return _FRONT.pack(MARK, crc32(body)) + body


def parse(data: bytes, max_events: int, max_bytes: int, *, to_the_end: bool) -> Parsed:
    """
    Return the records at the start of `data`, at most so many with at most so many bytes of events (but one).

    `to_the_end` says that nothing follows `data`: a record that is cut off there will never be whole.
    """
    found = Parsed([], 0, 0)
    at, size, sound = 0, 0, True
    while len(found.records) < max_events and (not found.records or size < max_bytes):
        mark = data.find(MARK, at)
        if mark != at:
            if at < len(data):  # something else stands here, up to the next mark if there is one
                found.damaged += sound
                sound = False
            at = mark if mark >= 0 else (len(data) if to_the_end else max(at, len(data) - len(MARK) + 1))
            if mark < 0:
                break
        record = _record(data, at)
        if record is None:
            if not to_the_end and len(data) - at < RECORD_BYTES + LARGEST_EVENT:
                break  # it may go on in what has not been read
            found.damaged += sound
            sound = False
            at += 1
            continue
        found.records.append(record)
        size += len(record.event)
        at += RECORD_BYTES + len(record.event)
        sound = True
    found.consumed = at
    return found


def _record(data: bytes, at: int) -> Record | None:
    """Return the record whose mark stands at `at`; None when it is cut off or its checksum is wrong."""
    start = at + _FRONT.size
    if start + _BODY.size > len(data):
        return None
    length, number, after_ms = _BODY.unpack_from(data, start)
    end = start + _BODY.size + length
    if length > LARGEST_EVENT or end > len(data):
        return None
    body = data[start:end]
    if crc32(body).to_bytes(4, "little") != data[at + len(MARK) : start]:
        return None
    return Record(number, after_ms, body[_BODY.size :], at)


def pack_done(first: int, last: int) -> bytes:
    """Return an entry that says: the records numbered `first` to `last` need not be sent any longer."""
    front = _DONE.pack(first, last, 0)[:-4]
    return front + crc32(front).to_bytes(4, "little")


def parse_done(data: bytes) -> set[int]:
    """Return the numbers of a `.done` file; entries that are damaged or cut off count for nothing."""
    numbers: set[int] = set()
    at = 0
    while at + _DONE.size <= len(data):
        first, last, checksum = _DONE.unpack_from(data, at)
        if crc32(data[at : at + 8]) == checksum and first <= last:
            numbers.update(range(first, last + 1))
            at += _DONE.size
        else:
            at += 1
    return numbers


def segment_name(log: str, number: int) -> str:
    """Return the file name of a segment."""
    return f"{log}.{number:08d}.events"


def lock_name(log: str) -> str:
    """Return the file name of a log's lock."""
    return f"{log}.lock"


def log_of(name: str) -> str | None:
    """Return the log that a file belongs to; None for a file that is not ours."""
    found = _FILE.fullmatch(name)
    return found["log"] if found else None
