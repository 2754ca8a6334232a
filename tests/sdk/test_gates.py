"""Consent, sampling and super-properties: what an event passes before it is encoded and queued."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trackway
from trackway import Dropped, Tracker
from trackway._events.sampling import Sampling, is_in_sample
from trackway.testing import RecordingTransport
from trackway_plan import Release

MakeTracker = Callable[..., Tracker]


def sent(tracker: Tracker, transport: RecordingTransport) -> list[dict[str, Any]]:
    """Return what has left."""
    assert tracker.flush()
    return transport.events


def test_what_has_no_consent_is_not_queued_and_is_no_loss(
    make_tracker: MakeTracker, transport: RecordingTransport
) -> None:
    """It is counted, apart from what was lost."""
    tracker = make_tracker(transport=transport, consent_categories={"Ad Clicked": "advertising"})
    tracker.consent(analytics=True, advertising=False)
    assert tracker.track("Ad Clicked", user_id="ana") is None
    assert tracker.track("Paid", user_id="ana") is not None
    (event,) = sent(tracker, transport)
    assert event["context"]["consent"] == {"categoryPreferences": {"analytics": True, "advertising": False}}
    stats = tracker.stats()
    assert stats.dropped_by_reason == {Dropped.NO_CONSENT: 1}
    assert (stats.dropped, stats.lost, stats.balanced) == (1, 0, True)


def test_default_deny_lets_nothing_through_until_somebody_agrees(
    make_tracker: MakeTracker, transport: RecordingTransport
) -> None:
    """All six calls are events of a category; taking a decision back brings the default back."""
    tracker = make_tracker(transport=transport, consent_default="deny")
    calls: list[Callable[[], str | None]] = [
        lambda: tracker.track("Paid", user_id="ana"),
        lambda: tracker.identify("ana"),
        lambda: tracker.page("Home", user_id="ana"),
        lambda: tracker.screen("Home", user_id="ana"),
        lambda: tracker.group("acme", user_id="ana"),
        lambda: tracker.alias("visitor", "ana"),
    ]
    assert [call() for call in calls] == [None] * 6
    tracker.consent(analytics=True)
    assert None not in [call() for call in calls]
    tracker.consent(analytics=None)
    assert [call() for call in calls] == [None] * 6
    assert len(sent(tracker, transport)) == 6
    assert tracker.stats().dropped_by_reason == {Dropped.NO_CONSENT: 12}


def test_a_scope_carries_its_persons_decisions(make_tracker: MakeTracker, transport: RecordingTransport) -> None:
    """A server has a person per request; the innermost decision wins over the tracker's."""
    tracker = make_tracker(transport=transport, consent_default="deny")
    with trackway.scope(user_id="ana", consent={"analytics": True}):
        tracker.track("Paid")
        with trackway.scope(consent={"analytics": False}):
            tracker.track("Refunded")
    with trackway.scope(user_id="ben"):
        tracker.track("Paid")
    assert [(event["event"], event["userId"]) for event in sent(tracker, transport)] == [("Paid", "ana")]


def test_a_scope_decides_where_nothing_else_is_configured(
    make_tracker: MakeTracker, transport: RecordingTransport
) -> None:
    """A person's no is obeyed by a tracker that never heard of consent."""
    tracker = make_tracker(transport=transport)
    with trackway.scope(user_id="ana", consent={"analytics": False}):
        assert tracker.track("Paid") is None
        assert tracker.identify() is None
    assert sent(tracker, transport) == []


def test_one_persons_yes_is_not_anothers(make_tracker: MakeTracker, transport: RecordingTransport) -> None:
    """Inside Ana's scope an event about Ben has her no, and not her yes."""
    tracker = make_tracker(transport=transport, consent_default="deny")
    with trackway.scope(user_id="ana", consent={"analytics": True}):
        assert tracker.track("Invited", user_id="ben") is None
    tracker.consent(analytics=True)
    with trackway.scope(user_id="ana", consent={"analytics": False}):
        assert tracker.track("Invited", user_id="ben") is None
    assert tracker.track("Invited", user_id="ben") is not None


