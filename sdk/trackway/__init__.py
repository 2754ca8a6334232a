"""
Track events: `Tracker` checks each one against the tracking plan, queues it and sends it in the background.

    tracker = Tracker("write-key", plan="plan.json")
    tracker.track("Order Completed", {"total": "12.50"}, user_id="user-7")

The way of an event through this package: `_tracker` (the call) → `_values`, `_stamps`, `_payloads` (its
bytes) and `_plan` (its verdict) → `_outbox` (queue, batches, retries) → `_sender` (the thread) → `_transport`
(HTTP) → `_answers` (what the collector said) → `_books` (how it ended).
"""

from trackway._books import Dropped, Stats
from trackway._errors import ConfigurationError, PlanViolationError, TrackwayError
from trackway._options import Options
from trackway._tracker import Tracker
from trackway._version import __version__

__all__ = [
    "ConfigurationError",
    "Dropped",
    "Options",
    "PlanViolationError",
    "Stats",
    "Tracker",
    "TrackwayError",
    "__version__",
]
