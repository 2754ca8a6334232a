"""
The ids that this worker has taken lately, so that a client which sends an event again can be told.

It is a courtesy of the answer and decides nothing: every event goes to the spool, and the loader, through which the
events of all workers pass, sees to it that each is stored once within seven days.
"""

from __future__ import annotations

from collections.abc import Iterable

REMEMBERED = 100_000
"""Ids of one generation; there are two, some 15 MB. A client repeats within minutes."""


class RecentIds:
    """The latest ids, at least `remembered` of them and at most twice as many."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._newer: set[int] = set()
        self._older: set[int] = set()

    def repeated(self, source: str, message_ids: Iterable[str]) -> set[str]:
        """Return which of a request's ids an earlier request had; remember them all."""
        keys = {message_id: hash((source, message_id)) for message_id in message_ids}
        found = {message_id for message_id, key in keys.items() if key in self._newer or key in self._older}
        self._newer.update(keys.values())
        if len(self._newer) >= self._remembered:
            self._older, self._newer = self._newer, set()
        return found
