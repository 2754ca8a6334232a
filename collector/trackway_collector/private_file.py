"""A small file that only its owner may read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from trackway_collector.spool.layout import fsync_directory


def write_private(path: Path, data: bytes) -> None:
    """Replace the file, with mode 0600 from its first byte; whatever dies when, the old or the new content is there."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    fsync_directory(path.parent)
