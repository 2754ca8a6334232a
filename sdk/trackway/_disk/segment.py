"""One segment: a file of records and the `.done` file beside it, written by one process at a time."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trackway._disk.layout import HEADER_BYTES, Header, pack_done, pack_header, pack_record
from trackway._disk.locks import BINARY, NO_FOLLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from trackway._disk.logs import Log

log = logging.getLogger("trackway")

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | BINARY | NO_FOLLOW


class Segment:
    """What is known of a segment, by whoever owns its log. Not thread safe."""

    def __init__(self, log: Log, path: Path, key: int, header: Header) -> None:
        self.log = log
        self.path = path
        self.key = key
        """Its number in this process; a token is a key and a record's number."""
        self.header = header
        self.outstanding = 0
        """Events that were appended or read, and not settled."""
        self.complete = False
        """Nothing will be appended to it or read from it: it may go when nothing of it is outstanding."""
        self.gone = False
        """Somebody deleted it; what it holds is safe nowhere."""
        self.newest_ms = 0
        """When its latest known event was appended, in milliseconds after its creation."""
        self._done = -1

    def settle(self, first: int, last: int) -> None:
        """Note that these records, all outstanding, need not be sent any longer."""
        self.outstanding -= last - first + 1
        if self.gone:
            return
        try:
            if self._done < 0:
                self._done = os.open(self.path.with_suffix(".done"), _APPEND, 0o600)
            os.write(self._done, pack_done(first, last))
        except OSError as error:
            # The events are then sent again after a crash, and known by their ids.
            log.debug("Could not note what has been sent in %s (%s).", self.path, type(error).__name__)

    def close(self) -> None:
        """Close what is open of it."""
        done, self._done = self._done, -1
        if done >= 0:
            with contextlib.suppress(OSError):
                os.close(done)

    def remove(self) -> None:
        """Delete its files. A `.done` file without its segment means nothing, so it is the one that goes last."""
        self.close()
        for path in (self.path, self.path.with_suffix(".done")):
            with contextlib.suppress(OSError):
                path.unlink()


class OpenSegment(Segment):
    """The segment that a process appends to."""

    def __init__(self, log: Log, path: Path, key: int, header: Header, uptime: Callable[[], float]) -> None:
        """
        Create the file.

        Raises:
            OSError: it cannot be created or its header not be written; then there is no file.
        """
        super().__init__(log, path, key, header)
        self._born_s = header.uptime_ms / 1000
        self._uptime = uptime
        self._next = 0
        self.size = HEADER_BYTES
        self._file = os.open(path, _APPEND | os.O_EXCL, 0o600)
        try:
            if os.write(self._file, pack_header(header)) != HEADER_BYTES:
                raise OSError(28, "No space left on device")
        except OSError:
            self.remove()
            raise

    def append(self, event: bytes) -> int:
        """
        Return the event's number when the kernel has it: a killed process loses it no more.

        Raises:
            OSError: it is not in the file.
        """
        # Taken before the write: a signal handler that appends in between gets another.
        number = self._next
        self._next = number + 1
        self.newest_ms = after_ms = self.after_ms()
        record = pack_record(event, number, after_ms)
        written = os.write(self._file, record)
        if written != len(record):
            self._cut_off(written)
            raise OSError(28, "No space left on device")
        self.size += written
        self.outstanding += 1
        return number

    def after_ms(self) -> int:
        """Return milliseconds since it was created."""
        return int((self._uptime() - self._born_s) * 1000)

    def sync(self) -> bool:
        """
        Have the disk keep what was appended; False when the file was deleted meanwhile.

        Raises:
            OSError: the disk did not; what it has is unknown.
        """
        sync_data(self._file)
        return os.fstat(self._file).st_nlink > 0

    def finish(self) -> None:
        """Sync and close the file, to which nothing will be appended."""
        try:
            if self.outstanding:
                sync_data(self._file)
        except OSError as error:
            log.warning("Could not sync %s (%s).", self.path, error.strerror)
        self._close_file()

    def empty(self) -> None:
        """Take out all records, none of which is outstanding. The numbers go on, so what is in `.done` stays true."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, HEADER_BYTES)
            self.size = HEADER_BYTES
            if self._done >= 0:
                os.ftruncate(self._done, 0)

    def close(self) -> None:
        super().close()
        self._close_file()

    def _close_file(self) -> None:
        file, self._file = self._file, -1
        if file >= 0:
            with contextlib.suppress(OSError):
                os.close(file)

    def _cut_off(self, written: int) -> None:
        """Take the torn record out; if even that fails, readers step over it."""
        try:
            os.ftruncate(self._file, self.size)
        except OSError:
            self.size += written


# macOS has no fdatasync, and its fsync stops at the drive's cache: F_FULLFSYNC is the call that keeps the promise.
if sys.platform == "darwin":
    from fcntl import F_FULLFSYNC, fcntl

    def sync_data(descriptor: int) -> None:
        """Return when the disk has the file's bytes."""
        try:
            fcntl(descriptor, F_FULLFSYNC)
        except OSError:  # a network file system may not know it
            os.fsync(descriptor)

elif hasattr(os, "fdatasync"):

    def sync_data(descriptor: int) -> None:
        """Return when the disk has the file's bytes."""
        os.fdatasync(descriptor)

else:

    def sync_data(descriptor: int) -> None:
        """Return when the disk has the file's bytes."""
        os.fsync(descriptor)


def sync_directory(directory: Path) -> None:
    """Have the disk keep the directory's entries; Windows does so by itself."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
