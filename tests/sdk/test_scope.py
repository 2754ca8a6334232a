"""Scopes: what they fill in, how they nest, where they reach, and that none outlives its block."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trackway
from trackway import Tracker
from trackway._events.scope import Scope, current
from trackway.testing import RecordingTransport
from trackway_plan import Release

Sent = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def tracker(make_tracker: Callable[..., Tracker], transport: RecordingTransport) -> Tracker:
    """A tracker without a plan."""
    return make_tracker(transport=transport)


@pytest.fixture
def sent(tracker: Tracker, transport: RecordingTransport) -> Sent:
    """All events so far, as the collector would get them."""

    def flush() -> list[dict[str, Any]]:
        assert tracker.flush(5)
        return transport.events

    return flush


def test_an_event_inside_needs_no_ids(tracker: Tracker, sent: Sent) -> None:
    """What a scope binds is on the event: ids, session, context and properties."""
    with trackway.scope(
        user_id="user-7",
        anonymous_id="visit-3",
        session_id="s-1",
        context={"page": {"path": "/basket"}},
        properties={"shop": "tea"},
    ):
        assert tracker.track("Order Completed", {"total": "12.50"}) is not None
    (event,) = sent()
    assert (event["userId"], event["anonymousId"]) == ("user-7", "visit-3")
    assert event["properties"] == {"shop": "tea", "total": "12.50"}
    assert event["context"]["page"] == {"path": "/basket"}
    assert event["context"]["sessionId"] == "s-1"
    assert event["context"]["library"]["name"] == "trackway-python"


def test_without_a_scope_nothing_is_filled_in(tracker: Tracker) -> None:
    """Before, and after a scope has ended, an event without ids belongs to nobody and is dropped."""
    with trackway.scope(user_id="user-7"):
        pass
    assert tracker.track("Order Completed") is None
    assert tracker.stats().dropped_by_reason["no_person"] == 1


def test_every_call_takes_from_the_scope(tracker: Tracker, sent: Sent) -> None:
    """All six calls take ids, session and context; properties go into track, page and screen, never into traits."""
    with trackway.scope(user_id="user-7", session_id="s-1", context={"ip": "203.0.113.9"}, properties={"shop": "tea"}):
        tracker.track("Tea Tasted")
        tracker.page("Basket")
        tracker.screen("Basket")
        tracker.identify(traits={"city": "Graz"})
        tracker.group("account-2", {"plan": "gold"})
        tracker.alias("visit-3", "user-7")
    events = {event["type"]: event for event in sent()}
    assert len(events) == 6
    for event in events.values():
        assert event["userId"] == "user-7"
        assert event["context"]["sessionId"] == "s-1"
        assert event["context"]["ip"] == "203.0.113.9"
    assert {kind: event.get("properties") for kind, event in events.items()} == {
        "track": {"shop": "tea"},
        "page": {"shop": "tea"},
        "screen": {"shop": "tea"},
        "identify": None,
        "group": None,
        "alias": None,
    }
    assert events["identify"]["traits"] == {"city": "Graz"}
    assert events["group"]["traits"] == {"plan": "gold"}


def test_arguments_win(tracker: Tracker, sent: Sent) -> None:
    """What a call is given itself is taken; None as a property is something given."""
    with trackway.scope(
        user_id="user-7",
        session_id="s-1",
        context={"page": {"path": "/a", "search": "?q=tea"}, "ip": "203.0.113.9"},
        properties={"shop": "tea", "till": 4},
    ):
        tracker.track("Order Completed", {"shop": None}, session_id="s-2", context={"page": {"path": "/b"}})
    (event,) = sent()
    assert event["properties"] == {"shop": None, "till": 4}
    assert event["context"]["sessionId"] == "s-2"
    assert event["context"]["page"] == {"path": "/b"}
    assert event["context"]["ip"] == "203.0.113.9"


def test_another_person_takes_nothing_of_this_one(tracker: Tracker, sent: Sent) -> None:
    """An event about somebody else gets neither the ids nor the session of who is at work: two stay two."""
    with trackway.scope(user_id="user-7", anonymous_id="visit-3", session_id="s-1", context={"ip": "203.0.113.9"}):
        tracker.track("Account Suspended", user_id="user-9")
        tracker.track("Visit Merged", anonymous_id="visit-5")
        tracker.alias("visit-5", "user-9")
    suspended, merged, alias = sent()
    assert suspended["userId"] == "user-9"
    assert "anonymousId" not in suspended
    assert merged["anonymousId"] == "visit-5"
    assert "userId" not in merged
    for event in (suspended, merged, alias):
        assert "sessionId" not in event["context"]
        assert event["context"]["ip"] == "203.0.113.9"


def test_who_logs_in_keeps_the_visit(tracker: Tracker, sent: Sent) -> None:
    """A call that names the user of a scope that has only a visit carries both, so that they become one person."""
    with trackway.scope(anonymous_id="visit-3", session_id="s-1"):
        tracker.identify("user-7")
    with trackway.scope(user_id=7, session_id="s-1"):
        tracker.track("Tea Tasted", user_id="7", anonymous_id="visit-3")
    for event in sent():
        assert event["userId"] in ("user-7", "7")
        assert event["anonymousId"] == "visit-3"
        assert event["context"]["sessionId"] == "s-1"


@pytest.mark.parametrize("missing", [None, "", float("nan")])
def test_scopes_nest(missing: Any, tracker: Tracker, sent: Sent) -> None:
    """The inner scope wins; what it leaves open, or gives as nothing, is the outer's; mappings merge by first level."""
    outer_context = {"page": {"path": "/a", "search": "?q=tea"}, "ip": "203.0.113.9"}
    with (
        trackway.scope(user_id="user-7", session_id="s-1", context=outer_context, properties={"a": 1, "b": 1}),
        trackway.scope(user_id=missing, session_id="s-2", context={"page": {"path": "/b"}}, properties={"b": 2}),
    ):
        tracker.track("Tea Tasted")
    (event,) = sent()
    assert event["userId"] == "user-7"
    assert event["context"]["sessionId"] == "s-2"
    assert event["context"]["page"] == {"path": "/b"}
    assert event["context"]["ip"] == "203.0.113.9"
    assert event["properties"] == {"a": 1, "b": 2}


