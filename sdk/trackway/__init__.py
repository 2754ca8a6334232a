"""
Track events: `Tracker` checks each one against the tracking plan, queues it and sends it in the background.

    tracker = Tracker("write-key", plan="plan.json")
    tracker.track("Order Completed", {"total": "12.50"}, user_id="user-7")

The way of an event through this package: `_capture` (the call) → `_events` (its bytes and its verdict) → `_intake`
(taken or refused) → `_delivery` (queue, batches, retries, HTTP, what the collector said) → `_books` (how it ended).
"""

from trackway._async_tracker import AsyncTracker
from trackway._books import Dropped, Stats
from trackway._control import Purged
from trackway._errors import ConfigurationError, DeliveryError, DiskQueueError, PlanViolationError, TrackwayError
from trackway._events.scope import scope
from trackway._flush_after import flush_after
from trackway._lifecycle import drain_all
from trackway._options import Options
from trackway._tracker import Tracker
from trackway._version import __version__

__all__ = [
    "AsyncTracker",
    "ConfigurationError",
    "DeliveryError",
    "DiskQueueError",
    "Dropped",
    "Options",
    "PlanViolationError",
    "Purged",
    "Stats",
    "Tracker",
    "TrackwayError",
    "__version__",
    "drain_all",
    "flush_after",
    "scope",
]
