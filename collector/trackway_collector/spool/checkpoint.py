"""
How far the loader is in one spool, in one small file that is replaced and fsynced.

Before a block is inserted for the first time, its exact range is written here as `pending`. A loader that starts and
finds a pending range does not know whether that insert happened: it counts the rows in the warehouse and inserts what
is missing (see `loader.loop`). Only when all of the range is in does the position move.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from trackway_collector.errors import SpoolCorrupt
from trackway_collector.spool.layout import write_durably

FILE_NAME = "checkpoint.json"


class Pending(msgspec.Struct, frozen=True):
    """A range whose insert was begun and is not known to be complete."""

    segment: int
    first_offset: int
    last_offset: int
    from_byte: int
    to_byte: int


class Checkpoint(msgspec.Struct, frozen=True):
    """Everything before this position is in the warehouse."""

    segment: int = 0
    """The segment that holds the next block to load; 0 before the first segment was opened."""
    byte: int = 0
    """Where in the segment that block begins."""
    pending: Pending | None = None


def load_checkpoint(directory: Path) -> Checkpoint:
    """
    Return the checkpoint of a spool; a new spool's stands before its first segment.

    Raises:
        SpoolCorrupt: the file is there and cannot be read. Loading from the beginning again would be safe but slow,
            so a person decides.
    """
    path = directory / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Checkpoint)
    except FileNotFoundError:
        return Checkpoint()
    except msgspec.DecodeError as error:
        message = (
            f"{path}: is not a checkpoint: {error}.\n"
            "  Delete the file to load the segments that are still here again; events that are in the warehouse"
            " already are recognised by their id and are not stored twice."
        )
        raise SpoolCorrupt(message) from error


def save_checkpoint(directory: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint; it is durable on return."""
    write_durably(directory / FILE_NAME, msgspec.json.encode(checkpoint))