def test_a_scopes_no_to_all_others_is_over_what_is_said_around_it(
    make_tracker: MakeTracker, transport: RecordingTransport
) -> None:
    """The innermost that says anything decides, by `*` as well: a yes for the whole program is not a person's yes."""
    tracker = make_tracker(transport=transport, consent_categories={"Ad Clicked": "advertising"})
    tracker.consent(analytics=True, advertising=True)
    with trackway.scope(user_id="ana", consent={"analytics": True, "*": False}):
        assert tracker.track("Ad Clicked") is None
        assert tracker.track("Ad Clicked", user_id="ben") is None
        assert tracker.track("Paid") is not None
        assert tracker.track("Invited", user_id="ben") is not None
        with trackway.scope(consent={"*": False}):
            assert tracker.track("Paid") is None
    assert [event["event"] for event in sent(tracker, transport)] == ["Paid", "Invited"]


@pytest.mark.parametrize("word", ["denied", False, ["analytics"]])
def test_a_scope_whose_consent_cannot_be_read_has_none(
    make_tracker: MakeTracker, transport: RecordingTransport, word: object
) -> None:
    """Where somebody said something about consent and it is no mapping, nothing is sent."""
    tracker = make_tracker(transport=transport)
    tracker.consent(analytics=True)
    with trackway.scope(user_id="ana", consent=word):  # type: ignore[arg-type]
        assert tracker.track("Paid") is None
    with trackway.scope(user_id="ana", consent=None):
        assert tracker.track("Paid") is not None
    assert len(sent(tracker, transport)) == 1


@pytest.mark.parametrize("word", ["true", "false", 1, 0, "granted"])
def test_only_true_is_a_yes(make_tracker: MakeTracker, caplog: pytest.LogCaptureFixture, word: object) -> None:
    """A cookie's text is no decision; it is taken as a no, and the log says so once, without the word."""
    tracker = make_tracker(transport=RecordingTransport())
    with caplog.at_level(logging.WARNING):
        tracker.consent(analytics=word)  # type: ignore[arg-type]
        tracker.consent({"analytics": word})  # type: ignore[dict-item]
    assert tracker.track("Paid", user_id="ana") is None
    assert [record.levelname for record in caplog.records if "consent" in record.message] == ["WARNING"]


def test_categories_have_a_default_of_their_own(make_tracker: MakeTracker, transport: RecordingTransport) -> None:
    """`*` stands for the events that are not named; `$page` for all pages."""
    tracker = make_tracker(
        transport=transport, consent_categories={"*": "statistics", "$page": "basic"}, consent_default="deny"
    )
    tracker.consent({"basic": True})
    tracker.page("Home", user_id="ana")
    tracker.track("Paid", user_id="ana")
    tracker.consent(statistics=True)
    tracker.track("Refunded", user_id="ana")
    assert [event.get("event", event["type"]) for event in sent(tracker, transport)] == ["page", "Refunded"]


