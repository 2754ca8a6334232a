"""A batch with right envelopes is judged by its properties alone, and gets the verdicts of the careful way."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking_plan.test_one_verdict import cases
from trackway_collector.ingest.rules.sources import Limits, Policies, SourcePolicy
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.ingest.verdicts.judge import judge
from trackway_collector.ingest.verdicts.judges import Judges
from trackway_collector.ingest.verdicts.opened import OpenedWay
from trackway_collector.releases import LiveReleases
from trackway_collector.spool import EventVerdict
from trackway_plan import EventSpec, Plan, PropertySpec, Release, Source, compile_release
from trackway_plan.model import Former

from .test_wire import event

LIMITS = Limits(event_bytes=2_000, batch_events=5, message_id_chars=8)
PACKETS = EventSpec(
    name="seeds_ordered",
    sent_by=("web",),
    properties={"packets": PropertySpec(name="packets", kind="int", required=True, min=1)},
)


def plan(spec: EventSpec = PACKETS, rev: int = 1, **policy: str) -> Release:
    sources = {"web": Source(name="web"), "api": Source(name="api", on_violation={"out_of_range": "quarantine"})}
    old = EventSpec(name="dug", status="deprecated", replaced_by=spec.name, formerly=(Former(event="dug once"),))
    return compile_release(
        Plan(name="garden", sources=sources, events={spec.name: spec, "dug": old}, on_violation=policy), rev
    )


def stamped(release: Release) -> dict[str, Any]:
    return {"protocols": {"plan": release.name, "rev": release.rev, "hash": release.hash}}


RELEASE = plan()


def by_both_ways(body: bytes, release: Release, source: str) -> dict[int, EventVerdict]:
    """The verdicts on a batch; the careful way's, event by event, must be the same."""
    record, kept = BatchDecoder(release, Policies(SourcePolicy(LIMITS))).decode(
        body, call="", source=source, received_at_us=1
    )
    raws = msgspec.json.decode(body, type=dict[str, list[msgspec.Raw]])["batch"]
    judges = Judges(LiveReleases.of([release]))
    each = [judge(raw, call="", source=source, judges=judges, limits=LIMITS) for raw in raws]
    way = OpenedWay.of(judges, source, LIMITS)
    if way is not None and way.opened(body) is not None:
        assert kept == body
        assert all(found.kept is raw for found, raw in zip(each, raws, strict=True))
    if record.careful:
        found = {at: _known(one.verdict) for at, one in enumerate(each) if one.verdict is not None}
        assert {at: _known(verdict) for at, verdict in record.exceptions.items()} == found
    return record.exceptions


def _known(verdict: EventVerdict) -> EventVerdict:
    """The verdict without the id that the collector gives an event which has none: a new one each time."""
    return msgspec.structs.replace(verdict, message_id="given" if verdict.message_id else "")


ODD = [
    pytest.param({}, True, id="nothing odd"),
    pytest.param({"userId": "", "anonymousId": "a"}, True, id="an anonymous person"),
    pytest.param({"event": "never planned"}, True, id="an unplanned event"),
    pytest.param({"event": "dug"}, True, id="a deprecated event"),
    pytest.param({"event": "dug once"}, True, id="a former name"),
    pytest.param({"properties": {"packets": "two", "x" * 300: [1]}}, True, id="a wrong type"),
    pytest.param({"properties": {"a/b~c": "\\ \u2028 数据"}}, True, id="escapes"),
    pytest.param({"type": "page"}, False, id="another call"),
    pytest.param({"event": ""}, False, id="no event name"),
    pytest.param({"event": "$doctor"}, False, id="the doctor"),
    pytest.param({"userId": ""}, False, id="nobody"),
    pytest.param({"userId": 7}, False, id="an id that is a number"),
    pytest.param({"messageId": ""}, False, id="no message id"),
    pytest.param({"messageId": "x" * 9}, False, id="a long message id"),
    pytest.param({"timestamp": "yesterday"}, False, id="no time"),
    pytest.param({"timestamp": "1970-01-01T00:30:00+01:00"}, False, id="a year that cannot be stored"),
    pytest.param({"properties": None}, False, id="no properties"),
    pytest.param({"properties": [1]}, False, id="a list as properties"),
    pytest.param({"context": {}}, False, id="no stamp"),
    pytest.param({"context": stamped(plan(rev=2))}, False, id="the stamp of another revision"),
    pytest.param({"traits": {"plan": "gold"}}, False, id="traits"),
    pytest.param({"properties": {"packets": "x" * 2_000}}, False, id="over the limit"),
]


