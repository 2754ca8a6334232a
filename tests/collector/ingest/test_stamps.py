"""Each event is judged by the revision stamped on it; what has no stamp of ours by the newest."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.releases import LiveReleases
from trackway_collector.spool import Record
from trackway_plan import EventSpec, Plan, PropertySpec, Release, Source, compile_release

from .test_wire import event


def release(rev: int, packets: str, **policy: str) -> Release:
    """A plan whose one property has another type in each revision."""
    spec = EventSpec(name="seeds_ordered", properties={"packets": PropertySpec(name="packets", kind=packets)})
    sources = {"web": Source(name="web"), "quiet": Source(name="quiet", on_violation={"unstamped": "allow"})}
    traits = {"user": {"plan": PropertySpec(name="plan", kind="string")}}
    plan = Plan(name="garden", sources=sources, events={spec.name: spec}, traits=traits, on_violation=policy)
    return compile_release(plan, rev)


OLD, NEW = release(1, "string"), release(2, "int")
LIVE = LiveReleases.of([NEW, OLD])


def stamp(of: Release, **changes: Any) -> dict[str, Any]:
    return {"protocols": {"plan": of.name, "rev": of.rev, "hash": of.hash} | changes}


def judged(*batch: dict[str, Any], source: str = "web", live: LiveReleases = LIVE, **shared: Any) -> Record:
    body = msgspec.json.encode({"batch": batch, **shared})
    return BatchDecoder(live).decode(body, call="", source=source, received_at_us=1)[0]


def each(record: Record) -> list[tuple[str, int, tuple[str, ...]]]:
    """Outcome, revision and violations of every event."""
    plain = (record.verdict, record.validated_rev, record.violations)
    found = [record.exceptions.get(position) for position in range(record.events)]
    return [(v.outcome, v.rev or record.validated_rev, v.violations) if v else plain for v in found]


NEW_EVENT = event(properties={"packets": 2}, context=stamp(NEW))
OLD_EVENT = event(properties={"packets": "two"}, context=stamp(OLD))


@pytest.mark.parametrize(("item", "rev"), [(NEW_EVENT, 2), (OLD_EVENT, 1)])
def test_a_batch_of_one_revision_is_known_in_one_pass(item: dict[str, Any], rev: int) -> None:
    """Of the newest and of an older one; nothing has to be said about its events."""
    record = judged(item, item)
    assert each(record) == [("ok", rev, ())] * 2
    assert (record.careful, record.exceptions) == (False, {})


def test_a_mixed_batch_is_judged_event_by_event() -> None:
    """Each by its own revision, whether it is right or wrong by it."""
    wrong_old = event(properties={"packets": 2}, context=stamp(OLD))
    wrong_new = event(properties={"packets": "two"}, context=stamp(NEW))
    assert each(judged(NEW_EVENT, OLD_EVENT, wrong_old, wrong_new)) == [
        ("ok", 2, ()),
        ("ok", 1, ()),
        ("quarantined", 1, ("wrong_type /packets",)),
        ("quarantined", 2, ("wrong_type /packets",)),
    ]


@pytest.mark.parametrize(
    "context",
    [
        None,
        {},
        {"protocols": None},
        {"protocols": 7},
        stamp(NEW, hash="0" * 12),
        stamp(NEW, rev=3),
        stamp(NEW, plan="field"),
        stamp(NEW, rev="2"),
    ],
)
def test_without_a_known_stamp_the_newest_judges_and_says_so(context: Any) -> None:
    """Missing, of another plan, an unknown number, or the number with another hash."""
    assert each(judged(event(properties={"packets": 2}, context=context))) == [("flagged", 2, ("unstamped",))]
    assert each(judged(event(properties={"packets": "x"}, context=context))) == [
        ("quarantined", 2, ("wrong_type /packets", "unstamped"))
    ]


def test_a_batch_that_no_one_stamps_is_one_verdict() -> None:
    """Clients that are not ours are not slower for it: `unstamped` is said once for the batch."""
    record = judged(*[event(messageId=f"m-{n}", properties={"packets": n}) for n in range(3)])
    assert (record.verdict, record.violations, record.exceptions) == ("flagged", ("unstamped",), {})


def test_a_source_may_be_allowed_to_send_without_a_stamp() -> None:
    """`unstamped: allow` at a source that uses somebody else's client."""
    assert each(judged(event(properties={"packets": 2}), source="quiet")) == [("ok", 2, ())]
    assert each(judged(event(properties={"packets": "x"}), source="quiet")) == [
        ("quarantined", 2, ("wrong_type /packets",))
    ]


@pytest.mark.parametrize(("action", "outcome"), [("quarantine", "quarantined"), ("reject", "rejected")])
def test_a_plan_may_insist_on_stamps(action: str, outcome: str) -> None:
    """Then an event without one is set aside, or refused for good."""
    live = LiveReleases.of([release(3, "int", unstamped=action)])
    assert each(judged(event(properties={"packets": 2}), live=live)) == [(outcome, 3, ("unstamped",))]


def test_calls_that_no_plan_speaks_of_need_no_stamp() -> None:
    """Pages are not checked, so nothing is said of who checked them; traits of a planned kind are."""
    page, user = event(type="page", name="Home"), event(type="identify", traits={"plan": "pro"})
    group = event(type="group", traits={"plan": "pro"})
    assert [found[0] for found in each(judged(page, user, group))] == ["ok", "flagged", "unplanned"]


def test_the_batchs_context_stamps_events_that_have_no_stamp() -> None:
    """As it fills in everything else; an event's own stamp wins."""
    item = event(properties={"packets": "two"})
    assert each(judged(item, NEW_EVENT, context=stamp(OLD))) == [("ok", 1, ()), ("ok", 2, ())]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([2, "two", None]), st.sampled_from(["new", "old", "none"])), min_size=1, max_size=4
    )
)
def test_company_changes_no_verdict(parts: list[tuple[Any, str]]) -> None:
    """An event has the verdict that it has alone, whatever else is in its batch."""
    contexts = {"new": stamp(NEW), "old": stamp(OLD), "none": None}
    batch = [event(properties={"packets": packets}, context=contexts[which]) for packets, which in parts]
    assert each(judged(*batch)) == [each(judged(item))[0] for item in batch]


def test_a_request_is_finished_by_the_releases_it_began_with() -> None:
    """What comes live between two slices of a batch judges the next batch."""
    decoder = BatchDecoder(LiveReleases.of([OLD]))
    wrong = [event(messageId=f"m-{n}", properties={"packets": n}, context=stamp(OLD)) for n in range(200)]
    work = decoder.slices(msgspec.json.encode({"batch": wrong}), call="", source="web", received_at_us=1)
    next(work)
    newer = decoder.successor(LIVE, decoder.policies, ["web"])
    try:
        while True:
            next(work)
    except StopIteration as done:
        record: Record = done.value[0]
    assert set(each(record)) == {("quarantined", 1, ("wrong_type /packets",))}
    assert (decoder.rev, newer.rev) == (1, 2)
