"""Who may come in: bytes in hand are bounded, history gives way first, and nothing is taken that finds no room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.room.admission import MAX_RETRY_S, Admission, Held, Watermarks, retry_after_s
from trackway_collector.ingest.routes import Lane

MOST = 1_000
LARGEST = 150
STEPS = st.lists(st.tuples(st.sampled_from(Lane), st.integers(1, LARGEST), st.integers(0, 5)), max_size=200)


def refused(admission: Admission, lane: Lane) -> int:
    """The status of a request; 200 when it may come in."""
    try:
        admission.enter(lane)
    except RequestRefused as error:
        refusal = error
    else:
        return 200
    assert refusal.retry_after_s is not None
    assert 1 <= refusal.retry_after_s <= MAX_RETRY_S
    return refusal.status


@given(STEPS)
def test_bytes_in_hand_are_bounded(steps: list[tuple[Lane, int, int]]) -> None:
    """Whatever comes and goes: the limit holds but for one body a lane, and afterwards nothing is held."""
    admission = Admission(MOST)
    held: list[Held] = []
    for lane, size, leave in steps:
        request = admission.enter(lane)
        held.append(request)
        before = admission.in_hand[lane]
        try:
            request.take(size)
        except RequestRefused:
            assert before > 0, "an empty lane takes any body"
            request.release()
        assert sum(admission.in_hand.values()) <= MOST + 2 * LARGEST
        assert admission.in_hand[Lane.HISTORICAL] <= MOST // 4 + LARGEST
        for _ in range(min(leave, len(held))):
            held.pop(0).release()
    for request in held:
        request.release()
    assert admission.in_hand == {Lane.LIVE: 0, Lane.HISTORICAL: 0}


def test_history_leaves_room_for_what_happens_now() -> None:
    """When the historical lane has taken all it may, three quarters of the room are left to live requests."""
    admission = Admission(MOST)
    for _ in range(5):
        admission.enter(Lane.HISTORICAL).take(50)
    with pytest.raises(RequestRefused, match="in hand"):
        admission.enter(Lane.HISTORICAL).take(50)
    for _ in range(15):
        admission.enter(Lane.LIVE).take(50)
    assert admission.in_hand == {Lane.LIVE: 750, Lane.HISTORICAL: 250}


def test_a_body_larger_than_all_the_room_gets_in_alone() -> None:
    """A body that is larger than the limit is taken when its lane is empty: it would be refused for ever otherwise."""
    admission = Admission(100)
    large = admission.enter(Lane.LIVE)
    large.take(500)
    with pytest.raises(RequestRefused, match="in hand"):
        admission.enter(Lane.LIVE).take(1)
    large.release()
    admission.enter(Lane.LIVE).take(1)


MARKS = Watermarks(soft_backlog=100, hard_backlog=200, soft_free=50, hard_free=10)


@given(st.integers(0, 300), st.integers(0, 100), st.floats(0, 1, exclude_max=True))
def test_watermarks_decide(backlog: int, free: int, dice: float) -> None:
    """Below the soft marks all may come in; from a hard one on nobody; between them history may not, live in part."""
    admission = Admission(MOST, MARKS, lambda: dice)
    admission.observe_disk(backlog, free)
    live, history = refused(admission, Lane.LIVE), refused(admission, Lane.HISTORICAL)
    if backlog >= 200 or free <= 10:
        assert (live, history) == (503, 503)
    elif backlog <= 100 and free >= 50:
        assert (live, history) == (200, 200)
    else:
        pressure = max((backlog - 100) / 100, (50 - free) / 40)
        assert history == 429
        assert live == (429 if dice < pressure else 200)


@given(st.integers(0, 300), st.integers(0, 300), st.floats(0, 1, exclude_max=True))
def test_a_fuller_disk_never_lets_more_in(less: int, more: int, dice: float) -> None:
    """Of two states of the disk the fuller one refuses whatever the other refuses."""
    admission = Admission(MOST, MARKS, lambda: dice)
    answers = []
    for backlog in sorted((less, more)):
        admission.observe_disk(backlog, free=1_000)
        answers.append([refused(admission, lane) for lane in Lane])
    assert all(before <= after for before, after in zip(*answers, strict=True))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1, exclude_max=True))
def test_more_pressure_is_a_longer_wait(a: float, b: float, dice: float) -> None:
    """With the same dice a greater pressure never asks for an earlier return; never for one after 300 s."""
    low, high = sorted((a, b))
    assert 1 <= retry_after_s(low, lambda: dice) <= retry_after_s(high, lambda: dice) <= MAX_RETRY_S


def test_waits_are_spread() -> None:
    """Requests refused at the same moment are not all told the same second."""
    assert len({retry_after_s(0.5, lambda n=n: n / 100) for n in range(100)}) > 5  # type: ignore[misc]


def test_back_by_itself() -> None:
    """When the disk has room again, so has the collector; what it refused is counted by lane and cause."""
    admission = Admission(MOST, MARKS)
    admission.observe_disk(200, 1_000)
    assert refused(admission, Lane.LIVE) == 503
    admission.observe_disk(50, 1_000)
    assert refused(admission, Lane.LIVE) == 200
    assert admission.refused == {(Lane.LIVE, "disk_full"): 1}
