"""
How each event ended. Every event handed to the tracker, or adopted from a dead process, ends once: acked, rejected,
dropped, or kept on disk for the next process; till then it is pending.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackway._notices import Notices

MAX_CODES = 100
"""A collector has about twenty; what is no collector may have any number."""


class Dropped(StrEnum):
    """Why an event never left this process, or was given up."""

    QUEUE_FULL = "queue_full"
    """
    The queue was at `max_queue_events` or `max_queue_bytes`: the collector is unreachable or slower than the
    program. `overflow` says whether the newest or the oldest event is dropped.
    """

    EVENT_TOO_LARGE = "event_too_large"
    """The event is over 32 KiB as JSON, which no collector takes."""

    NO_EVENT_NAME = "no_event_name"
    """`track` was called with an empty name."""

    NO_PERSON = "no_person"
    """
    The call names neither `user_id` nor `anonymous_id` (for `group` also: no `group_id`; for `alias`: not
    both ids). An empty text and NaN, which pandas has for what is missing, name nobody.
    """

    BAD_MESSAGE_ID = "bad_message_id"
    """`message_id` is longer than 100 characters; cutting it could make two events one."""

    NOT_AN_OBJECT = "not_an_object"
    """Properties, traits, context or integrations are not a mapping."""

    UNSERIALISABLE = "unserialisable"
    """Not even the careful encoder could make JSON of the values."""

    VIOLATION = "violation"
    """The event breaks the plan, and `on_violation` is "drop" or "raise"."""

    CLOSED = "closed"
    """The call came after `close()`."""

    NOT_SENT_IN_TIME = "not_sent_in_time"
    """`close()`, or the end of the program, reached its deadline; what was on its way may have arrived."""

    GAVE_UP = "gave_up"
    """The batch was retried for `give_up_after_s` without a final answer."""

    BEFORE_SEND_FAILED = "before_send_failed"
    """A function of `before_send` raised, or returned what is no event; the log has the kind of error."""

    DISK_FULL = "disk_full"
    """Memory was full, and so was the disk queue: `max_disk_bytes`."""

    TOO_OLD = "too_old"
    """The event waited on disk for `max_disk_age_s`."""

    DAMAGED = "damaged"
    """A place of the disk queue could not be read: flipped bits, a file cut short or deleted. At least one event."""

    INTERNAL_ERROR = "internal_error"
    """The SDK itself failed; the log has the kind of error. Please report it."""

    NO_CONSENT = "no_consent"
    """The event's category has no consent. Asked for, so no loss."""

    SAMPLED_OUT = "sampled_out"
    """The person is not in the sample that `sample` asks for. Asked for, so no loss."""

    BEFORE_SEND = "before_send"
    """A function of `before_send` returned None. Asked for, so no loss."""

    PURGED = "purged"
    """`purge()` deleted it before it was sent. Asked for, so no loss."""

    @property
    def asked_for(self) -> bool:
        """Whether the program itself decided that such events stay here; all others are lost."""
        return self in _ASKED_FOR

    @property
    def hint(self) -> str:
        """What is wrong, for logs and failing tests; "" where the reason's name says it."""
        return _HINTS.get(self, "")


_ASKED_FOR = frozenset({Dropped.NO_CONSENT, Dropped.SAMPLED_OUT, Dropped.BEFORE_SEND, Dropped.PURGED})
_HINTS = {
    Dropped.QUEUE_FULL: "the collector is away, or slower than this program",
    Dropped.DISK_FULL: "memory is full, and the disk queue at max_disk_bytes",
    Dropped.EVENT_TOO_LARGE: "over 32 KiB as JSON",
    Dropped.NO_PERSON: "neither user_id nor anonymous_id, in the call or in a scope",
    Dropped.BAD_MESSAGE_ID: "longer than 100 characters",
    Dropped.NOT_AN_OBJECT: "properties, traits, context or integrations are no mapping",
    Dropped.CLOSED: "the tracker had been closed",
    Dropped.NO_CONSENT: "its category has no consent",
    Dropped.SAMPLED_OUT: "the person is not in the sample",
    Dropped.BEFORE_SEND: "a function of before_send keeps it back",
    Dropped.VIOLATION: "the event breaks the plan",
}


