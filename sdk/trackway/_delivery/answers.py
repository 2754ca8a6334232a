"""
What an answer of the collector means for the batch it answers. Pure: bytes in, verdict out.

What is passed around here are msgspec structs: a dataclass takes ten times as long to define, when the SDK is imported.

| answer | verdict |
| --- | --- |
| 200 with `{"success":true}` | acked, save the events that `rejected` or `results` name as rejected or to be retried |
| 408, 410, 429, 460, 5xx except 501 and 505, no answer | retry, after `Retry-After` if it says so |
| 400, 413 about size, batch of many | split in two |
| 400, 415 about the content encoding, compressed batch | the same at once, encoded otherwise |
| any other 4xx, 501, 505 | rejected for good, with the collector's code |
| anything else: other 2xx, 3xx, 200 without success | not a collector's: retry, nothing was promised |
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_RETRY_AFTER_S = 300.0
"""A longer Retry-After is cut to this, as Segment's clients do; the next answer can always say it again."""

MAX_CODES = 20
"""Of one answer; each is a line in the log."""

_RETRY = frozenset({408, 410, 429, 460})
_FINAL_5XX = frozenset({501, 505})
_SIZE_CODES = frozenset({"batch_too_large", "too_many_events", "event_too_large"})
_ENCODING_CODES = frozenset({"unknown_encoding", "bad_encoding"})
_RESULTS = frozenset({"ok", "flagged", "unplanned", "quarantined", "duplicate"})
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer, as far as the SDK looks at it."""

    status: int
    body: bytes = b""
    retry_after: str | None = None
    """The header as it came: seconds or an HTTP date."""


class Acked(msgspec.Struct, frozen=True):
    """The collector has the batch on disk, but for the events that are counted in `rejected` or listed in `retry`."""

    rejected: Counter[str] = msgspec.field(default_factory=Counter)
    """How many events were refused for good, by code."""
    retry: tuple[int, ...] = ()
    """Positions in the batch, in order, of the events that the collector could not store and wants again."""
    wait_s: float | None = None
    """What the collector asked to wait before the retry, if it did."""
    results: Counter[str] = msgspec.field(default_factory=Counter)
    """What the collector said of the acked events, `ok`, `flagged` …; empty when it said nothing."""


class Rejected(msgspec.Struct, frozen=True):
    """The collector will never take this batch."""

    code: str
    stranger: str = ""
    """What answered in the collector's place, for the log: "HTTP 404" without a code that a collector gives."""


class Split(msgspec.Struct, frozen=True):
    """The batch is too big; its halves may not be."""


class Retry(msgspec.Struct, frozen=True):
    """Try again; `reason` is for the log, `wait_s` is what the collector asked for, if it did."""

    reason: str
    wait_s: float | None = None
    stranger: str = ""
    """As of `Rejected`."""


class Recode(msgspec.Struct, frozen=True):
    """The collector cannot read this content encoding: the same batch again at once, encoded otherwise."""

    encoding: str


Verdict = Acked | Rejected | Split | Retry | Recode


class _Refusal(msgspec.Struct):
    messageId: str = ""
    code: str = "rejected"


class _Body(msgspec.Struct):
    success: bool = False
    code: str = ""
    result: str = ""
    results: dict[str, str] = {}
    rejected: list[_Refusal] = []


class _Named(msgspec.Struct):
    messageId: str = ""


_read_body = msgspec.json.Decoder(_Body).decode
_read_id = msgspec.json.Decoder(_Named).decode


def verdict(answer: Answer, events: Sequence[bytes], now_s: float, encoding: str = "") -> Verdict:
    """
    Return what becomes of `events` after this answer.

    Args:
        answer: what came back.
        events: the batch, event by event.
        now_s: Unix time, for a Retry-After that is a date.
        encoding: the Content-Encoding of the request; empty when there was none.
    """
    status = answer.status
    body = _body(answer.body)
    wait_s = retry_after_s(answer.retry_after, now_s)
    if status == 200 and body.success:
        return _acked(body, events, wait_s)
    if status in _RETRY or (500 <= status <= 599 and status not in _FINAL_5XX):
        return Retry(body.code or f"http_{status}", wait_s)
    if encoding and (status == 415 or (status == 400 and body.code in _ENCODING_CODES)):
        return Recode(encoding)
    if len(events) > 1 and (status == 413 or (status == 400 and body.code in _SIZE_CODES)):
        return Split()
    if 400 <= status <= 599:
        return Rejected(body.code) if body.code else Rejected(f"http_{status}", f"HTTP {status}")
    return Retry("not_a_collector", wait_s, f"HTTP {status}")


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
        body = _read_body(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # Nothing can be made of it, so nothing was promised: what is sent twice is stored once, what is not, is lost.
        return _Body()
    body.code = _code(body.code)
    return body


def _code(text: str) -> str:
    """Return a code as it may stand in books and logs; "other" for what no collector would say."""
    return text if not text or _CODE.fullmatch(text) else "other"


def _acked(body: _Body, events: Sequence[bytes], wait_s: float | None) -> Acked:
    """
    Return how each of the batch's own events ended. Ids that are not in it count for nothing; a word that is not
    known says that the event is stored.
    """
    if not body.results and not body.rejected and body.result not in ("retry", "rejected"):
        return Acked(results=Counter({_result(body.result): len(events)} if body.result else {}))
    refusals: dict[str, list[str]] = {}
    for refusal in body.rejected:
        refusals.setdefault(refusal.messageId, []).append(_code(refusal.code) or "rejected")
    rejected: Counter[str] = Counter()
    results: Counter[str] = Counter()
    retry: list[int] = []
    for position, event in enumerate(events):
        message_id = _read_id(event).messageId
        result = body.results.get(message_id, body.result)
        codes = refusals.get(message_id)
        if codes:
            code = codes.pop()
            rejected[code if code in rejected or len(rejected) < MAX_CODES else "other"] += 1
        elif result == "retry":
            retry.append(position)
        elif result == "rejected" and codes is None:  # not listed, so nobody says why
            rejected["rejected"] += 1
        elif result:
            results[_result(result)] += 1
    return Acked(rejected, tuple(retry), wait_s, results)


def _result(word: str) -> str:
    return word if word in _RESULTS else "other"