def test_consent_is_merged_by_category() -> None:
    """An inner scope may change its mind about one category and keep the others."""
    with trackway.scope(consent={"marketing": True, "analytics": True}), trackway.scope(consent={"marketing": False}):
        assert _current().consent == {"marketing": False, "analytics": True}


def test_an_id_may_become_known_late(tracker: Tracker, sent: Sent) -> None:
    """A function is asked at each event: before the login it knows nobody, and the outer scope's answer counts."""
    logged_in: list[str] = []
    with (
        trackway.scope(user_id="kiosk", anonymous_id="visit-3"),
        trackway.scope(user_id=lambda: logged_in[0] if logged_in else None),
    ):
        tracker.track("Login Shown")
        logged_in.append("user-7")
        tracker.track("Logged In")
    assert [event["userId"] for event in sent()] == ["kiosk", "user-7"]


def test_context_may_be_made_by_the_first_event(tracker: Tracker, sent: Sent) -> None:
    """A function as context is asked once, by the first event and not before, also when scopes lie over it."""
    asked: list[str] = []

    def page() -> dict[str, object]:
        asked.append("page")
        return {"page": {"path": "/basket"}, "ip": "203.0.113.9"}

    with trackway.scope(user_id="user-7", context=page), trackway.scope(context={"ip": "203.0.113.10"}):
        assert asked == []
        tracker.track("Tea Tasted")
        with trackway.scope(context={"locale": "de-AT"}):
            tracker.track("Tea Tasted", context={"page": None})
    assert asked == ["page"]
    first, second = (event["context"] for event in sent())
    assert (first["page"], first["ip"]) == ({"path": "/basket"}, "203.0.113.10")
    assert (second["page"], second["ip"], second["locale"]) == (None, "203.0.113.10", "de-AT")


@pytest.mark.parametrize("broken", [lambda: 1 / 0, lambda: 4], ids=["raises", "no mapping"])
def test_a_context_that_cannot_be_made_costs_no_event(broken: Any, tracker: Tracker, sent: Sent) -> None:
    """A context function that raises, or returns no mapping, leaves the rest of the scope in force."""
    with trackway.scope(user_id="user-7", context=broken), trackway.scope(session_id="s-1"):
        tracker.track("Tea Tasted")
    assert sent()[0]["userId"] == "user-7"
    assert sent()[0]["context"]["sessionId"] == "s-1"


def test_a_failing_function_costs_no_event(tracker: Tracker, sent: Sent, caplog: pytest.LogCaptureFixture) -> None:
    """An id function that raises is logged once, by the kind of error and without its text, and the event is sent."""

    def broken() -> str:
        msg = "user-7 is not in the database"
        raise LookupError(msg)

    with trackway.scope(user_id=broken, anonymous_id="visit-3"):
        tracker.track("Tea Tasted")
        tracker.track("Tea Tasted")
    assert [event.get("userId") for event in sent()] == [None, None]
    assert caplog.text.count("LookupError") <= 1
    assert "user-7" not in caplog.text


