"""A clock for tests."""

from __future__ import annotations

from datetime import UTC, datetime


class FrozenClock:
    """A wall clock that shows one moment until it is told to move."""

    def __init__(self, moment: datetime) -> None:
        """Stand still at `moment`, which needs a zone."""
        if moment.tzinfo is None:
            msg = "FrozenClock needs a datetime with a zone, for example datetime(2026, 5, 19, tzinfo=UTC)."
            raise ValueError(msg)
        since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        self._ns = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000

    def time_ns(self) -> int:
        """Return the moment in nanoseconds since 1970."""
        return self._ns

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`; a negative number moves back, as clocks do when they are corrected."""
        self._ns += round(seconds * 1_000_000) * 1000
