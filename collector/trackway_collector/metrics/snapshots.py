"""The snapshot files: a process writes its own and reads those of the others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from trackway_collector.metrics.families import Family, added, gauge

logger = logging.getLogger(__name__)

EVERY_S = 1.0
FRESH_S = 10.0
"""A process that has written nothing for so long is taken for dead."""


class _Snapshot(msgspec.Struct):
    written_at: float
    families: list[Family]


class Snapshots:
    """
    The snapshots in one directory, as one process sees them.

    Args:
        directory: made when missing; None: this process is alone.
        name: of this process: `w0`, `store`.
        families: returns what this process has counted since its start.
    """

    def __init__(self, directory: Path | None, name: str, families: Callable[[], Iterable[Family]]) -> None:
        self._directory = directory
        self._name = name
        self._families = families
        self._failed = False
        earlier = _read(self._path(name)) if directory is not None else None
        self._before = earlier.families if earlier is not None else []

    def own(self) -> list[Family]:
        """Return this process's families, with what its predecessors had counted."""
        up = gauge("trackway_worker_up", "1 while the process writes down what it counts.", 1)
        return [up, *added(self._families(), self._before)]

    def known_labels(self, name: str) -> list[tuple[str, ...]]:
        """Return the labels under which predecessors of this process have counted in a family."""
        return [sample.labels for family in self._before if family.name == name for sample in family.samples]

    def others(self) -> dict[str, list[Family]]:
        """Return the families of each other process as last written; of dead ones the counters alone."""
        result = {}
        for path in sorted(self._directory.glob("*.json")) if self._directory is not None else []:
            if path.stem != self._name and (snapshot := _read(path)) is not None:
                result[path.stem] = _alive(snapshot)
        return result

    async def every(self) -> dict[str, list[Family]]:
        """Return the families of each process, this one's as they are now."""
        return {self._name: self.own()} | await asyncio.to_thread(self.others)

    def write(self, families: list[Family]) -> None:
        """
        Replace this process's snapshot.

        Raises:
            OSError: it cannot be written.
        """
        if self._directory is None:
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._path(self._name)
        partial = path.with_suffix(".new")
        # Not fsynced: what a machine's end takes from it is a second of counting.
        partial.write_bytes(msgspec.json.encode(_Snapshot(time.time(), families)))
        partial.replace(path)

    def forget_all_but(self, names: Iterable[str]) -> None:
        """Delete the snapshots of processes that there are no more, after a start with fewer workers."""
        keep = set(names)
        for path in self._directory.glob("*.json") if self._directory is not None else []:
            if path.stem not in keep:
                path.unlink(missing_ok=True)

    async def keep_writing(self) -> None:
        """Write every second until cancelled, and once more then; a full disk is waited out."""
        writing: asyncio.Future[None] | None = None
        try:
            while True:
                with self._survived():
                    # The counters belong to the event loop's thread; only the file is written beside it.
                    writing = asyncio.ensure_future(asyncio.to_thread(self.write, self.own()))
                    await asyncio.shield(writing)
                await asyncio.sleep(EVERY_S)
        finally:
            with self._survived():
                if writing is not None and not writing.done():
                    await writing  # two at a time would write into one file
                self.write(self.own())

    @contextlib.contextmanager
    def _survived(self) -> Iterator[None]:
        """Whatever is wrong with a count or the disk costs one snapshot, and a log line the first time, no more."""
        try:
            yield
        except Exception as error:
            if not self._failed:
                logger.warning("what is counted cannot be written down: %s: %s", type(error).__name__, error)
            self._failed = True
        else:
            self._failed = False

    def _path(self, name: str) -> Path:
        assert self._directory is not None  # noqa: S101 - callers have looked
        return self._directory / f"{name}.json"


def _alive(snapshot: _Snapshot) -> list[Family]:
    if abs(time.time() - snapshot.written_at) <= FRESH_S:
        return snapshot.families
    down = gauge("trackway_worker_up", "1 while the process writes down what it counts.", 0)
    return [down, *(family for family in snapshot.families if family.kind != "gauge")]


def _read(path: Path) -> _Snapshot | None:
    """Return a snapshot; None where there is none, or none of this version."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Snapshot)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
