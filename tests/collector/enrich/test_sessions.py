"""Sessions given by the collector: what belongs together, and what a restart changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trackway_collector.enrich.sessions import PREFIX, Sessions, Visit

MINUTE_US = 60_000_000
T0 = 1_778_000_000_000_000


def visit(minute: float, device: str = "a-1", source: str = "web", environment: str = "production") -> Visit:
    """Return an event of a device, so many minutes after the start."""
    return Visit(source, environment, device, T0 + int(minute * MINUTE_US))


def test_a_pause_longer_than_the_gap_ends_a_session() -> None:
    """Half an hour to the microsecond is still the same session; one microsecond more is not."""
    sessions = Sessions()
    first, second, third = sessions.assign([visit(0), visit(30), visit(60)])
    late = sessions.assign([Visit("web", "production", "a-1", T0 + 90 * MINUTE_US + 1)])

    assert first == second == third
    assert first.startswith(PREFIX)
    assert late != [first]


def test_devices_sources_and_environments_have_sessions_of_their_own() -> None:
    """The same moment under another device, source or environment is another session."""
    ids = Sessions().assign(
        [visit(0), visit(0, device="a-2"), visit(0, source="app"), visit(0, environment="staging"), visit(1)]
    )

    assert len(set(ids)) == 4
    assert ids[4] == ids[0]


def test_events_of_one_call_are_taken_in_the_order_they_happened() -> None:
    """A batch that arrives in any order gives the ids it would have given in order."""
    forward = Sessions().assign([visit(0), visit(20), visit(40), visit(100)])
    backward = Sessions().assign([visit(100), visit(40), visit(20), visit(0)])

    assert backward == forward[::-1]
    assert len(set(forward)) == 2


def test_a_late_event_joins_the_session_it_falls_into() -> None:
    """Within the gap of a known session it joins, before its first event too; else it is one of its own."""
    sessions = Sessions()
    (first,) = sessions.assign([visit(100)])
    (second,) = sessions.assign([visit(300)])

    assert sessions.assign([visit(75), visit(290), visit(110)]) == [first, second, first]
    assert sessions.assign([visit(200)])[0] not in (first, second)


def test_memory_is_bounded() -> None:
    """The devices seen longest ago go first, and what is over is forgotten."""
    sessions = Sessions(max_devices=2)
    ids = sessions.assign([visit(0, "a"), visit(1, "b"), visit(2, "c")])

    assert len(sessions) == 2
    assert sessions.assign([visit(3, "c")]) == [ids[2]]

    sessions.forget_before(T0 + 200 * MINUTE_US)
    assert len(sessions) == 0


_MINUTES = st.lists(st.integers(0, 300), min_size=1, max_size=40)


@given(_MINUTES, st.integers(1, 40))
def test_in_order_sessions_are_the_gaps_of_the_timeline(minutes: list[int], chunk: int) -> None:
    """However the loader cuts an ordered stream into chunks, a session ends exactly where a pause exceeds the gap."""
    timeline = sorted(minutes)
    sessions = Sessions()
    ids: list[str] = []
    for start in range(0, len(timeline), chunk):
        ids += sessions.assign([visit(minute) for minute in timeline[start : start + chunk]])

    for (before, one), (after, other) in zip(
        zip(timeline, ids, strict=True), list(zip(timeline, ids, strict=True))[1:], strict=False
    ):
        assert (one == other) == (after - before <= 30)


@given(_MINUTES, st.data())
def test_what_is_read_back_gives_missing_events_their_session(minutes: list[int], data: st.DataObject) -> None:
    """Of a chunk stored in part, the rest gets, after a restart, the ids it would have had, if events are in order."""
    timeline = sorted(minutes)
    ids = Sessions().assign([visit(minute) for minute in timeline])
    cut = data.draw(st.integers(0, len(timeline)))
    stored: dict[str, list[int]] = {}
    for minute, session_id in zip(timeline[:cut], ids[:cut], strict=True):
        stored.setdefault(session_id, []).append(minute)

    restarted = Sessions()
    for session_id, at in stored.items():
        restarted.remember(visit(min(at)), session_id, visit(max(at)).at_us)

    assert restarted.assign([visit(minute) for minute in timeline[cut:]]) == ids[cut:]


def test_a_long_device_id_takes_no_more_memory_than_a_short_one() -> None:
    """Ids as long as an event may be are told apart and remembered, by a digest."""
    sessions = Sessions()
    long, other = "x" * 30_000, "x" * 29_999 + "y"
    first, second, again = sessions.assign([Visit("web", "production", device, 1) for device in (long, other, long)])
    assert first == again != second
    assert max(map(len, sessions._devices)) < 200
