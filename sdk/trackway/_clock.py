"""
The wall clock seam. Waiting uses `time.monotonic` and is not behind it: a frozen clock must not freeze the
sender.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """
    Where `timestamp`, `sentAt` and the time in a `messageId` come from; `trackway.testing.FrozenClock` is the
    fake.
    """

    def time_ns(self) -> int:
        """Return nanoseconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    # The builtin itself, without a Python frame around it: it is read once per event.
    time_ns = staticmethod(time.time_ns)