def test_a_function_that_tracks_is_not_asked_by_its_own_event(tracker: Tracker, sent: Sent) -> None:
    """An event tracked in finding out who it is, is nobody's, or whose its call says; nothing goes in circles."""

    def find_user() -> str:
        tracker.track("User Looked Up", anonymous_id="lookup")
        return "user-7"

    def page() -> dict[str, object]:
        tracker.track("Page Looked Up", anonymous_id="lookup")
        return {}

    with trackway.scope(user_id=find_user, context=page):
        tracker.track("Tea Tasted")
        assert _current().user_id is find_user
    assert sorted((event["event"], event.get("userId")) for event in sent()) == [
        ("Page Looked Up", None),
        ("Tea Tasted", "user-7"),
        ("User Looked Up", None),
    ]


@dataclass
class Order:
    total: Decimal
    shop: str


def test_properties_of_any_kind_are_merged(tracker: Tracker, sent: Sent) -> None:
    """A dataclass as properties is merged as the object it is sent as; every digit stays."""
    with trackway.scope(user_id="user-7", properties={"shop": "tea", "till": 4}):
        tracker.track("Order Completed", Order(Decimal("12.500"), "coffee"))  # type: ignore[arg-type]
        tracker.track("Order Completed", {"grams": 10**30})
    first, second = sent()
    assert first["properties"] == {"total": "12.500", "shop": "coffee", "till": 4}
    assert second["properties"] == {"shop": "tea", "till": 4, "grams": 10**30}


def test_nonsense_in_a_call_ends_as_without_a_scope(tracker: Tracker) -> None:
    """Properties or a context that are no objects are refused for what they are."""
    with trackway.scope(user_id="user-7", context={"ip": "203.0.113.9"}, properties={"shop": "tea"}):
        tracker.track("Tea Tasted", [1, 2])  # type: ignore[arg-type]
        tracker.track("Tea Tasted", context="page")  # type: ignore[arg-type]
    assert tracker.stats().dropped_by_reason == {"not_an_object": 2}


def test_nonsense_in_a_scope_is_ignored(tracker: Tracker, sent: Sent) -> None:
    """A mapping that is none breaks neither the program nor its events."""
    with trackway.scope(user_id="user-7", context="page", properties=4):  # type: ignore[arg-type]
        tracker.track("Tea Tasted")
    assert sent()[0]["userId"] == "user-7"


def test_a_scope_keeps_what_it_was_given() -> None:
    """Changing a mapping afterwards does not change the scope."""
    context = {"ip": "203.0.113.9"}
    with trackway.scope(context=context):
        context["ip"] = "203.0.113.10"
        assert _current().context == {"ip": "203.0.113.9"}


def test_the_plan_judges_what_is_sent(
    make_tracker: Callable[..., Tracker], transport: RecordingTransport, shop_release: Release
) -> None:
    """Properties of a scope count for the plan: they can complete an event, and they can break it."""
    tracker = make_tracker(transport=transport, plan=shop_release, source="backend")
    with trackway.scope(user_id="user-7", properties={"order_id": "o-1"}):
        tracker.track("Order Completed", {"items": 2})
        tracker.track("Order Completed", {"items": 0})
    tracker.flush()
    good, bad = transport.events
    assert "violations" not in good["context"]["protocols"]
    assert bad["context"]["protocols"]["violations"] == [{"code": "out_of_range", "path": "/items"}]


def test_the_tracker_has_the_same_scope(tracker: Tracker, sent: Sent) -> None:
    """`tracker.scope` is `trackway.scope`, at hand where the tracker is."""
    with tracker.scope(user_id="user-7"):
        tracker.track("Tea Tasted")
    assert sent()[0]["userId"] == "user-7"
    assert Tracker.scope is trackway.scope


def test_an_exception_ends_the_scope() -> None:
    """It passes through, and what was bound before is bound again."""
    with trackway.scope(user_id="user-7"):
        with pytest.raises(ZeroDivisionError), trackway.scope(user_id="user-9"):
            _ = 1 / 0
        assert _current().user_id == "user-7"
    assert current() is None


def test_one_scope_object_may_be_used_again_and_inside_itself() -> None:
    """A scope made once for a whole program works in each place that enters it."""
    admin = trackway.scope(user_id="admin")
    for _ in range(2):
        with admin, trackway.scope(session_id="s-1"), admin:
            assert _current() == Scope(user_id="admin", session_id="s-1")
        assert current() is None


