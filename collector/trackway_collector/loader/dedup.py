"""
Which (source, messageId) have been stored in the last seven days.

A client that saw no answer sends its events again, perhaps grouped otherwise, perhaps to another worker. All of them
pass through the one loader, so it can know. The truth is the warehouse itself: at start the keys of the window are read
from `events` and `quarantine`; there is no second record that could disagree with it.

A key is the MD5 of source, NUL and messageId: 16 bytes. Sorted arrays of them take 16 bytes an id, 320 MB for 20
million; a filter of 64 to 128 MB before them spares almost every new id the search. The answer is exact: whatever the
filter lets through is looked for in the arrays. Arrays are kept per day of receipt and a whole day is forgotten when
all of it is older than the window, so an id is remembered for at least seven days and less than nine. The window
follows the time of receipt: what waited in the spool is compared with what was received in the week before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackway_collector.loader.key_filter import Halves, KeyFilter

try:
    # CPython's own MD5 takes half the time of OpenSSL's for so few bytes.
    from _md5 import md5  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    from hashlib import md5

WINDOW_DAYS = 7
KEY_BYTES = 16
_DAY_US = 86_400 * 1_000_000
# An array is merged into the one before it when that is no larger, up to this many keys: so a key is moved as often as
# its array's size doubles, and there are few arrays a day. Larger ones cost more to merge than the few keys that the
# filter lets through cost to search for in two of them.
_MAX_RUN = 1_000_000


def dedup_key(source: str, message_id: str) -> bytes:
    """Return the 16 bytes that stand for (source, messageId); the warehouse computes the same, see `seen_keys.sql`."""
    digest: bytes = md5(f"{source}\0{message_id}".encode(), usedforsecurity=False).digest()
    return digest


@dataclass(slots=True)
class _Run:
    """Sorted keys, as two 64-bit halves."""

    high: NDArray[np.uint64]
    low: NDArray[np.uint64]

    @classmethod
    def of(cls, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> _Run:
        # "stable" is a merge of two sorted halves where that is what it is given.
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
        self._filter = KeyFilter()

    def __len__(self) -> int:
        return sum(len(run.high) for runs in self._days.values() for run in runs)

    @property
    def nbytes(self) -> int:
        """The memory of the keys and of the filter before them, in bytes."""
        keys = sum(run.high.nbytes + run.low.nbytes for runs in self._days.values() for run in runs)
        return keys + self._filter.nbytes

    def add(self, keys: Iterable[bytes], received_at_us: int) -> None:
        """Remember keys, each 16 bytes, as received at that time."""
        high, low = _halves(b"".join(keys))
        if not len(high):
            return
        self._filter.add(high, low)
        runs = self._days.setdefault(received_at_us // _DAY_US, [])
        runs.append(_Run.of(high, low))
        while len(runs) > 1 and _worth_merging(runs[-2], runs[-1]):
            newer, older = runs.pop(), runs.pop()
            runs.append(_Run.of(np.concatenate([older.high, newer.high]), np.concatenate([older.low, newer.low])))
        if self._filter.full:
            self._filter.rebuild(self._halves(), len(self))

    def seen(self, keys: Sequence[bytes]) -> list[bool]:
        """Say for each key whether it was added before; repetitions within `keys` are the caller's to see."""
        if not keys or not self._days:
            return [False] * len(keys)
        high, low = _halves(b"".join(keys))
        found = self._filter.may_hold(high, low)
        doubtful = np.flatnonzero(found)
        if len(doubtful):
            order = doubtful[np.argsort(high[doubtful])]
            found[order] = self._holds(high[order], low[order])
        answer: list[bool] = found.tolist()
        return answer

    def forget_before(self, now_us: int) -> None:
        """Forget the days that lie wholly outside the window."""
        oldest = (now_us - WINDOW_DAYS * _DAY_US) // _DAY_US
        passed = [day for day in self._days if day < oldest]
        for day in passed:
            del self._days[day]
        if passed:
            self._filter.rebuild(self._halves(), len(self))

    def _holds(self, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> NDArray[np.bool_]:
        found = np.zeros(len(high), dtype=bool)
        sought = np.arange(len(high))
        for runs in self._days.values():
            for run in runs:
                here = run.holds(high[sought], low[sought])
                found[sought[here]] = True
                sought = sought[~here]
        return found

    def _halves(self) -> Iterable[Halves]:
        return ((run.high, run.low) for runs in self._days.values() for run in runs)


def _worth_merging(older: _Run, newer: _Run) -> bool:
    return len(older.high) <= len(newer.high) and len(older.high) + len(newer.high) <= _MAX_RUN


def _halves(keys: bytes) -> Halves:
    halves = np.frombuffer(keys, dtype=">u8").astype(np.uint64).reshape(-1, 2)
    return np.ascontiguousarray(halves[:, 0]), np.ascontiguousarray(halves[:, 1])
