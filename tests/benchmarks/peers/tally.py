"""
What a program has done so far, in a file that outlives it: after SIGKILL, too, the bench knows how many calls had
returned.
"""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SLOTS = 4
"""Processes of one program: itself and the workers it forks."""
_SLOT = struct.Struct("=qqdd")


@dataclass
class Slot:
    """One process of the program."""

    calls: int = 0
    """Calls of `track` that have come back."""
    raised: int = 0
    """Of them, those that raised."""
    longest_s: float = 0.0
    """The longest call."""
    ended_at: float = 0.0
    """`time.monotonic()` after the last call so far."""


class Tally:
    """Slot n is written by process n alone, so nothing is locked."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_SLOT.size * SLOTS))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def record(self, number: int, slot: Slot, call: Callable[[], None]) -> None:
        """Make one call for process `number`, and enter it when it has come back."""
        started = time.perf_counter()
        try:
            call()
        except Exception:
            slot.raised += 1
        slot.calls += 1
        slot.longest_s = max(slot.longest_s, time.perf_counter() - started)
        slot.ended_at = time.monotonic()
        at = number * _SLOT.size
        _SLOT.pack_into(self._map, at, slot.calls, slot.raised, slot.longest_s, slot.ended_at)

    def read(self) -> list[Slot]:
        """Return all slots; those of processes that did not track are empty."""
        return [Slot(*_SLOT.unpack_from(self._map, number * _SLOT.size)) for number in range(SLOTS)]
