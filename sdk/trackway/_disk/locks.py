"""
Who owns a log: a file that the kernel keeps locked while its owner lives, however it ends.

POSIX: `flock`, which belongs to the open file. A forked child inherits that, so it must close its copy of the
descriptor (see `DiskQueue.forget`); it must never unlock, which would unlock its parent. `fcntl` locks would not do:
they belong to the process, so that two trackers in one would share them. Windows has no fork, and `msvcrt` locks by
handle.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import IO

from trackway import _lifecycle

BINARY = getattr(os, "O_BINARY", 0)
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
"""A link in the directory is none of ours."""


class Lock:
    """A lock file that this process holds."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def release(self, *, remove: bool = False) -> None:
        """Let go of it, and take the file away."""
        if remove and os.name == "posix":
            # While it is held: whoever opened it in the meantime finds out that it is gone (see `take`).
            with contextlib.suppress(OSError):
                self.path.unlink()
        self.close()
        if remove and os.name != "posix":  # Windows does not delete open files
            with contextlib.suppress(OSError):
                self.path.unlink()

    def close(self) -> None:
        """Close the descriptor; the lock ends with the last copy of it."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def take(path: Path) -> Lock | None:
    """
    Lock the file, creating it; None when somebody else holds it or has just taken it away.

    Raises:
        OSError: it cannot be opened, or the file system has no locks.
    """
    # Forks wait: a child must not inherit a lock that no queue knows of yet.
    with _lifecycle.forking:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | BINARY | NO_FOLLOW, 0o600)
        try:
            if _try_lock(descriptor) and _is_still(path, descriptor):
                return Lock(path, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None


def _is_still(path: Path, descriptor: int) -> bool:
    """Return whether the path leads to the file that was opened: its last owner may have deleted it meanwhile."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:  # EACCES: it is locked
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int | IO[bytes]) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
