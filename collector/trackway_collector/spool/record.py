"""
What the spool keeps beside a request's body: where it came from, when, and the verdict on every event.

The body is kept as the client sent it, but for what the plan forbids to keep. All that depends on the moment of
acceptance is frozen in `Record`: the rows made of it are a function of these bytes alone, so loading again, today or
after an upgrade, cannot give an event another verdict, another id or another time of receipt.
"""

from __future__ import annotations

import msgspec

from trackway_plan.environments import PRODUCTION


class Client(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True, gc=False):
    """The device an event came from, where the person's own device sent it; what the source's policy lets be kept."""

    ip: str = ""
    """As the policy has it: whole, cut, a keyed hash, or empty."""
    user_agent: str = ""
    locale: str = ""
    """The first of Accept-Language."""
    referrer: str = ""
    """The Referer header: the page that sent the event."""
    country: str = ""
    """ISO 3166-1 alpha-2, of the address before the policy cut it; empty when not known."""
    region: str = ""
    city: str = ""
    anonymous_id: str = ""
    """The first-party cookie's, for events without any id."""
    opted_out: bool = False
    """Global Privacy Control or Do Not Track was set and the source respects it."""


class EventVerdict(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True, gc=False):
    """The verdict on one event that is not simply the record's `verdict`."""

    outcome: str
    """`ok`, `flagged`, `unplanned`, `quarantined` or `rejected` (refused for good: kept here, never loaded)."""
    violations: tuple[str, ...] = ()
    """`code` or `code /path` each, in the order found."""
    reasons: tuple[str, ...] = ()
    """A sentence each for people; only quarantined and rejected events carry them."""
    message_id: str = ""
    """The id given by the collector, when the client sent none."""
    rev: int = 0
    """The plan revision that gave this verdict, where it is not the record's."""


class ImportMark(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How far an import of a file has come with this record: the spool itself remembers it (see `imports`)."""

    id: str
    """Names the import."""
    position: int
    """All before this place of the file is imported: bytes of text, rows of a table."""
    line: int
    """The number of the last line or row before it."""
    digest: str
    """SHA-256 of the content before it."""
    rows: int
    """Rows read so far, since the import of this file first began."""
    refused: int
    """Rows of them that no event could be made of."""


class Record(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True, gc=False):
    """One accepted request."""

    source: str
    """The source that the write key belongs to."""
    received_at_us: int
    """Time of receipt, microseconds since 1970."""
    events: int
    """How many events the body holds; offsets count all of them."""
    verdict: str
    """The verdict on every event that `exceptions` does not name: `ok`, `unplanned`, or `flagged` for `violations`."""
    validated_rev: int = 0
    """The plan revision that gave the verdicts; 0 without a plan."""
    call: str = ""
    """`track`, `identify` …: the body is one event sent to that route. Empty: the body is a batch."""
    unused: str = ""
    """The client's address, in spools written by early versions. Nothing reads it; it keeps its place, as fields do."""
    careful: bool = False
    """The events were judged one by one: a value may be fine, as 1.0 is for an int, and not fit its column as it is."""
    exceptions: dict[int, EventVerdict] = {}
    """Position in the body → verdict."""
    violations: tuple[str, ...] = ()
    """What was flagged on every event that `exceptions` does not name: `unstamped`, when all of them are."""
    replay_of: tuple[str, int, int] | None = None
    """The body is one event that was in quarantine and fits by now: spool, segment and offset of its row there."""
    environment: str = PRODUCTION
    """What the write key is for: `production`, `staging`, `development`."""
    client: Client | None = None
    """None when a server sent it, whose address and user agent say nothing about a person."""
    imported: ImportMark | None = None
    """The events come from a file, and this is how far in it they reach."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


def encode_record(record: Record) -> bytes:
    """Return the meta bytes of a record."""
    return _encoder.encode(record)


def decode_record(meta: bytes) -> Record:
    """Return the record of its meta bytes."""
    return _decoder.decode(meta)
