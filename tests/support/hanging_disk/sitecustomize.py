"""A disk that hangs while the file named by TRACKWAY_TEST_HANG exists: no fsync of the process returns."""

import os
import time
from typing import Any

_path = os.environ.get("TRACKWAY_TEST_HANG", "")

if _path:
    _real = os.fdatasync

    def _fdatasync(descriptor: Any) -> None:
        while os.path.exists(_path):
            time.sleep(0.02)
        _real(descriptor)

    os.fdatasync = _fdatasync  # type: ignore[assignment]
