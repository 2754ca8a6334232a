"""`store: drop` and `store: hash` in the SDK: what the plan forbids to store does not leave the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from trackway import ConfigurationError, PlanViolationError, Tracker
from trackway.testing import RecordingTransport
from trackway_plan import EventSpec, Plan, PropertySpec, Release, compile_release
from trackway_plan.redact import hashed, is_hashed

MakeTracker = Callable[..., Tracker]
KEY = "a key that only we know"
ORDER = {"order_id": "o-17", "gift_note": "for Ana", "email": "ana@example.com"}


@pytest.fixture
def gifts() -> Release:
    """A plan that drops a note, hashes an address, and drops a trait."""
    properties = {
        "order_id": PropertySpec(kind="string"),
        "gift_note": PropertySpec(kind="text", store="drop"),
        "email": PropertySpec(kind="string", store="hash", format="email"),
    }
    plan = Plan(
        name="gifts",
        events={"Gift Sent": EventSpec(name="Gift Sent", properties=properties)},
        traits={kind: {"phone": PropertySpec(kind="string", store="drop")} for kind in ("user", "account")},
    )
    return compile_release(plan, 1)


def sent(tracker: Tracker, transport: RecordingTransport) -> list[dict[str, Any]]:
    assert tracker.flush()
    assert b"for Ana" not in msgspec.json.encode(transport.batches)
    return transport.events


def test_with_a_key_nothing_of_it_leaves(
    make_tracker: MakeTracker, transport: RecordingTransport, gifts: Release
) -> None:
    """The dropped property is not in the request, and of the hashed one its HMAC; the event is not flagged for that."""
    tracker = make_tracker(transport=transport, plan=gifts, hash_key=KEY)
    tracker.track("Gift Sent", ORDER, user_id="ana")
    (event,) = sent(tracker, transport)
    expected = hashed(b'"ana@example.com"', KEY.encode())
    assert event["properties"] == {"order_id": "o-17", "email": expected}
    assert tracker.stats().flagged == 0


def test_the_key_may_come_from_the_environment(
    make_tracker: MakeTracker, transport: RecordingTransport, gifts: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TRACKWAY_HASH_KEY is the variable, as in the collector."""
    monkeypatch.setenv("TRACKWAY_HASH_KEY", KEY)
    tracker = make_tracker(transport=transport, plan=gifts)
    tracker.track("Gift Sent", ORDER, user_id="ana")
    assert is_hashed(sent(tracker, transport)[0]["properties"]["email"])


def test_without_a_key_hashing_is_the_collectors(
    make_tracker: MakeTracker, transport: RecordingTransport, gifts: Release
) -> None:
    """What is to be dropped is dropped all the same."""
    tracker = make_tracker(transport=transport, plan=gifts)
    tracker.track("Gift Sent", ORDER, user_id="ana")
    assert sent(tracker, transport)[0]["properties"] == {"order_id": "o-17", "email": "ana@example.com"}


@pytest.mark.parametrize("policy", ["flag", "off"])
def test_a_violation_and_no_check_at_all_change_nothing_about_it(
    make_tracker: MakeTracker, transport: RecordingTransport, gifts: Release, policy: str
) -> None:
    """Flagged events are redacted as others are, and so they are with `on_violation="off"`."""
    tracker = make_tracker(transport=transport, plan=gifts, hash_key=KEY, on_violation=policy)
    tracker.track("Gift Sent", {**ORDER, "email": "no address", "colour": "red"}, user_id="ana")
    (event,) = sent(tracker, transport)
    assert is_hashed(event["properties"]["email"])
    assert ("violations" in event["context"]["protocols"]) == (policy == "flag")


def test_traits_are_redacted_too(make_tracker: MakeTracker, transport: RecordingTransport, gifts: Release) -> None:
    """Of users and of accounts."""
    tracker = make_tracker(transport=transport, plan=gifts)
    tracker.identify("ana", {"phone": "for Ana"})
    tracker.group("acme", {"phone": "for Ana"}, user_id="ana")
    assert [event["traits"] for event in sent(tracker, transport)] == [{}, {}]


def test_values_are_checked_before_they_are_hashed(make_tracker: MakeTracker, gifts: Release) -> None:
    """Whoever sends something else than an address learns it, and does not read the value."""
    tracker = make_tracker(transport=RecordingTransport(), plan=gifts, hash_key=KEY, on_violation="raise")
    with pytest.raises(PlanViolationError) as caught:
        tracker.track("Gift Sent", {**ORDER, "email": "no address"}, user_id="ana")
    assert [violation.path for violation in caught.value.violations] == ["/email"]
    assert "no address" not in str(caught.value)


def test_a_key_that_can_be_guessed_is_refused(make_tracker: MakeTracker) -> None:
    """Under 16 characters; neither the message nor the options show a key."""
    with pytest.raises(ConfigurationError, match="16 characters or more") as caught:
        make_tracker(hash_key="hunter2")
    assert "hunter2" not in str(caught.value)
    assert KEY not in repr(make_tracker(hash_key=KEY).options)
