"""
What an answer of the collector means for the batch it answers. Pure: bytes in, verdict out.

| answer | verdict |
| --- | --- |
| 200 with `{"success":true}` | acked, save the events its `rejected` list names |
| 408, 410, 429, 460, 5xx except 501 and 505, no answer | retry, after `Retry-After` if it says so |
| 400, 413 about size, batch of many | split in two |
| any other 4xx, 501, 505 | rejected for good, with the collector's code |
| anything else: other 2xx, 3xx, 200 without success | not a collector's: retry, nothing was promised |
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_RETRY_AFTER_S = 300.0
"""A longer Retry-After is cut to this, as Segment's clients do; the next answer can always say it again."""

_RETRY = frozenset({408, 410, 429, 460})
_FINAL_5XX = frozenset({501, 505})
_SIZE_CODES = frozenset({"batch_too_large", "too_many_events"})


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, as far as the SDK looks at it."""

    status: int
    body: bytes = b""
    retry_after: str | None = None
    """The header as it came: seconds or an HTTP date."""


@dataclass(frozen=True, slots=True)
class Acked:
    """The collector has the batch on disk, except what `rejected` counts by code."""

    rejected: Counter[str]


@dataclass(frozen=True, slots=True)
class Rejected:
    """The collector will never take this batch."""

    code: str
    stranger: str = field(default="", compare=False)
    """What answered in the collector's place, for the log: "HTTP 404" without a code that a collector gives."""


@dataclass(frozen=True, slots=True)
class Split:
    """The batch is too big; its halves may not be."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again; `reason` is for the log, `wait_s` is what the collector asked for, if it did."""

    reason: str
    wait_s: float | None = None
    stranger: str = field(default="", compare=False)
    """As of `Rejected`."""


Verdict = Acked | Rejected | Split | Retry


class _Refusal(msgspec.Struct):
    messageId: str = ""
    code: str = "rejected"


class _Body(msgspec.Struct):
    success: bool = False
    code: str = ""
    rejected: list[_Refusal] = []


class _Named(msgspec.Struct):
    messageId: str


_read_body = msgspec.json.Decoder(_Body).decode
_read_id = msgspec.json.Decoder(_Named).decode


def verdict(answer: Answer, events: Sequence[bytes], now_s: float) -> Verdict:
    """
    Return what becomes of `events` after this answer; `now_s` (Unix time) is for a Retry-After that is a
    date.
    """
    status = answer.status
    body = _body(answer.body)
    if status == 200 and body.success:
        return Acked(_refused(body.rejected, events))
    if status in _RETRY or (500 <= status <= 599 and status not in _FINAL_5XX):
        return Retry(body.code or f"http_{status}", retry_after_s(answer.retry_after, now_s))
    if len(events) > 1 and (status == 413 or (status == 400 and body.code in _SIZE_CODES)):
        return Split()
    if 400 <= status <= 599:
        return Rejected(body.code) if body.code else Rejected(f"http_{status}", f"HTTP {status}")
    return Retry("not_a_collector", retry_after_s(answer.retry_after, now_s), f"HTTP {status}")


def retry_after_s(header: str | None, now_s: float) -> float | None:
    """
    Return the seconds a Retry-After header asks for, 0 to 300; None without a header or with one nobody can
    read.
    """
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        from email.utils import (
            parsedate_to_datetime,  # here: importing it takes as long as the rest of the SDK
        )

        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now_s
    if seconds != seconds:  # "nan" is a float to Python
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def _body(raw: bytes) -> _Body:
    try:
        return _read_body(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Body()


def _refused(refusals: list[_Refusal], events: Sequence[bytes]) -> Counter[str]:
    """
    Return how many of the batch's own events were refused, by code; ids that are not in it count for nothing.
    """
    refused: Counter[str] = Counter()
    if refusals:
        ids = Counter(_read_id(event).messageId for event in events)
        for refusal in refusals:
            if ids[refusal.messageId] > 0:
                ids[refusal.messageId] -= 1
                refused[refusal.code] += 1
    return refused
