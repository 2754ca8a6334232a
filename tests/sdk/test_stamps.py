from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from trackway._events.stamps import ID_END, ID_START, Stamps, rfc3339
from trackway.testing import FrozenClock

MOMENT = datetime(2026, 5, 19, 8, 30, 0, 123_456, tzinfo=UTC)


def stamp_of(stamps: Stamps) -> tuple[str, str]:
    members = stamps.next()
    decoded = msgspec.json.decode(b"{%b}" % members)
    assert members[ID_START:ID_END].decode() == decoded["messageId"]
    return decoded["messageId"], decoded["timestamp"]


def test_a_message_id_is_a_uuid_of_version_7_that_holds_its_millisecond() -> None:
    """Version, variant and the 48 bits of time are where RFC 9562 has them."""
    text, _ = stamp_of(Stamps(FrozenClock(MOMENT).time_ns))
    parsed = uuid.UUID(text)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == int(MOMENT.timestamp() * 1000)
    assert str(parsed) == text


def test_a_timestamp_has_six_digits_and_a_z() -> None:
    """Microseconds as they are, also where the last digits are zero."""
    assert stamp_of(Stamps(FrozenClock(MOMENT).time_ns))[1] == "2026-05-19T08:30:00.123456Z"
    assert rfc3339(FrozenClock(datetime(2026, 5, 19, tzinfo=UTC)).time_ns()) == "2026-05-19T00:00:00.000000Z"


@given(st.lists(st.floats(-0.01, 0.01), max_size=50))
def test_message_ids_only_grow_even_when_the_clock_goes_back(steps: list[float]) -> None:
    """
    Sorting by id is the order of the calls, whatever the clock does; the timestamp still says what the clock
    says.
    """
    clock = FrozenClock(MOMENT)
    stamps = Stamps(clock.time_ns)
    last = ""
    for step in steps:
        clock.advance(step)
        text, timestamp = stamp_of(stamps)
        assert text > last
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text)
        assert timestamp == rfc3339(clock.time_ns())
        last = text


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001
def test_rfc3339_says_what_datetime_says(moment: datetime) -> None:
    """Our own formatter, which is there for speed, agrees with the standard library's."""
    since = moment - datetime(1970, 1, 1)  # noqa: DTZ001
    assert rfc3339(since // timedelta(microseconds=1) * 1000) == moment.isoformat(timespec="microseconds") + "Z"


def test_two_programs_do_not_share_ids() -> None:
    """73 random bits stand between two trackers that start in the same millisecond."""
    clock = FrozenClock(MOMENT)
    assert len({stamp_of(Stamps(clock.time_ns))[0] for _ in range(1000)}) == 1000
