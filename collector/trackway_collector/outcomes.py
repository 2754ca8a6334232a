"""
Every event ends exactly once, with one of these outcomes. The counters of `/metrics` add up to what was received.

    received = ok + flagged + unplanned + quarantined + rejected       (events of requests answered 200)
    refused  = events of requests answered with an error; the client keeps them
    spooled  = stored + quarantined + duplicates + rejected            (what the loader makes of them)
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from trackway_collector.histogram import Histogram


class Outcome(StrEnum):
    """What became of one event."""

    OK = "ok"
    """Stored; the plan has nothing to say against it."""
    FLAGGED = "flagged"
    """Stored, with its violations beside it."""
    UNPLANNED = "unplanned"
    """Stored; there is no plan to check it against."""
    QUARANTINED = "quarantined"
    """Kept in the `quarantine` table with payload and reasons."""
    REJECTED = "rejected"
    """Refused for good: it could not be stored in any form (see `Rejection`)."""


class Rejection(StrEnum):
    """Why one event of an otherwise accepted batch was refused for good."""

    EVENT_TOO_LARGE = "event_too_large"
    """The event is larger than the limit for one event."""
    NO_CONSENT = "no_consent"
    """Its `context.consent` denies a category that the source requires."""
    OPTED_OUT = "opted_out"
    """The browser sent Global Privacy Control or Do Not Track, and the source rejects such events."""


class EnvelopeFault(StrEnum):
    """What is wrong with the envelope of an event, whatever the plan says."""

    UNDECODABLE = "undecodable"
    """The event's bytes are not valid JSON text: bad UTF-8, a lone surrogate, a number beyond all bounds, too deep."""
    BAD_ENVELOPE = "bad_envelope"
    """A field of the envelope has an impossible type, such as an object as `userId`."""
    UNKNOWN_TYPE = "unknown_type"
    """`type` is none of track, identify, page, screen, group, alias."""
    UNTRANSLATABLE = "untranslatable"
    """The adapter for another product's client could not make an event of it."""
    MISSING_EVENT = "missing_event"
    """A track call without an event name."""
    NO_PERSON = "no_person"
    """Neither `userId` nor `anonymousId`: stored and flagged, counted for nobody."""
    UNMAPPED = "unmapped"
    """A webhook's call that its mapping cannot take, kept as it came."""
    BAD_TIMESTAMP = "bad_timestamp"
    """`timestamp` cannot be read or lies outside 1970–2261: stored at the time of receipt and flagged."""


class IngestCounters:
    """What one ingest worker has answered, since it started."""

    def __init__(self) -> None:
        self.events: Counter[tuple[str, str]] = Counter()
        """(source, outcome) → events of requests answered 200."""
        self.violations: Counter[tuple[str, str]] = Counter()
        """(source, violation code) → occurrences."""
        self.requests: Counter[tuple[int, str]] = Counter()
        """(status, error code or "") → requests."""
        self.libraries: Counter[tuple[str, str]] = Counter()
        """(name, version) of the sending library → stored requests."""
        self.retries: Counter[int] = Counter()
        """`X-Retry-Count`, up to 10 → stored requests; of clients that send it."""
        self.ignored: Counter[str] = Counter()
        """What was answered 200 and not kept, because it is no event: `sdk_metrics`, `flags`, … → requests."""
        self.ack_seconds = Histogram()
        """From a request's headers to its 200."""
