"""Read a spool from a position on: whole blocks only, in order, fsynced before they are handed out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trackway_collector.spool.layout import (
    BLOCK_HEADER,
    BLOCK_MAGIC,
    SEGMENT_HEADER,
    BlockHeader,
    block_is_whole,
    segment_numbers,
    segment_path,
    sync_data,
    unpack_block_header,
    unpack_records,
)
from trackway_collector.spool.record import Record, decode_record

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Block:
    """One group commit as read back."""

    header: BlockHeader
    payload: bytes

    def records(self) -> Iterator[tuple[Record, bytes]]:
        """Yield each record with its body."""
        for meta, body in unpack_records(self.header, self.payload):
            yield decode_record(meta), body


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive blocks of one segment: what the loader inserts at once."""

    segment: int
    from_byte: int
    to_byte: int
    blocks: tuple[Block, ...]

    @property
    def first_offset(self) -> int:
        """The offset of the first event."""
        return self.blocks[0].header.first_offset

    @property
    def last_offset(self) -> int:
        """The offset behind the last event."""
        last = self.blocks[-1].header
        return last.first_offset + last.events

    @property
    def events(self) -> int:
        """How many events the blocks hold; 0 when they only hold a writer's probe."""
        return sum(block.header.events for block in self.blocks)

    @property
    def committed_at_us(self) -> int:
        """When the oldest of the blocks was committed."""
        return self.blocks[0].header.committed_at_us

    def received_from_us(self) -> int:
        """Return the earliest time of receipt of the chunk's events; it decompresses the blocks to find out."""
        return min(record.received_at_us for block in self.blocks for record, _ in block.records())


class SpoolReader:
    """Reads one spool directory; it never writes there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.corrupt_bytes = 0
        """Bytes inside segments that no longer match their checksum; events were lost to the disk if this grows."""

    def read(
        self, segment: int, byte: int, *, max_events: int, max_bytes: int | None = None, to_byte: int | None = None
    ) -> Chunk | None:
        """
        Return the next blocks at or after (segment, byte); None when there are none yet.

        They end with the block that reaches `max_events` or, decompressed, `max_bytes`.

        With `to_byte` exactly the blocks before that position are returned: a range frozen earlier is read again.
        """
        while True:
            number = self._segment_at(segment)
            if number is None:
                return None
            start = byte if number == segment and byte else SEGMENT_HEADER.size
            chunk = self._read_segment(number, start, max_events, max_bytes, to_byte)
            if chunk is not None:
                return chunk
            if not self._is_closed(number):
                return None
            # The writer may have finished this segment between the read and the look at the directory.
            chunk = self._read_segment(number, start, max_events, max_bytes, to_byte)
            if chunk is not None:
                return chunk
            segment, byte, to_byte = number + 1, 0, None

    def waiting_bytes(self, segment: int, byte: int) -> int:
        """Return how many bytes of blocks, whole or not, lie at or after a position."""
        waiting = 0
        for number in segment_numbers(self.directory):
            if number >= segment:
                start = byte if number == segment and byte else SEGMENT_HEADER.size
                waiting += max(0, segment_path(self.directory, number).stat().st_size - start)
        return waiting

    def peek(self, segment: int, byte: int) -> int | None:
        """Return when the next block was committed, in µs since 1970, without reading it; None when there is none."""
        number = self._segment_at(segment)
        while number is not None:
            start = byte if number == segment and byte else SEGMENT_HEADER.size
            with segment_path(self.directory, number).open("rb") as file:
                file.seek(start)
                header = unpack_block_header(file.read(BLOCK_HEADER.size))
            if header is not None:
                return header.committed_at_us
            number = self._segment_at(number + 1)
        return None

    def _segment_at(self, segment: int) -> int | None:
        return next((n for n in segment_numbers(self.directory) if n >= segment), None)

    def _is_closed(self, segment: int) -> bool:
        return any(n > segment for n in segment_numbers(self.directory))

    def _read_segment(
        self, segment: int, start: int, max_events: int, max_bytes: int | None, to_byte: int | None
    ) -> Chunk | None:
        blocks: list[Block] = []
        events = raw_bytes = 0
        with segment_path(self.directory, segment).open("rb") as file:
            at = start
            while (
                events < max_events
                and (max_bytes is None or raw_bytes < max_bytes)
                and (to_byte is None or at < to_byte)
            ):
                found = _read_block(file, at)
                if found is None:
                    if blocks:
                        break
                    skipped_to = _find_block(file, at + 1)
                    if skipped_to is None:
                        return None
                    if _read_block(file, at) is not None:
                        continue  # the writer was in the middle of it, and has written the next one meanwhile
                    self._report_corruption(segment, at, skipped_to)
                    at = start = skipped_to
                    continue
                blocks.append(found)
                events += found.header.events
                raw_bytes += found.header.raw_bytes
                at += BLOCK_HEADER.size + found.header.payload_bytes
            if not blocks:
                return None
            # The writer may be between write() and its fsync; see the package's invariants.
            sync_data(file.fileno())
        return Chunk(segment, start, at, tuple(blocks))

    def _report_corruption(self, segment: int, from_byte: int, to_byte: int) -> None:
        self.corrupt_bytes += to_byte - from_byte
        logger.error(
            "%s: bytes %d to %d do not match their checksum and are skipped: the disk lost acknowledged events."
            " Keep the file for recovery and check the disk.",
            segment_path(self.directory, segment),
            from_byte,
            to_byte,
        )


def _read_block(file: IO[bytes], at: int) -> Block | None:
    file.seek(at)
    head = file.read(BLOCK_HEADER.size)
    header = unpack_block_header(head)
    if header is None:
        return None
    payload = file.read(header.payload_bytes)
    return Block(header, payload) if block_is_whole(head, header, payload) else None


def _find_block(file: IO[bytes], start: int) -> int | None:
    """Return where the next whole block at or after `start` begins."""
    file.seek(start)
    data = file.read()
    at = data.find(BLOCK_MAGIC)
    while at >= 0:
        header = unpack_block_header(data, at)
        if header is not None:
            body = at + BLOCK_HEADER.size
            if block_is_whole(data[at:body], header, data[body : body + header.payload_bytes]):
                return start + at
        at = data.find(BLOCK_MAGIC, at + 1)
    return None
