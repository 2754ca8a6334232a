"""
Random event logs made to be awkward: ties, repeats, events at the very edge of windows, several persons.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from secrets import token_hex

from hypothesis import strategies as st

from tests.analytics.former_names import Style, as_sent
from tests.analytics.logs import row, store
from tests.analytics.reference import Event
from trackway_collector.warehouse import Warehouse

MICROSECOND = timedelta(microseconds=1)
START = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

# Few values, so that events meet: ties, and distances of exactly 30 minutes and one hour, and one microsecond
# more.
_OFFSETS = [
    timedelta(0),
    MICROSECOND,
    timedelta(minutes=1),
    timedelta(minutes=30),
    timedelta(minutes=30) + MICROSECOND,
    HOUR,
    HOUR + MICROSECOND,
    HOUR + timedelta(minutes=30),
    2 * HOUR,
    2 * HOUR + MICROSECOND,
    timedelta(days=1),
]


@st.composite
def logs(
    draw: st.DrawFn,
    names: tuple[str, ...] = ("a", "b", "c", "d"),
    sessions: tuple[str, ...] = ("",),
    offsets: Iterable[timedelta] = _OFFSETS,
    start: datetime = START,
    size: int = 24,
    values: tuple[object, ...] = (1, 2.5, "7", None),
) -> list[Event]:
    """Up to `size` events of three persons; message ids are in no relation to the order of time."""
    count = draw(st.integers(1, size))
    ids = draw(st.permutations(range(count)))
    return [
        Event(
            person=draw(st.sampled_from(("anna", "bo", "chi"))),
            name=draw(st.sampled_from(names)),
            at=start + draw(st.sampled_from(list(offsets))),
            message_id=f"{number:04d}",
            session=draw(st.sampled_from(sessions)),
            properties={"value": draw(st.sampled_from(values))},
        )
        for number in ids
    ]


def keep(
    warehouse: Warehouse,
    events: Iterable[Event],
    style: Style = "as named",
    names: tuple[str, ...] = ("a", "b", "c", "d"),
) -> str:
    """
    Store the events under a source of their own, and return its name.

    Args:
        style: whether clients sent them under former names (`former_names`); one in two stamps its revision.
        names: every name of an event.
    """
    source = f"log-{token_hex(8)}"
    store(
        warehouse,
        (
            row(
                event.person,
                event.name,
                event.at,
                message_id=event.message_id,
                session_id=event.session,
                source=source,
                plan_rev=rev * (number % 2),
                validated_rev=rev if number % 2 == 0 else 6,
                properties={name: value for name, value in event.properties.items() if value is not None},
            )
            for number, (event, rev) in enumerate(as_sent(warehouse, list(events), names, style))
        ),
    )
    return source
