"""
A Bloom filter in front of the exact keys: it says of almost every new key that it is new.

Each key has one 64-bit word, chosen by its upper half, and four bits in it, chosen by its lower half; keys are MD5, so
the halves are as good as random. Asking costs one visit to memory a key, 15 ns in numpy, where the search through the
sorted arrays costs a microsecond. With three keys a word, the fullest it gets, one new key in 300 is let through to
that search; a key that was added always is. 21 bits a key, rounded up to a power of two.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_KEYS_PER_WORD = 3
_LEAST_WORD_BITS = 12

_ONE = np.uint64(1)
_SIX_BITS = np.uint64(63)
_SHIFTS = tuple(np.uint64(shift) for shift in (0, 6, 12, 18))

Halves = tuple[NDArray[np.uint64], NDArray[np.uint64]]
"""The upper and the lower 64 bits of some keys."""


class KeyFilter:
    """Says which keys were certainly never added. It forgets nothing, only `rebuild` does."""

    def __init__(self) -> None:
        self.rebuild((), 0)

    def rebuild(self, keys: Iterable[Halves], expected: int) -> None:
        """Hold exactly these keys, with room for twice as many as are expected."""
        self._word_bits = max(_LEAST_WORD_BITS, (2 * expected // _KEYS_PER_WORD).bit_length())
        self._words = np.zeros(1 << self._word_bits, dtype=np.uint64)
        self._keys = 0
        for high, low in keys:
            self.add(high, low)

    @property
    def full(self) -> bool:
        """Whether it holds more keys than it can tell apart well, and should be rebuilt."""
        return self._keys > _KEYS_PER_WORD * len(self._words)

    @property
    def nbytes(self) -> int:
        """Its memory in bytes."""
        return self._words.nbytes

    def add(self, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> None:
        """Add keys."""
        # `.at`, because several of these keys may share a word.
        np.bitwise_or.at(self._words, self._places(high), _bits(low))
        self._keys += len(high)

    def may_hold(self, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Say for each key whether it may have been added; False is certain."""
        bits = _bits(low)
        answer: NDArray[np.bool_] = (self._words[self._places(high)] & bits) == bits
        return answer

    def _places(self, high: NDArray[np.uint64]) -> NDArray[np.intp]:
        return (high >> np.uint64(64 - self._word_bits)).astype(np.intp)


def _bits(low: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = np.zeros_like(low)
    for shift in _SHIFTS:
        bits |= _ONE << ((low >> shift) & _SIX_BITS)
    return bits