def test_threads_begin_without_a_scope(tracker: Tracker, sent: Sent) -> None:
    """A thread has its own; with a copy of the context it has its starter's."""
    found: list[Scope | None] = []
    with trackway.scope(user_id="user-7"):
        copied = contextvars.copy_context()
        for target in (lambda: found.append(current()), lambda: copied.run(lambda: found.append(current()))):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
    assert [scope.user_id if scope else None for scope in found] == [None, "user-7"]


def test_threads_do_not_share_scopes() -> None:
    """A hundred threads in the same scope object each see their own nesting."""
    shared = trackway.scope(session_id="s-1")

    def work(number: int) -> bool:
        with trackway.scope(user_id=number), shared, trackway.scope(anonymous_id=number):
            inside = _current() == Scope(user_id=number, session_id="s-1", anonymous_id=number)
        return inside and current() is None

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(1, 101)))


async def test_tasks_inherit_and_do_not_give_back() -> None:
    """A task keeps the scope it was started in, even after that has ended; its own does not reach its starter."""
    go = asyncio.Event()

    async def later() -> tuple[object, object]:
        await go.wait()
        with trackway.scope(session_id="s-2"):
            inside = _current().session_id
        return inside, _current().user_id

    with trackway.scope(user_id="user-7"):
        task = asyncio.create_task(later())
        with trackway.scope(user_id="user-9"):
            await asyncio.to_thread(_assert_user, "user-9")
    go.set()
    assert await task == ("s-2", "user-7")
    assert current() is None


async def test_requests_side_by_side_do_not_mix() -> None:
    """Fifty tasks that wait inside their scopes for one another each see their own person."""
    everyone = asyncio.Barrier(50)

    async def request(number: int) -> bool:
        with trackway.scope(user_id=number):
            await everyone.wait()
            mine = _current().user_id == number
            await everyone.wait()
            return mine

    assert all(await asyncio.gather(*(request(number) for number in range(1, 51))))


def test_a_chain_of_tasks_does_not_grow() -> None:
    """Tasks that each start the next from inside their scope do not keep all scopes there ever were."""

    def links(scope: Scope | None) -> int:
        count = 0
        while scope is not None:
            count += 1
            scope = scope._place.outer if scope._place else None
        return count

    context = contextvars.copy_context()
    for _ in range(100):

        def step() -> contextvars.Context:
            with trackway.scope(properties={"step": 1}):
                return contextvars.copy_context()

        context = context.run(step)
    assert context.run(lambda: links(current())) <= 2


def test_generators_that_end_in_any_order_leave_nothing_behind() -> None:
    """A scope in a generator is seen by who iterates; when all have ended, in any order, no scope is left."""

    def rows(user: str) -> Generator[object]:
        with trackway.scope(user_id=user):
            yield _current().user_id
            yield _current().user_id

    first, second, third = rows("user-1"), rows("user-2"), rows("user-3")
    assert [next(first), next(second), next(third)] == ["user-1", "user-2", "user-3"]
    first.close()
    second.close()
    assert _current().user_id == "user-3"
    third.close()
    assert current() is None


def test_a_generator_closed_elsewhere_does_no_harm() -> None:
    """Closing it in another context, as garbage collection does, neither raises nor ends a scope there."""

    def rows() -> Generator[None]:
        with trackway.scope(user_id="user-7"):
            yield

    generator = rows()
    started = contextvars.copy_context()
    started.run(next, generator)
    with trackway.scope(user_id="user-9"):
        generator.close()
        assert _current().user_id == "user-9"


async def test_an_abandoned_async_generator_does_no_harm() -> None:
    """The event loop closes it in a task of its own, where its scope was never entered."""

    async def rows() -> AsyncIterator[None]:
        with trackway.scope(user_id="user-7"):
            yield

    async def look_once() -> None:
        async for _ in rows():
            break

    await asyncio.create_task(look_once())
    await asyncio.sleep(0)
    assert current() is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=40))
def test_any_order_of_leaving_ends_with_nothing(steps: list[tuple[bool, int]]) -> None:
    """Whatever order scopes are entered and left in: while any is open one of the open is current, at last none."""
    open_scopes: list[tuple[trackway.scope, int]] = []
    for number, (enter, choice) in enumerate(steps, start=1):
        if enter or not open_scopes:
            scope = trackway.scope(user_id=number)
            scope.__enter__()
            open_scopes.append((scope, number))
        else:
            open_scopes.pop(choice % len(open_scopes))[0].__exit__(None, None, None)
        inside = current()
        assert (inside.user_id if inside else None) == (open_scopes[-1][1] if open_scopes else None)
    while open_scopes:
        open_scopes.pop(0)[0].__exit__(None, None, None)
    assert current() is None


def _current() -> Scope:
    scope = current()
    assert scope is not None
    return scope


def _assert_user(user: str) -> None:
    assert _current().user_id == user
