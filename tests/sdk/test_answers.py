from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway._delivery.answers import Acked, Answer, Rejected, Retry, Split, Verdict, retry_after_s, verdict

EVENTS = [b'{"messageId":"m1","type":"track"}', b'{"messageId":"m2","type":"track"}']
NOW_S = datetime(2026, 5, 19, 12, tzinfo=UTC).timestamp()


def judge(status: int, body: object = None, *, events: list[bytes] | None = None) -> Verdict:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return verdict(Answer(status, raw), EVENTS if events is None else events, NOW_S)


def test_200_with_success_acks_the_batch() -> None:
    """This, and nothing else, is the collector's promise."""
    assert judge(200, {"success": True}) == Acked(Counter())


def test_200_may_refuse_single_events_for_good() -> None:
    """The rest of the batch is stored; ids that were not in the batch, or come twice, count for nothing."""
    refused = [{"messageId": name, "code": "event_too_large", "message": "…"} for name in ("m2", "m2", "m9")]
    assert judge(200, {"success": True, "rejected": refused}) == Acked(Counter(event_too_large=1))


@pytest.mark.parametrize(
    "body",
    [b"", b"OK", b"<html>Please log in</html>", b"[]", b'{"success":false}', b"\xff", b'{"rejected":1}'],
)
def test_200_without_success_is_not_the_collector(body: bytes) -> None:
    """A portal, a proxy or a wrong address answers 200 to anything; nobody promised to keep the events."""
    assert judge(200, body) == Retry("not_a_collector", stranger="HTTP 200")


@pytest.mark.parametrize("status", [408, 410, 429, 460, 500, 502, 503, 504, 599])
def test_passing_troubles_are_retried(status: int) -> None:
    """The statuses that Segment's clients retry, too."""
    assert judge(status, {"code": "spool_full"}) == Retry("spool_full")
    assert judge(status, b"<html>") == Retry(f"http_{status}")


@pytest.mark.parametrize("status", [202, 204, 301, 302])
def test_other_statuses_promise_nothing(status: int) -> None:
    """Our collector never says these; whoever did may have been put there by mistake."""
    assert judge(status, b"") == Retry("not_a_collector", stranger=f"HTTP {status}")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 501, 505])
def test_final_refusals_are_final(status: int) -> None:
    """Sending the same bytes again would be refused again."""
    assert judge(status, {"code": "unknown_write_key"}) == Rejected("unknown_write_key")
    assert judge(status, b"nope") == Rejected(f"http_{status}", stranger=f"HTTP {status}")


def test_a_batch_that_is_too_large_is_split_until_it_is_one_event() -> None:
    """Limits differ between collectors; only an event that is too large alone is refused."""
    for code in ("batch_too_large", "too_many_events"):
        assert judge(400, {"code": code}) == Split()
        assert judge(400, {"code": code}, events=EVENTS[:1]) == Rejected(code)
    assert judge(413, b"") == Split()
    assert judge(400, {"code": "malformed_json"}) == Rejected("malformed_json")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0),
        ("0.5", 0.5),
        ("86400", 300.0),
        ("-1", 0.0),
        ("Tue, 19 May 2026 12:00:10 GMT", 10.0),
        ("Tue, 19 May 2026 11:00:00 GMT", 0.0),
        ("Wed, 20 May 2026 12:00:00 GMT", 300.0),
        ("soon", None),
        ("nan", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    """At most 300 seconds, never negative, and nonsense is as good as no header."""
    assert retry_after_s(header, NOW_S) == seconds


@given(st.integers(100, 999), st.binary(max_size=200), st.none() | st.text())
def test_any_answer_has_a_verdict(status: int, body: bytes, header: str | None) -> None:
    """Whatever comes back, the batch goes on or ends; nothing raises."""
    assert isinstance(verdict(Answer(status, body, header), EVENTS, NOW_S), Acked | Rejected | Split | Retry)
