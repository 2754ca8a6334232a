"""
What clients lost before they could send it, as they report it in a batch's envelope:

    "losses": [{"reason": "queue_full", "events": 12}], "lossesId": "5f0c…-3"

A report is a note beside the events and never a reason to refuse them: what cannot be read is left out. It is counted
when its request is answered 200. A client that got no answer sends the same report again, with the same id; this worker
remembers the latest ids and counts each once.
"""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from enum import StrEnum

import msgspec

logger = logging.getLogger(__name__)


class ClientLoss(StrEnum):
    """Why an event never left its program; the words of our SDK's `Dropped`, without what was asked for there."""

    QUEUE_FULL = "queue_full"
    EVENT_TOO_LARGE = "event_too_large"
    NO_EVENT_NAME = "no_event_name"
    NO_PERSON = "no_person"
    BAD_MESSAGE_ID = "bad_message_id"
    NOT_AN_OBJECT = "not_an_object"
    UNSERIALISABLE = "unserialisable"
    VIOLATION = "violation"
    CLOSED = "closed"
    NOT_SENT_IN_TIME = "not_sent_in_time"
    GAVE_UP = "gave_up"
    DISK_FULL = "disk_full"
    TOO_OLD = "too_old"
    DAMAGED = "damaged"
    BEFORE_SEND_FAILED = "before_send_failed"
    INTERNAL_ERROR = "internal_error"
    OTHER = "other"
    """Any other word: a label must not have as many values as a client can think of."""


MAX_EVENTS = 1_000_000_000
"""In one entry; nobody loses more between two batches, and one absurd number would spoil a graph for good."""
MAX_ENTRIES = 100
REMEMBERED = 10_000
"""Report ids; enough for every client that waits for an answer at the same time."""
MAX_ID_CHARS = 100

_REASONS = frozenset(ClientLoss)


class _Envelope(msgspec.Struct, gc=False):
    losses: list[msgspec.Raw] = []
    lossesId: msgspec.Raw = msgspec.Raw(b"null")


class _Entry(msgspec.Struct, gc=False):
    reason: str
    events: int


_envelope = msgspec.json.Decoder(_Envelope).decode
_entry = msgspec.json.Decoder(_Entry).decode
_id = msgspec.json.Decoder(str).decode


class ClientLosses:
    """What clients reported to this worker since it started."""

    def __init__(self) -> None:
        self.events: Counter[tuple[str, str]] = Counter()
        """(source, reason) → events."""
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()

    def take(self, body: bytes, source: str) -> None:
        """Count the report in a batch that was stored, if there is one; never raises."""
        if b'"losses"' not in body:  # as good as always
            return
        try:
            envelope = _envelope(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        if not envelope.losses or self._is_repeated(source, envelope.lossesId):
            return
        lost: Counter[str] = Counter()
        for raw in envelope.losses[:MAX_ENTRIES]:
            reason, events = _read(raw)
            lost[reason] += events
        for reason, events in lost.items():
            if events:
                self._count(source, reason, events)

    def _count(self, source: str, reason: str, events: int) -> None:
        before = self.events[source, reason]
        self.events[source, reason] = total = before + events
        if len(str(total)) > len(str(before)) or not before:
            # The first time, and each time the total has a digit more: a client in trouble reports with every batch.
            logger.warning("clients of %s lost %d events so far before sending them: %s", source, total, reason)

    def _is_repeated(self, source: str, raw: msgspec.Raw) -> bool:
        try:
            report = _id(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return False  # it has none
        if not 0 < len(report) <= MAX_ID_CHARS:
            return False
        if (source, report) in self._seen:
            return True
        self._seen[source, report] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return False


def _read(raw: msgspec.Raw) -> tuple[str, int]:
    """Return an entry's reason and number; 0 for one that cannot be meant."""
    try:
        entry = _entry(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ClientLoss.OTHER.value, 0
    reason = entry.reason if entry.reason in _REASONS else ClientLoss.OTHER.value
    return reason, entry.events if 0 < entry.events <= MAX_EVENTS else 0
