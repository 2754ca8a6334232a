"""The window of seen keys, against a plain set."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from trackway_collector.loader.dedup import SeenKeys, dedup_key

DAY_US = 86_400_000_000
# Few upper halves, so that keys which share one are common here.
KEYS = st.builds(
    lambda high, low: high.to_bytes(8, "big") + low.to_bytes(8, "big"),
    st.sampled_from([0, 1, 2**63, 2**64 - 1]),
    st.integers(0, 6),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.lists(KEYS, max_size=6), st.lists(KEYS, max_size=6)), max_size=12))
def test_it_answers_as_a_set_would(steps: list[tuple[int, list[bytes], list[bytes]]]) -> None:
    """Whatever was added on whichever days, a key is seen exactly when a set of all of them holds it."""
    seen, model = SeenKeys(), set[bytes]()
    for day, added, asked in steps:
        assert [key in model for key in asked] == seen.seen(asked)
        seen.add(added, day * DAY_US)
        model.update(added)


def test_days_outside_the_window_are_forgotten() -> None:
    """A key is remembered for at least seven days after its receipt and for less than nine."""
    seen, key = SeenKeys(), dedup_key("web", "m-1")
    seen.add([key], received_at_us=10 * DAY_US + DAY_US // 2)

    seen.forget_before(17 * DAY_US + DAY_US // 2)
    assert seen.seen([key]) == [True]
    seen.forget_before(18 * DAY_US)

    assert seen.seen([key]) == [False]
    assert len(seen) == 0


def test_sources_do_not_share_ids() -> None:
    """The same messageId from two sources is two events."""
    assert dedup_key("web", "m") != dedup_key("api", "m")


def test_no_key_is_lost_while_the_memory_grows() -> None:
    """Of 100,000 keys, added in small and large parts over several days, each is seen, and no other key is."""
    seen, keys = SeenKeys(), [dedup_key("web", f"m-{number}") for number in range(100_000)]
    others = [dedup_key("api", f"m-{number}") for number in range(100_000)]
    at = 0
    for number, size in enumerate((1, 10, 1_000, 20_000, 5, 30_000, 48_984)):
        seen.add(keys[at : at + size], (10 + number % 5) * DAY_US)
        at += size
        assert all(seen.seen(keys[:at]))
        assert not any(seen.seen(keys[at:]))
    assert at == len(keys) == len(seen)
    assert not any(seen.seen(others))

    seen.forget_before(19 * DAY_US)  # days 10 and 11 are over

    kept = [number for number, answer in enumerate(seen.seen(keys)) if answer]
    assert len(kept) == len(seen) == 1_000 + 20_000 + 5
