"""
Proof that the disk below a spool works, also while nobody sends anything.

Every few seconds a small file is written and fsynced in the spool's directory, by a thread of its own: a disk that
hangs takes that thread with it and nobody else, and is told by the time since it began.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from trackway_collector.spool.layout import sync_data

FILE_NAME = "canary"
EVERY_S = 3.0
LIMIT_S = 5.0
"""A write and fsync that take longer are a disk that hangs."""


class Canary:
    """
    Watches one directory from `start()` on.

    Args:
        commits: how many commits the spool's writer has made; while they go up, they are the proof.
    """

    def __init__(
        self, directory: Path, commits: Callable[[], int], *, every_s: float = EVERY_S, limit_s: float = LIMIT_S
    ) -> None:
        self.free_bytes: float = float("inf")
        """What the disk has left for this user, as of the last look."""
        self._path = directory / FILE_NAME
        self._commits = commits
        self._every_s = every_s
        self._limit_s = limit_s
        self._began: float | None = None
        self._error: str | None = None
        self._proven = False
        self._stop = threading.Event()

    def start(self) -> None:
        """Start to look; the first look is taken at once."""
        threading.Thread(target=self._run, name="canary", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    @property
    def trouble(self) -> str | None:
        """Why nothing should be sent to this disk now; None when it works."""
        began = self._began
        if began is not None and time.monotonic() - began > self._limit_s:
            return f"a write to the spool's disk has not ended for {self._limit_s:g} s"
        if self._error is None and not self._proven:
            return "the spool's disk is being tried"
        return self._error

    def _run(self) -> None:
        commits = -1
        while not self._stop.is_set():
            self._began = time.monotonic()
            try:
                self._look()
                if commits == (commits := self._commits()) or not self._proven or self._error:
                    self._write()
            except OSError as error:
                self._error = f"the spool's disk refuses: {error.strerror}"
            else:
                self._proven, self._error = True, None
            self._began = None
            self._stop.wait(self._every_s)

    def _look(self) -> None:
        found = os.statvfs(self._path.parent)
        self.free_bytes = found.f_bavail * found.f_frsize

    def _write(self) -> None:
        with self._path.open("wb", buffering=0) as file:
            file.write(b"%d\n" % time.time_ns())
            sync_data(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()  # so that the next one needs room of its own, which a full disk has not
