"""A file that may change while the collector runs, and what it said when it last made sense."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from trackway_collector.errors import ConfigError

logger = logging.getLogger(__name__)

T = TypeVar("T")

Signature = tuple[int, int, int]


class WatchedFile(Generic[T]):
    """
    Reads a file, and reads it again when it is another than before.

    Args:
        path: the file; it need not be there at the start.
        read: returns what the file says, something sensible for one that was never there, or raises ConfigError.

    Raises:
        ConfigError: what `read` raises at the start; later such a file is refused, and what was in force stays.
    """

    def __init__(self, path: Path, read: Callable[[], T]) -> None:
        self.path = path
        self.refused = 0
        """How often the file could not be used since the start."""
        self._read = read
        self._seen = _signature(path)
        self._unsure: list[Signature | None] = []
        self.value = read()
        """What the file says, or said before it made no sense."""

    def refresh(self) -> bool:
        """Say whether the file says something else than before; never raises."""
        try:
            signature = _signature(self.path)
        except OSError as error:
            logger.warning("%s cannot be looked at: %s", self.path, error.strerror)
            return False
        if signature == self._seen:
            return False
        try:
            if signature is None:
                message = f"{self.path}: is gone. Put it back."
                raise ConfigError(message)
            value = self._read()
        except ConfigError as error:
            self._refuse(signature, error)
            return False
        except Exception as error:  # of whatever a file may be full: nobody would look at any of them again
            self._refuse(signature, ConfigError(f"{self.path}: cannot be read: {type(error).__name__}."))
            return False
        self._seen = signature  # as it was before it was read: a change meanwhile is seen next time
        changed, self.value = value != self.value, value
        return changed

    def _refuse(self, signature: Signature | None, error: ConfigError) -> None:
        """Log a bad file once; at first sight it may only be half written, or on its way from one name to another."""
        if self._unsure != [signature]:
            self._unsure = [signature]
            return
        self._seen = signature
        self.refused += 1
        logger.error("%s is refused, what was in force stays: %s", self.path.name, error)


def _signature(path: Path) -> Signature | None:
    """Return what changes when the file does; None when there is none."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
