"""The spools under one directory: whose turn it is, how much of them waits, and when a loaded segment goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from trackway_collector.loader.rows import RowMaker
from trackway_collector.spool import SpoolReader, load_checkpoint
from trackway_collector.spool.layout import segment_numbers, segment_path, spool_name


@dataclass(slots=True)
class Source:
    """One spool being loaded."""

    reader: SpoolReader
    name: str
    maker: RowMaker
    lock: IO[bytes]
    segment: int
    byte: int
    passed_at: dict[int, float] = field(default_factory=dict)


LIVE_IN_A_ROW = 7
"""Chunks of live spools until a historical one has its turn, if there is any: history gets an eighth at least."""


def is_historical(directory: Path) -> bool:
    """Whether a spool holds events of long ago, which never keep live ones waiting."""
    return directory.name.endswith("-history") or directory.name.startswith("import-")


class Sources:
    """
    Every spool under `spool_dir`, whoever left it there, opened when it is first met.

    Args:
        grace_s: segments that are loaded are kept this long.
    """

    def __init__(self, spool_dir: Path, grace_s: float) -> None:
        self._spool_dir = spool_dir
        self._grace_s = grace_s
        self._open: dict[Path, Source] = {}
        self._last_served: dict[bool, Path] = {}
        self._live_in_a_row = 0

    def opened(self) -> list[Source]:
        """Return the sources that are being loaded."""
        return list(self._open.values())

    def in_turn(self, open_source: Callable[[Path], Source]) -> list[Source]:
        """
        Return the sources in the order in which to look for a chunk: live ones first, the one served last comes last.

        Each time that live chunks have had `LIVE_IN_A_ROW` turns, the historical sources come first.
        """
        for directory in self._directories():
            if directory not in self._open:
                self._open[directory] = open_source(directory)
        lanes: dict[bool, list[Path]] = {False: [], True: []}
        for directory in self._open:
            lanes[is_historical(directory)].append(directory)
        live, historical = (_rotated(lanes[lane], self._last_served.get(lane)) for lane in (False, True))
        order = historical + live if self._live_in_a_row >= LIVE_IN_A_ROW else live + historical
        return [self._open[directory] for directory in order]

    def in_doubt(self) -> list[str]:
        """Return the names of the spools of which an earlier start may have left an insert behind."""
        return [spool_name(path) for path in self._directories() if load_checkpoint(path).pending is not None]

    def served(self, source: Source) -> None:
        """Note that it had its turn."""
        directory = source.reader.directory
        historical = is_historical(directory)
        self._last_served[historical] = directory
        self._live_in_a_row = 0 if historical else self._live_in_a_row + 1

    def lag(self) -> tuple[int, float]:
        """Return how many bytes wait in the spools and how many seconds the oldest of them has waited."""
        waiting = 0
        for directory in self._directories():
            checkpoint = load_checkpoint(directory)
            waiting += SpoolReader(directory).waiting_bytes(checkpoint.segment, checkpoint.byte)
        return waiting, max(0.0, time.time() - self.oldest_waiting_us() / 1e6) if waiting else 0.0

    def oldest_waiting_us(self) -> int:
        """Return when the oldest event that is not loaded was committed; now, when all are."""
        oldest_us = time.time_ns() // 1000
        for directory in self._directories():
            checkpoint = load_checkpoint(directory)
            oldest_us = min(oldest_us, SpoolReader(directory).peek(checkpoint.segment, checkpoint.byte) or oldest_us)
        return oldest_us

    def delete_passed_segments(self) -> None:
        """Delete the segments that have been loaded for longer than the grace period."""
        now = time.monotonic()
        for directory, source in list(self._open.items()):
            checkpoint = load_checkpoint(directory)
            for number in segment_numbers(directory):
                if number >= checkpoint.segment:
                    break
                if now - source.passed_at.setdefault(number, now) >= self._grace_s:
                    segment_path(directory, number).unlink(missing_ok=True)
                    source.passed_at.pop(number, None)

    def close(self) -> None:
        """Let other processes load these spools."""
        for source in self._open.values():
            source.lock.close()

    def _directories(self) -> list[Path]:
        return sorted(path.parent for path in self._spool_dir.glob("*/spool.json"))


def _rotated(directories: list[Path], last: Path | None) -> list[Path]:
    after = directories.index(last) + 1 if last in directories else 0
    return directories[after:] + directories[:after]
