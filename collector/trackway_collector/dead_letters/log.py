"""
The log: JSON lines, readable by their owner only, in two files at most of `MAX_FILE_BYTES` each.

    {"at": "2026-11-23T10:00:00Z", "code": "malformed_json", "status": 400, "message": "…", "route": "/v1/batch",
     "request_id": "…", "client": "analytics-python/2.3.4", "content_type": "application/json", "encoding": "gzip",
     "bytes": 812, "sha256": "…", "body": "{\"batch\": …", "stands_for": 1}

Of each code the first `FIRST` in a minute are written, then every `EVERY`-th, and no more than `MOST`; `stands_for`
says how many there were since the line before it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from trackway_collector.dead_letters.scrub import kept_body

logger = logging.getLogger(__name__)

DIRECTORY = "dead-letters"
FIRST = 10
EVERY = 100
MOST = 100
WINDOW_S = 60.0
MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_TEXT_CHARS = 200


class Letter(msgspec.Struct, omit_defaults=True):
    """One refused request."""

    at: datetime
    code: str
    status: int
    message: str
    route: str
    request_id: str = ""
    client: str = ""
    """The first word of its User-Agent: which program, not whose."""
    content_type: str = ""
    encoding: str = ""
    bytes: int = 0
    """Of the body, as far as it was read."""
    sha256: str = ""
    """Of the same; empty where none was read."""
    body: str | None = None
    """Its beginning without keys; None where it must not be kept."""
    stands_for: int = 1


@dataclass(slots=True)
class _Window:
    began: float
    seen: int = 0
    written: int = 0
    left_out: int = 0


class DeadLetters:
    """
    Writes one worker's letters; never raises.

    Args:
        path: the file, made with its directory when there is something to write.
    """

    def __init__(self, path: Path, *, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self._path = path
        self._max_file_bytes = max_file_bytes
        self._windows: dict[str, _Window] = {}
        self._failed = False

    def wants(self, code: str) -> bool:
        """Count a refusal with this code and say whether it is one of those to write."""
        now = time.monotonic()
        window = self._windows.get(code)
        if window is None:
            window = self._windows[code] = _Window(now)
        elif now - window.began >= WINDOW_S:
            window.began, window.seen, window.written = now, 0, 0
        window.seen += 1
        if window.written < MOST and (window.seen <= FIRST or window.seen % EVERY == 0):
            return True
        window.left_out += 1
        return False

    def write(self, letter: Letter, body: bytes | None, *, may_keep: bool) -> None:
        """
        Write a refusal that `wants` has chosen.

        Args:
            body: as far as it was read; None where it was not.
            may_keep: whether nothing forbids to store what may be in it.
        """
        window = self._windows[letter.code]
        letter.stands_for = 1 + window.left_out
        window.left_out = 0
        window.written += 1
        if body is not None:
            letter.bytes, letter.sha256 = len(body), hashlib.sha256(body).hexdigest()
            letter.body = kept_body(body) if may_keep else None
        try:
            self._append(msgspec.json.encode(letter) + b"\n")
            self._failed = False
        except OSError as error:
            if not self._failed:
                logger.warning("%s: dead letters cannot be written: %s", self._path, error.strerror)
            self._failed = True

    def _append(self, line: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_size + len(line) > self._max_file_bytes:
                self._path.replace(self._path.with_name(self._path.name + ".1"))
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if os.write(descriptor, line) < len(line):  # half a letter would spoil the next one
                os.ftruncate(descriptor, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(descriptor)


def shortened(text: str) -> str:
    """Return what a client wrote, bounded and on one line."""
    return "".join(char if char.isprintable() else "?" for char in text[:MAX_TEXT_CHARS])


def now() -> datetime:
    """Return the time of a letter."""
    return datetime.now(UTC).replace(microsecond=0)