def a_track(**changes: Any) -> dict[str, Any]:
    return event(messageId="m-1", context=stamped(RELEASE), properties={"packets": 0}) | changes


@pytest.mark.parametrize(("changes", "is_opened"), ODD)
def test_what_is_odd_beside_the_properties_takes_the_careful_way(changes: dict[str, Any], is_opened: bool) -> None:
    """Whichever way a batch takes, its verdicts are those of the careful way."""
    body = json.dumps({"batch": [a_track(), a_track(**changes), a_track()]}).encode()
    way = OpenedWay.of(Judges(LiveReleases.of([RELEASE])), "web", LIMITS)
    assert way is not None
    assert (way.opened(body) is not None) == is_opened
    for source in ("web", "api", "unknown"):
        assert by_both_ways(body, RELEASE, source)


@pytest.mark.parametrize("value", ['"\\ud800"', "1e400", '{"a": "\\udc00x"}', "[" * 2000 + "]" * 2000, '"\xff"'])
def test_what_cannot_be_read_takes_the_careful_way(value: str) -> None:
    """Half characters, numbers beyond all bounds and bottomless lists are told by the careful way."""
    one = json.dumps(a_track()).replace('"packets": 0', f'"packets": {value}')
    body = b'{"batch":[%s]}' % one.encode("latin-1")
    way = OpenedWay.of(Judges(LiveReleases.of([RELEASE])), "web", LIMITS)
    assert way is not None
    assert way.opened(body) is None


@pytest.mark.parametrize("count", [0, 6])
def test_empty_and_too_large_batches_are_not_opened(count: int) -> None:
    """How many events a batch may hold is for the careful way to say."""
    way = OpenedWay.of(Judges(LiveReleases.of([RELEASE])), "web", LIMITS)
    assert way is not None
    assert way.opened(msgspec.json.encode({"batch": [a_track()] * count})) is None


@pytest.mark.parametrize(
    "release",
    [
        plan(wrong_type="strip"),
        plan(unplanned_property="reject"),
        plan(msgspec.structs.replace(PACKETS, on_violation={"out_of_range": "strip"})),
        plan(EventSpec(name="seen", properties={"v": PropertySpec(name="v", kind="int", store="drop")})),
    ],
)
def test_where_something_may_have_to_go_no_batch_is_opened(release: Release) -> None:
    """What strips, rejects, hashes or drops looks at each event as a whole."""
    assert OpenedWay.of(Judges(LiveReleases.of([release])), "web", LIMITS) is None


@given(case=cases(), source=st.sampled_from(["web", "api", "unknown"]), name=st.sampled_from(["seen", "spotted", "x"]))
@settings(max_examples=200, deadline=None)
def test_all_ways_give_one_verdict(case: tuple[EventSpec, bytes], source: str, name: str) -> None:
    """Over random events and properties: code, path, sentence and order of every violation are the same."""
    spec, raw = case
    try:
        msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    release = plan(spec)
    whole = msgspec.json.encode(a_track(event=name, context=stamped(release), properties=msgspec.Raw(raw)))
    fine = msgspec.json.encode(a_track(event="dug", context=stamped(release), properties={}))
    by_both_ways(b'{"batch":[%s,%s]}' % (whole, fine), release, source)
