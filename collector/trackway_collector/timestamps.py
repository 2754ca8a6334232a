"""One way to read a client's time stamps, used when judging an event and again when its row is made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

# DateTime64 of ClickHouse holds 1900 to 2299; before 1970 and after 2261 some of its functions overflow.
EARLIEST_YEAR = 1970
LATEST_YEAR = 2261

# A client clock this far off is wrong, not slow: its stamps are shifted by the difference.
MAX_SKEW_US = 60 * 1_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EARLIEST_US = (datetime(EARLIEST_YEAR, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LATEST_US = (datetime(LATEST_YEAR + 1, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND - 1


def parse_timestamp_us(text: object) -> int | None:
    """
    Return microseconds since 1970 of an ISO 8601 time, or None when it is not one or outside 1970–2261.

    A time without a zone is taken as UTC, as Segment's API does.
    """
    if not isinstance(text, str):
        return None
    try:
        # RFC 3339 allows `t` and `z`, which Python does not read.
        at = datetime.fromisoformat(text.upper() if text[-1:] == "z" else text)
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        at_us = (at - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
    return at_us if _EARLIEST_US <= at_us <= _LATEST_US else None


def corrected_us(original_us: int | None, sent_at_us: int | None, received_at_us: int) -> int:
    """
    Return when the event happened by the collector's clock.

    The client's stamp is trusted while its clock is within a minute of ours; otherwise the event is placed as long
    before its receipt as the client saw pass between the event and its sending. Without a usable stamp, or where that
    leads out of 1970–2261: the receipt.
    """
    if original_us is None:
        return received_at_us
    if sent_at_us is None or abs(received_at_us - sent_at_us) <= MAX_SKEW_US:
        return original_us
    corrected = received_at_us - (sent_at_us - original_us)
    return corrected if _EARLIEST_US <= corrected <= _LATEST_US else received_at_us