@given(st.text(min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_who_is_in_at_a_rate_is_in_at_every_higher_one(person: str, one: float, other: float) -> None:
    """So a funnel is whole for everybody who is in at the lowest rate of its events."""
    low, high = sorted((one, other))
    assert is_in_sample(person, None, high) or not is_in_sample(person, None, low)
    assert is_in_sample(person, "device", one) == is_in_sample(person, None, one) == is_in_sample(None, person, one)
    assert not is_in_sample(person, None, 0)


def test_a_sample_is_as_large_as_asked_for_and_always_the_same() -> None:
    """Fixed by the specification in `sampling`: other SDKs, and later versions, must choose the same people."""
    chosen = [n for n in range(10_000) if is_in_sample(f"user-{n}", None, 0.1)]
    assert 900 < len(chosen) < 1100
    assert chosen[:5] == [8, 18, 23, 25, 28]
    assert is_in_sample(7, None, 0.5) == is_in_sample("7", None, 0.5)


def test_a_rate_thins_out_people_and_stands_in_the_context(
    make_tracker: MakeTracker, transport: RecordingTransport
) -> None:
    """Of each person come all events or none; with the rate an analysis can weight them."""
    tracker = make_tracker(transport=transport, sample=0.5)
    for number in range(40):
        for name in ("Cart Viewed", "Paid"):
            tracker.track(name, user_id=f"user-{number}")
    events = sent(tracker, transport)
    assert {event["context"]["sampling"]["rate"] for event in events} == {0.5}
    seen: dict[str, int] = {}
    for event in events:
        seen[event["userId"]] = seen.get(event["userId"], 0) + 1
    assert set(seen.values()) == {2}
    assert 10 < len(seen) < 30
    stats = tracker.stats()
    assert (stats.dropped_by_reason, stats.lost) == ({Dropped.SAMPLED_OUT: 80 - len(events)}, 0)


def test_rates_by_event_leave_the_others_whole() -> None:
    """Who people are is said by few events that others need; only a rate of their own thins them out."""
    one = Sampling({"Page Viewed": 0.1})
    assert (one.rate("Page Viewed"), one.rate("Paid"), one.rate("$identify")) == (0.1, 1, 1)
    every = Sampling(0.2)
    assert (every.rate("Paid"), every.rate("$page"), every.rate("$alias")) == (0.2, 0.2, 1)
    assert Sampling({"*": 0.3, "$identify": 0.5}).rate("$identify") == 0.5


def test_super_properties_are_on_every_event_and_the_events_own_win(
    make_tracker: MakeTracker, transport: RecordingTransport
) -> None:
    """The event's over the scope's over those of all; traits are who a person is, and get none."""

    @dataclass
    class Order:
        total: str

    tracker = make_tracker(transport=transport, super_properties={"app": "shop", "version": "1"})
    tracker.register({"version": "2", "shard": 3})
    with trackway.scope(properties={"version": "3"}):
        tracker.track("Paid", Order("12.50"), user_id="ana")  # type: ignore[arg-type]
    tracker.page("Home", {"app": "web"}, user_id="ana")
    tracker.identify("ana", {"plan": "free"})
    tracker.unregister("app", "version", "nothing")
    tracker.track("Left", user_id="ana")
    paid, home, ana, left = sent(tracker, transport)
    assert paid["properties"] == {"app": "shop", "version": "3", "shard": 3, "total": "12.50"}
    assert home["properties"] == {"app": "web", "version": "2", "shard": 3}
    assert ana["traits"] == {"plan": "free"}
    assert left["properties"] == {"shard": 3}


def test_super_properties_are_in_the_plans_sight(make_tracker: MakeTracker, shop_release: Release) -> None:
    """What every event carries has to be planned like the rest."""
    tracker = make_tracker(
        transport=RecordingTransport(), plan=shop_release, super_properties={"total": "not a number"}
    )
    tracker.track("Order Completed", {"order_id": "o-1"}, user_id="ana")
    assert tracker.stats().flagged == 1


def test_what_cannot_be_registered_is_ignored(make_tracker: MakeTracker, transport: RecordingTransport) -> None:
    """As everywhere after the constructor, nothing raises."""
    tracker = make_tracker(transport=transport)
    tracker.register(7)  # type: ignore[arg-type]
    tracker.consent(["analytics"])  # type: ignore[arg-type]
    assert tracker.track("Paid", user_id="ana") is not None


def test_a_forked_child_keeps_decisions_and_super_properties(make_tracker: MakeTracker) -> None:
    """They say how the program is set up; only what is queued stays with the parent."""
    tracker = make_tracker(transport=RecordingTransport(), super_properties={"app": "shop"})
    tracker.consent(analytics=False)
    tracker._reset_after_fork()
    assert tracker.track("Paid", user_id="ana") is None
    assert tracker.stats().dropped_by_reason == {Dropped.NO_CONSENT: 1}
