"""
What the SDK raises, and when.

    TrackwayError
    ├── ConfigurationError    from Tracker(…): before the program is up, so that it is seen
    ├── PlanViolationError    from track(…) and its siblings, only with on_violation="raise"
    ├── DeliveryError         handed to on_error when sending fails; never raised
    ├── DiskQueueError        handed to on_error when the disk queue cannot take events; never raised
    └── NetworkError          from a Transport to the sender, which retries; never reaches the program

Each can be pickled: an exception that cannot breaks the pool of processes whose worker raises it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackway_plan import Violation


class TrackwayError(Exception):
    """Anything Trackway's SDK raises."""


class ConfigurationError(TrackwayError, ValueError):
    """
    A setting is missing or makes no sense; the message names each place that was looked in, and what to
    write.
    """


class PlanViolationError(TrackwayError):
    """
    An event breaks the tracking plan, and `on_violation="raise"` asked to hear about it. The event was not
    sent.

    `event` is the name (for identify and group: "$identify", "$group"), `violations` says what is wrong
    where.
    """

    def __init__(self, event: str, violations: Sequence[Violation], plan: str, rev: int) -> None:
        self.event = event
        self.violations = tuple(violations)
        self.plan = plan
        self.rev = rev
        lines = [f"`{event}` breaks the plan `{plan}` (revision {rev}):"]
        lines += [f"  {found.path or '(event)'}: {found.message} [{found.code}]" for found in violations]
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.event, self.violations, self.plan, self.rev)


class DeliveryError(TrackwayError):
    """
    Events could not be delivered: an attempt failed, the batch was given up, or the collector refused them for good.

    `reason` is the collector's code or the kind of network trouble, `events` how many it concerns, `attempts` how often
    their batch was sent, and `will_retry` says whether it is sent again.
    """

    def __init__(self, reason: str, events: int, attempts: int, *, will_retry: bool) -> None:
        self.reason = reason
        self.events = events
        self.attempts = attempts
        self.will_retry = will_retry
        what_next = "they are sent again" if will_retry else "they are not sent again"
        super().__init__(f"{events} event(s) were not taken ({reason}, attempt {attempts}); {what_next}.")

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), will_retry=self.will_retry), (self.reason, self.events, self.attempts)


class DiskQueueError(TrackwayError):
    """
    The disk queue cannot take events: they are queued in memory only, where the end of the process loses them, and
    dropped when memory is full.

    `directory` is the destination's, `reason` why: the system's words, or that `max_disk_bytes` is reached.
    """

    def __init__(self, directory: str, reason: str) -> None:
        self.directory = directory
        self.reason = reason
        super().__init__(
            f"The disk queue in {directory} cannot take events ({reason}). They are queued in memory only, where the "
            "end of the process loses them, and dropped when it is full."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.directory, self.reason)


class NetworkError(TrackwayError):
    """
    The request got no answer: refused, reset, timed out. The collector may or may not have stored the batch.
    """
