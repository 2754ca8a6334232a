"""
The wall clock seam. Waiting uses `time.monotonic` and is not behind it: a frozen clock must not freeze the
sender.
"""

from __future__ import annotations

import time
from typing import Protocol

LONGEST_S = 1_000_000.0
"""Eleven days: what locks and loops of every platform can wait for."""


def seconds(given: object, usual: float) -> float:
    """
    Return a timeout as it was given, at least 0; the usual one where no number was given. Nobody waits for ever.
    """
    if isinstance(given, bool) or not isinstance(given, int | float) or given != given:
        return usual
    return float(min(max(given, 0.0), LONGEST_S))


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
