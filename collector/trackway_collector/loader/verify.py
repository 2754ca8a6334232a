"""Count the warehouse against the spool: the proof, for every segment still here, that nothing is lost or doubled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trackway_collector.loader.delivery import sql_text
from trackway_collector.outcomes import Outcome
from trackway_collector.spool import SpoolReader, load_checkpoint
from trackway_collector.spool.layout import segment_numbers, spool_name
from trackway_collector.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class SegmentCount:
    """What one segment holds and what the warehouse has of it."""

    spool: str
    segment: int
    spooled: int
    """Events in the segment, before the checkpoint, that were not rejected."""
    stored: int
    quarantined: int
    duplicates: int

    @property
    def missing(self) -> int:
        """Events that are in neither table and no duplicates; negative when the warehouse has too many."""
        return self.spooled - self.stored - self.quarantined - self.duplicates


def verify(warehouse: Warehouse, spool_dir: Path) -> list[SegmentCount]:
    """
    Return the counts of every segment that is still in the spool, as far as it is loaded.

    Raises:
        WarehouseError: the warehouse cannot be asked.
    """
    counts = []
    for directory in sorted(path.parent for path in spool_dir.glob("*/spool.json")):
        name = spool_name(directory)
        checkpoint = load_checkpoint(directory)
        for segment in segment_numbers(directory):
            # The store may be loading while we count: only what lies before the checkpoint is compared.
            end = None if segment < checkpoint.segment else checkpoint.byte if segment == checkpoint.segment else 0
            spooled, last = _spooled(directory, segment, end)
            params = {"spool": name, "segment": segment, "last": last}
            ((stored, quarantined, duplicates),) = warehouse.query(sql_text("stored_in_segment"), params).rows
            counts.append(SegmentCount(name, segment, spooled, stored, quarantined, duplicates))
    return counts


def _spooled(directory: Path, segment: int, end: int | None) -> tuple[int, int]:
    """Return how many events lie before the byte `end`, rejected ones left out, and the offset behind the last."""
    reader = SpoolReader(directory)
    events, last, byte = 0, 0, 0
    while end is None or byte < end:
        chunk = reader.read(segment, byte, max_events=100_000, to_byte=end)
        if chunk is None or chunk.segment != segment:
            break
        for block in chunk.blocks:
            for record, _ in block.records():
                rejected = sum(v.outcome == Outcome.REJECTED for v in record.exceptions.values())
                events += record.events - rejected
        byte, last = chunk.to_byte, chunk.last_offset
    return events, last