@dataclass(frozen=True, slots=True)
class Stats:
    """
    One moment's account of all events handed to a tracker:
    enqueued + adopted = acked + rejected + dropped + kept + pending.
    A copy; `dataclasses.asdict` makes a plain dict of it.

    In a forked child the account starts at zero: what the parent had queued, the parent sends.
    """

    enqueued: int
    """Every event handed to `track` and its siblings, whatever became of it."""
    acked: int
    """
    The collector answered 200 for it and has it on disk (perhaps to quarantine it: its verdict is not ours).
    """
    rejected: int
    """The collector refused it for good."""
    dropped: int
    """It ended here: refused, given up, or held back because the program asked for it."""
    pending: int
    """It is queued or on its way."""
    flagged: int
    """How many break the plan and were queued, marked; the other counts hold them, too."""
    requests: int
    """HTTP requests tried, retries included."""
    retries: int
    """How many of them repeated an earlier one."""
    rejected_by_reason: Mapping[str, int]
    """The collector's codes, such as `unknown_write_key`, and how many events each took."""
    dropped_by_reason: Mapping[str, int]
    """The `Dropped` reasons and how many events each took."""
    acked_by_result: Mapping[str, int] = field(default_factory=dict)
    """
    What the collector said of acked events: `ok`, `flagged`, `unplanned`, `quarantined`, `duplicate`, or `other` for a
    word this SDK does not know. A server that gives no results per event adds nothing here.
    """

    adopted: int = 0
    """Events of dead processes that were read from the disk queue, whatever became of them."""
    kept: int = 0
    """It was left on disk at the end, for the next process."""
    unsaved: int = 0
    """How many were queued in memory only, because the disk queue could not take them; the other counts hold them."""

    @property
    def lost(self) -> int:
        """How many of the dropped events nobody asked to drop (see `Dropped.asked_for`)."""
        return sum(count for reason, count in self.dropped_by_reason.items() if reason not in _ASKED_FOR)

    @property
    def balanced(self) -> bool:
        """Whether every event is accounted for exactly once."""
        return self.enqueued + self.adopted == self.acked + self.rejected + self.dropped + self.kept + self.pending


class Books:
    """The counters behind `Stats`. Not thread safe: whoever holds the tracker's lock may write."""

    __slots__ = (
        "acked",
        "acked_by_result",
        "adopted",
        "dropped",
        "enqueued",
        "flagged",
        "kept",
        "notices",
        "rejected",
        "requests",
        "retries",
        "unsaved",
    )

    def __init__(self, notices: Notices | None = None) -> None:
        """Note drops and errors in `notices`, for `on_drop` and `on_error`; None where nobody listens."""
        self.notices = notices
        self.enqueued = 0
        self.adopted = 0
        self.kept = 0
        self.unsaved = 0
        self.acked = 0
        self.acked_by_result: Counter[str] = Counter()
        self.flagged = 0
        self.requests = 0
        self.retries = 0
        self.rejected: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()

    def drop(self, reason: Dropped, events: Sequence[bytes]) -> None:
        """Enter events that end here."""
        if events:
            self.dropped[reason] += len(events)
            if self.notices is not None:
                self.notices.drop(reason, events)

    def reject(self, code: str, count: int) -> None:
        """Count events that the collector refused; codes it makes up without end share one name."""
        known = code in self.rejected or len(self.rejected) < MAX_CODES
        self.rejected[code if known else "other"] += count

    def stats(self, pending: int) -> Stats:
        """
        Return the account as of now; `pending` is counted by the outbox, so that the sum is a check and no
        tautology.
        """
        return Stats(
            enqueued=self.enqueued,
            acked=self.acked,
            rejected=self.rejected.total(),
            dropped=self.dropped.total(),
            adopted=self.adopted,
            kept=self.kept,
            pending=pending,
            unsaved=self.unsaved,
            flagged=self.flagged,
            requests=self.requests,
            retries=self.retries,
            rejected_by_reason=dict(self.rejected),
            acked_by_result=dict(self.acked_by_result),
            dropped_by_reason={str(reason): count for reason, count in self.dropped.items()},
        )
