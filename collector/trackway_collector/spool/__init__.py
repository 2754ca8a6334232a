"""
The spool: an event answered 200 is in a file here, and that file has been fsynced.

It stands between `ingest`, which appends, and `loader`, which reads. The two are different processes and share
nothing but these files.

Directory
---------
One directory per ingest worker, `spool/<worker>/`:

    spool.json                    {"spool": "<worker>-<8 hex>"}: the name that rows carry, unique for ever
    writer.lock                   held (flock) by the one process that writes
    loader.lock                   held (flock) by the one process that loads
    00000000000000000001.seg …    segments, numbered upwards without gaps in meaning: a number is never used twice
    checkpoint.json               how far the loader is (written by the loader only, see `checkpoint`)

Segment
-------
    header   32 bytes   magic "TWSPOOL1" · u32 segment number · u32 zero · u64 created at (µs) · u32 crc32 · u32 zero
    block    repeated

Block: one group commit, that is all requests that arrived while the previous fsync ran.

    header   36 bytes   magic "TWBK" · u32 crc32 of the rest of the header and the payload
                        · u32 payload bytes · u32 bytes before compression · u32 events · u64 offset of the first event
                        · u64 committed at (µs)
    payload             LZ4 block of the records, end to end

Record: one request.

    u32 meta bytes · u32 body bytes · meta (JSON, see `record.Record`) · body as the client sent it, decompressed,
                                    without what the plan does not let be stored

All integers are little-endian. An *offset* counts events, not bytes: the n-th event of a segment has offset n, so that
(spool, segment, offset) names one event for ever, and rows can be counted against the spool.

Invariants
----------
* `append()` returns after fdatasync of the segment; a new segment's directory entry is fsynced before its first block.
* A failed write or fsync ends the segment: the kernel may have dropped the dirty pages, so a later fsync that succeeds
  proves nothing. What was being committed is refused, and the next commit opens a new segment.
* A writer never appends to a segment it did not create. A torn block at the end of a segment was never acknowledged.
* The loader calls fdatasync before it inserts what it read: nothing reaches the warehouse that the spool could forget.
* Segments are deleted by the loader only, after the checkpoint that passed them is fsynced and a grace period is over.
"""

from trackway_collector.spool.checkpoint import Checkpoint, Pending, load_checkpoint, save_checkpoint
from trackway_collector.spool.reader import Block, Chunk, SpoolReader
from trackway_collector.spool.record import EventVerdict, Record
from trackway_collector.spool.writer import SpoolWriter

__all__ = [
    "Block",
    "Checkpoint",
    "Chunk",
    "EventVerdict",
    "Pending",
    "Record",
    "SpoolReader",
    "SpoolWriter",
    "load_checkpoint",
    "save_checkpoint",
]
