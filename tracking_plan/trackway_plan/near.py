"""Near matches for names somebody may have meant, for messages of the loader and of the validator."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable

LONGEST = 120
"""Longer names are not compared: difflib takes quadratic time, and names come from clients."""


def near(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that is most like `name`, ignoring case, or None if none is."""
    if len(name) > LONGEST:
        return None
    by_key = {key.casefold(): key for key in known}
    found = difflib.get_close_matches(name.casefold(), by_key, n=1, cutoff=0.6)
    return by_key[found[0]] if found else None


class NearNames:
    """Near matches among many names: only the ten that share most pairs of letters are compared closely."""

    def __init__(self, known: Iterable[str]) -> None:
        self._by_pair: dict[str, list[str]] = {}
        for name in known:
            for pair in _pairs(name):
                self._by_pair.setdefault(pair, []).append(name)

    def did_you_mean(self, name: str) -> str:
        """As the function of this name."""
        if len(name) > LONGEST:
            return ""
        shared = Counter(other for pair in _pairs(name) for other in self._by_pair.get(pair, ()))
        return did_you_mean(name, (other for other, _ in shared.most_common(10)))


def _pairs(name: str) -> set[str]:
    key = f" {name.casefold()} "
    return {key[i : i + 2] for i in range(len(key) - 1)}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean `x`?` with a leading space, or nothing."""
    match = near(name, known)
    return f" Did you mean `{match}`?" if match else ""


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names as `a, b, c`, cut after `most` with a count of what is left out."""
    every = list(names)
    shown = ", ".join(every[:most])
    return f"{shown}, … ({len(every) - most} more)" if len(every) > most else shown
