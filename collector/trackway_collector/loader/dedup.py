"""
Which (source, messageId) have been stored in the last seven days.

A client that saw no answer sends its events again, perhaps grouped otherwise, perhaps to another worker. All of them
pass through the one loader, so it can know. The truth is the warehouse itself: at start the keys of the window are read
from `events` and `quarantine`; there is no second record that could disagree with it.

A key is the MD5 of source, NUL and messageId: 16 bytes. Sorted arrays of them take 16 bytes an id, 320 MB for 20
million; looking up a block is a binary search per array. Arrays are kept per day of receipt and a whole day is
forgotten when all of it is older than the window, so an id is remembered for at least seven days and less than nine.
The window follows the time of receipt: what waited in the spool is compared with what was received in the week before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW_DAYS = 7
KEY_BYTES = 16
_DAY_US = 86_400 * 1_000_000
# Arrays are merged with neighbours of their size up to this many keys: bigger ones cost more to merge than to search.
_MAX_RUN = 4_000_000
_MERGE_FACTOR = 4


def dedup_key(source: str, message_id: str) -> bytes:
    """Return the 16 bytes that stand for (source, messageId); the warehouse computes the same, see `seen_keys.sql`."""
    return hashlib.md5(f"{source}\0{message_id}".encode(), usedforsecurity=False).digest()


@dataclass(slots=True)
class _Run:
    """Sorted keys, as two 64-bit halves."""

    high: NDArray[np.uint64]
    low: NDArray[np.uint64]

    @classmethod
    def of(cls, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> _Run:
        order = np.argsort(high, kind="stable")
        return cls(high[order], low[order])

    def holds(self, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Say for each key whether it is here; the keys should be sorted, which spares the cache."""
        at = np.searchsorted(self.high, high)
        found = np.zeros(len(high), dtype=bool)
        # Two keys with the same upper half are next to each other; there is hardly ever a second step.
        candidates = np.flatnonzero((at < len(self.high)) & (self.high[np.minimum(at, len(self.high) - 1)] == high))
        while len(candidates):
            found[candidates] |= self.low[at[candidates]] == low[candidates]
            at[candidates] += 1
            inside = candidates[(at[candidates] < len(self.high)) & ~found[candidates]]
            candidates = inside[self.high[at[inside]] == high[inside]]
        return found


class SeenKeys:
    """The keys of the window. `add` what is being stored, then ask `seen`; not for several threads."""

    def __init__(self) -> None:
        self._days: dict[int, list[_Run]] = {}

    def __len__(self) -> int:
        return sum(len(run.high) for runs in self._days.values() for run in runs)

    def add(self, keys: Iterable[bytes], received_at_us: int) -> None:
        """Remember keys, each 16 bytes, as received at that time."""
        high, low = _halves(b"".join(keys))
        if not len(high):
            return
        runs = self._days.setdefault(received_at_us // _DAY_US, [])
        runs.append(_Run.of(high, low))
        while len(runs) > 1 and self._worth_merging(runs[-2], runs[-1]):
            newer, older = runs.pop(), runs.pop()
            runs.append(_Run.of(np.concatenate([older.high, newer.high]), np.concatenate([older.low, newer.low])))

    def seen(self, keys: Sequence[bytes]) -> list[bool]:
        """Say for each key whether it was added before; repetitions within `keys` are the caller's to see."""
        if not keys or not self._days:
            return [False] * len(keys)
        high, low = _halves(b"".join(keys))
        order = np.argsort(high, kind="stable")
        high, low = high[order], low[order]
        found = np.zeros(len(keys), dtype=bool)
        for runs in self._days.values():
            for run in runs:
                found |= run.holds(high, low)
        answer = np.empty(len(keys), dtype=bool)
        answer[order] = found
        return list(map(bool, answer))

    def forget_before(self, now_us: int) -> None:
        """Forget the days that lie wholly outside the window."""
        oldest = (now_us - WINDOW_DAYS * _DAY_US) // _DAY_US
        for day in [day for day in self._days if day < oldest]:
            del self._days[day]

    @staticmethod
    def _worth_merging(older: _Run, newer: _Run) -> bool:
        total = len(older.high) + len(newer.high)
        return total <= _MAX_RUN and len(older.high) <= _MERGE_FACTOR * len(newer.high)


def _halves(keys: bytes) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    halves = np.frombuffer(keys, dtype=">u8").astype(np.uint64).reshape(-1, 2)
    return halves[:, 0], halves[:, 1]
