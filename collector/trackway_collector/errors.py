"""
What can go wrong in the collector.

    CollectorError
    ├── ConfigError           a setting is missing or makes no sense
    ├── RequestRefused        the whole request gets an error answer; nothing of it was stored
    └── SpoolError
        ├── SpoolFull         the spool has reached its limit; the client should come back later
        ├── SpoolUnavailable  the disk refused the write or the fsync; nothing was acknowledged
        ├── SpoolLocked       another process already writes (or loads) this spool
        └── SpoolCorrupt      bytes that were written and fsynced can no longer be read back

The warehouse has its own tree, in `trackway_collector.warehouse.errors`.
"""

from __future__ import annotations

import errno


class CollectorError(Exception):
    """The base of everything the collector raises on purpose."""


class ConfigError(CollectorError):
    """A setting is missing or makes no sense; the message names the setting and how to mend it."""


class RequestRefused(CollectorError):
    """The request gets this error answer and nothing of it was stored."""

    def __init__(self, status: int, code: str, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s


class SpoolError(CollectorError):
    """The spool could not do what was asked of it."""


class SpoolFull(SpoolError):
    """The spool holds as many bytes that are not loaded yet as it may."""


class SpoolUnavailable(SpoolError):
    """The disk refused a write or an fsync; what was being written is not acknowledged."""


class SpoolLocked(SpoolError):
    """Another process already writes or loads this spool."""


class SpoolCorrupt(SpoolError):
    """Bytes in the middle of a segment do not match their checksum."""


def with_cure(error: Exception) -> str:
    """Return an error's message; one of the system's with what to do about it."""
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"{error}\n  Stop what listens there, or choose others: --port, --console-port, --query-port."
    if isinstance(error, OSError) and error.filename:
        cure = "The data directory must be one that this user may write; --data-dir or TRACKWAY_DATA_DIR names it."
        return f"{error.filename}: {error.strerror}.\n  {cure}"
    return str(error)
