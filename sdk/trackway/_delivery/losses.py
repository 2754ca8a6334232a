"""
Reports of what was lost before it could be sent, so that losses show up at the collector, too. Pure.

A report is frozen when a batch takes it along, and travels, with its own id, on every request from then on until one
that carried it is answered 200. What is lost meanwhile waits for the next report. So each loss is in exactly one
report, and a collector that remembers the ids it has seen counts a report once, however often the answer is lost.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from trackway._books import Dropped

if TYPE_CHECKING:
    from collections.abc import Mapping


class LossReport(msgspec.Struct, frozen=True):
    """How many events were lost since the report before, by reason."""

    id: str
    """Random for the process, and numbered within it."""
    events: tuple[tuple[str, int], ...]

    def members(self) -> bytes:
        """Return `"losses":[…],"lossesId":"…",`, members of a batch's envelope."""
        losses = ",".join(f'{{"reason":"{reason}","events":{events}}}' for reason, events in self.events)
        return f'"losses":[{losses}],"lossesId":"{self.id}",'.encode()


class LossReports:
    """Makes one report after the other from what the books count as dropped."""

    def __init__(self, dropped: Mapping[str, int], process: str | None = None) -> None:
        self._dropped = dropped
        self._process = os.urandom(8).hex() if process is None else process
        self._number = 0
        self._told: Counter[str] = Counter()
        self._open: LossReport | None = None

    def due(self) -> LossReport | None:
        """Return the report that the next request takes along: the one that waits for its 200, else a new one."""
        if self._open is None and (fresh := self._fresh()):
            self._number += 1
            self._open = LossReport(f"{self._process}-{self._number}", fresh)
        return self._open

    def acked(self, report: LossReport | None) -> None:
        """Enter that a request with this report was answered 200."""
        if report is not None and report is self._open:
            self._told.update(dict(report.events))
            self._open = None

    def _fresh(self) -> tuple[tuple[str, int], ...]:
        told = self._told
        return tuple(
            (str(reason), count - told[reason])
            for reason, count in self._dropped.items()
            if count > told[reason] and not Dropped(reason).asked_for
        )
