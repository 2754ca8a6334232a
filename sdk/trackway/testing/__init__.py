"""
For tests of what a program tracks.

    record()             what every tracker of the process emits, with assertions; in pytest the fixture `tracked`
    RecordingTransport   what one tracker would have sent, after all of its batching and retrying
    DryRun               shows events instead of sending them
    FrozenClock          a clock that stands still
    collector()          a real collector in this process, whose accepted and quarantined events can be read

No import of this package needs pytest; the plugin is `trackway._pytest_plugin`.
"""

from trackway._clock import Clock
from trackway._delivery.answers import Answer
from trackway._delivery.transport import AsyncTransport, Request, Transport
from trackway._errors import NetworkError
from trackway.testing.clock import FrozenClock
from trackway.testing.collector import CollectedEvent, Collector, collector
from trackway.testing.events import TrackedEvent
from trackway.testing.recorder import Refusal, Tracked, record
from trackway.testing.transports import DryRun, RecordingTransport

__all__ = [
    "Answer",
    "AsyncTransport",
    "Clock",
    "CollectedEvent",
    "Collector",
    "DryRun",
    "FrozenClock",
    "NetworkError",
    "RecordingTransport",
    "Refusal",
    "Request",
    "Tracked",
    "TrackedEvent",
    "Transport",
    "collector",
    "record",
]
