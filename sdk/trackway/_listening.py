"""
Who listens to every tracker of this process: the recorders of `trackway.testing`, and nobody else.

A test cannot hand a transport to a tracker that the program made long ago, so trackers ask here, with the event
finished and its verdict known. While nobody listens that costs a look at an empty list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackway._intake import Intake
    from trackway_plan import Violation


class Listener(Protocol):
    """What wants to know of every event."""

    def heard(self, tracker: Intake, event: bytes, violations: Sequence[Violation]) -> bool:
        """
        Take note of an event that is about to be queued; True keeps it from being queued and sent.

        Called under the tracker's lock: it must not call the tracker.
        """
        ...

    def refused(self, tracker: Intake, error: Exception, given: Mapping[str, Any]) -> None:
        """Take note that a call made no event, and why; `given` is what the call was about, its `type` first."""
        ...


listeners: list[Listener] = []
"""All of them hear every event; one of them is enough to keep it here."""
