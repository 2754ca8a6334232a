"""GCRA: no window of time sees more than the quota allows, and the time to wait is exact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway_collector.ingest.room.quota import Gcra, Quota, Quotas

RATES = st.sampled_from((0.5, 1.0, 3.0, 10.0, 1_000.0))
BURSTS = st.integers(1, 500)
# Pauses in seconds and batches in events, one after the other.
ARRIVALS = st.lists(st.tuples(st.floats(0, 20), st.integers(1, 300)), max_size=60)


@given(RATES, BURSTS, ARRIVALS, st.floats(0, 1e6))
def test_no_window_takes_more_than_burst_and_rate(
    rate: float, burst: int, arrivals: list[tuple[float, int]], start_s: float
) -> None:
    """Between any two moments at most burst + rate × time is taken, and once a batch that is larger than the burst."""
    account, now_s = Gcra(Quota(events_per_s=rate, burst_events=burst)), start_s
    taken: list[tuple[float, int]] = []
    for pause_s, events in arrivals:
        now_s += pause_s
        if not account.take(events, now_s):
            taken.append((now_s, events))
    for first, (from_s, _) in enumerate(taken):
        total = 0
        for at_s, events in taken[first:]:
            total += events
            over = max(0, events - burst)
            assert total - over <= burst + rate * (at_s - from_s) + 1e-3


@given(RATES, BURSTS, ARRIVALS)
def test_the_time_to_wait_is_exact(rate: float, burst: int, arrivals: list[tuple[float, int]]) -> None:
    """Who waits as long as told is taken, who comes a little earlier is not; asking costs nothing."""
    account, now_s = Gcra(Quota(events_per_s=rate, burst_events=burst)), 0.0
    for pause_s, events in arrivals:
        now_s += pause_s
        wait_s = account.wait_s(events, now_s)
        assert account.take(events, now_s) == wait_s
        if wait_s > 1e-3:
            assert account.wait_s(events, now_s + wait_s - 1e-4) > 0
            assert account.wait_s(events, now_s + wait_s + 1e-6) == 0


@given(RATES, st.integers(1, 50), st.integers(51, 5_000))
def test_no_batch_is_refused_for_ever(rate: float, burst: int, events: int) -> None:
    """A batch larger than the burst passes after a pause, and is paid for by those that follow."""
    account = Gcra(Quota(events_per_s=rate, burst_events=burst))

    assert account.take(events, 0.0) == 0
    assert account.wait_s(1, 0.0) == pytest.approx((events + 1 - burst) / rate)


def test_workers_share_a_quota() -> None:
    """Each of four workers counts a quarter of rate and burst for itself."""
    quota = Quota(events_per_s=100, burst_events=40)
    accounts = [Quotas(4).account("web", quota) for _ in range(4)]

    assert sum(not account.take(1, 0.0) for account in accounts for _ in range(100)) == 40
    assert sum(not account.take(1, 1.0) for account in accounts for _ in range(100)) == 40


def test_a_changed_quota_is_a_new_account() -> None:
    """An account is kept from request to request until its quota changes."""
    quotas, quota = Quotas(), Quota(events_per_s=1, burst_events=1)
    assert quotas.account("web", quota).take(1, 0.0) == 0
    assert quotas.account("web", Quota(events_per_s=1, burst_events=1)).take(1, 0.0) > 0
    assert quotas.account("api", quota).take(1, 0.0) == 0
    assert quotas.account("web", Quota(events_per_s=2, burst_events=1)).take(1, 0.0) == 0


@given(RATES, BURSTS, ARRIVALS)
def test_what_is_given_back_was_never_taken(rate: float, burst: int, arrivals: list[tuple[float, int]]) -> None:
    """An account whose events were not stored is as it was before."""
    account, plain, now_s = (
        Gcra(Quota(events_per_s=rate, burst_events=burst)),
        Gcra(Quota(events_per_s=rate, burst_events=burst)),
        0.0,
    )
    for pause_s, events in arrivals:
        now_s += pause_s
        if not account.take(events, now_s):
            account.give_back(events)
        assert account.wait_s(1, now_s) == pytest.approx(plain.wait_s(1, now_s), abs=1e-3)
