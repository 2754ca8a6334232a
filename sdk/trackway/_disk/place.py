"""Where a disk queue is: the directory that was asked for or the system's place for such things, made private."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trackway._disk import locks
from trackway._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping


def default_directory(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> Path:
    """
    Return where queues are kept when no directory is named: `~/.local/state/trackway/queue` (XDG_STATE_HOME) on Linux,
    `~/Library/Application Support/trackway/queue` on macOS, `%LOCALAPPDATA%\\trackway\\queue` on Windows.

    Raises:
        ConfigurationError: this user has no home directory.
    """
    environ = os.environ if environ is None else environ
    try:
        if platform == "win32":
            base = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif platform == "darwin":
            base = Path.home() / "Library" / "Application Support"
        else:
            state = environ.get("XDG_STATE_HOME", "")
            base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    except RuntimeError:
        msg = '`queue` is "disk", and this user has no home directory for it. Write a directory: queue="/var/lib/…".'
        raise ConfigurationError(msg) from None
    return base / "trackway" / "queue"


def destination(host: str, write_key: str) -> str:
    """Return the name of the directory for one collector and write key; neither can be read from it."""
    parts = urlsplit(host)
    place = f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path.rstrip('/')}"
    return hashlib.sha256(f"trackway queue\n{place}\n{write_key}".encode()).hexdigest()[:24]


def open_directory(queue: str, host: str, write_key: str) -> Path:
    """
    Make the directory of one destination, for this user only, and try it: write a file, lock it, delete it.

    Raises:
        ConfigurationError: it cannot be used; the message says why and what to write.
    """
    root = default_directory() if queue == "disk" else Path(os.path.abspath(os.path.expanduser(queue)))
    directory = root / destination(host, write_key)
    try:
        # Only what is made here is made private: a directory of the operator's keeps its mode.
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        lock = locks.take(directory / f"try-{secrets.token_hex(4)}.lock")
        if lock is not None:
            lock.release(remove=True)
    except OSError as error:
        msg = (
            f"`queue`: the directory {root} cannot be used ({type(error).__name__}: {error.strerror or error}).\n"
            "  Write a directory on a local disk that this user may write to: "
            'queue="/var/lib/my-app/trackway", or TRACKWAY_QUEUE.'
        )
        raise ConfigurationError(msg) from None
    return directory
