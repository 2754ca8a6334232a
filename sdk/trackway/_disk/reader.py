"""Reading segments: a log's, from a place on, some events at a time, whatever state the files are in."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from trackway._disk.layout import HEADER_BYTES, Header, is_newer, pack_record, parse, parse_done, unpack_header
from trackway._disk.locks import BINARY, NO_FOLLOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trackway._disk.layout import Record

log = logging.getLogger("trackway")

BLOCK_BYTES = 1024 * 1024
"""Read at a time; many times a record."""


@dataclass(slots=True)
class Stretch:
    """What one read of a segment brought."""

    records: list[Record] = field(default_factory=list)
    damaged: int = 0
    at: int = 0
    """Where the next read goes on."""
    ended: bool = False
    """The segment has nothing after that."""


def read_header(path: Path) -> Header | None:
    """
    Return a segment's header. A damaged one is replaced by the file's time: its records may still be good. None for a
    segment that a newer version wrote.

    Raises:
        OSError: it cannot be read.
    """
    data = _read(path, 0, HEADER_BYTES)
    if is_newer(data):
        return None
    return unpack_header(data) or Header(b"", 0, int(path.stat().st_mtime * 1000))


def read_done(path: Path) -> set[int]:
    """Return the numbers of a segment's records that need not be sent; none when there is no such file."""
    try:
        return parse_done(path.with_suffix(".done").read_bytes())
    except OSError:
        return set()


def read_records(path: Path, at: int, max_events: int, max_bytes: int) -> Stretch:
    """
    Return the next records of a segment. A file that cannot be read has ended, with one damaged place.
    """
    try:
        data = _read(path, at, BLOCK_BYTES)
    except OSError as error:
        log.warning("Could not read %s (%s); its events are lost.", path, type(error).__name__)
        return Stretch(damaged=1, at=at, ended=True)
    to_the_end = len(data) < BLOCK_BYTES
    parsed = parse(data, max_events, max_bytes, to_the_end=to_the_end)
    if parsed.damaged:
        log.warning("Stepped over %d damaged place(s) in %s, from byte %d on.", parsed.damaged, path, at)
    return Stretch(parsed.records, parsed.damaged, at + parsed.consumed, to_the_end and parsed.consumed == len(data))


def is_blank(event: bytes) -> bool:
    """Return whether an event was overwritten: nothing of it is left but its length."""
    return not event.strip()


def blank(path: Path, keep: Callable[[bytes], bool], gone: list[bytes]) -> Iterator[tuple[int, int]]:
    """
    Overwrite the events in a segment that `keep` says no to, and add them to `gone`; yields the number and the place of
    each. What they said is then no longer in the file, on the disk either.
    """
    try:
        if read_header(path) is None:
            return  # a newer version's; blanks might be damage there
        descriptor = os.open(path, os.O_RDWR | BINARY | NO_FOLLOW)
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("Could not open %s to delete events from it (%s).", path, type(error).__name__)
        return
    try:
        start, wrote = HEADER_BYTES, False
        while True:
            stretch = read_records(path, start, BLOCK_BYTES, BLOCK_BYTES)
            for record in stretch.records:
                if is_blank(record.event) or keep(record.event):
                    continue
                at = start + record.at
                os.lseek(descriptor, at, os.SEEK_SET)
                os.write(descriptor, pack_record(b" " * len(record.event), record.number, record.after_ms))
                gone.append(record.event)
                wrote = True
                yield record.number, at
            if stretch.ended or stretch.at == start:
                break
            start = stretch.at
        if wrote:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, at: int, size: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | BINARY | NO_FOLLOW)
    try:
        os.lseek(descriptor, at, os.SEEK_SET)
        data = os.read(descriptor, size)
        while 0 < len(data) < size and (more := os.read(descriptor, size - len(data))):  # a read may be short
            data += more
        return data
    finally:
        os.close(descriptor)
