"""What a client is told of each of its events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trackway_collector.ingest.reports.recent import RecentIds
from trackway_collector.ingest.reports.results import MEDIA_TYPE, results
from trackway_collector.ingest.rules.sources import Limits
from trackway_collector.spool.record import EventVerdict, Record
from trackway_plan import Release

from .conftest import Collector, StartCollector
from .test_wire import event

FLAGGED = {"userId": None}
QUARANTINED = {"properties": {"packets": "two"}}
REJECTED = {"context": {"pad": "x" * 40_000}}


async def told(collector: Collector, *events: dict[str, Any]) -> dict[str, Any]:
    """Post a batch and return the answer, which is 200."""
    status, answer = await collector.post("/v1/batch", {"batch": events}, Accept=f"{MEDIA_TYPE}, application/json")
    assert status == 200
    assert answer.pop("success") is True
    return dict(answer)


async def test_a_batch_that_is_right_is_answered_in_a_line(start_collector: StartCollector, garden: Release) -> None:
    """What all events share is said once: the answer to 2,500 of them is as short as that to one."""
    collector = await start_collector(garden)

    answer = await told(collector, *[event(messageId=f"m-{n}") for n in range(2_500)])

    assert answer == {"result": "ok", "results": {}, "rejected": []}


async def test_without_a_plan_every_event_is_unplanned(start_collector: StartCollector) -> None:
    """No event is called ok that nobody has checked."""
    assert (await told(await start_collector(), event()))["result"] == "unplanned"


async def test_events_that_ended_otherwise_are_named(start_collector: StartCollector, garden: Release) -> None:
    """Flagged, quarantined and rejected events by their ids; the rejected ones with their code, too."""
    collector = await start_collector(garden)

    answer = await told(
        collector,
        event(),
        event(messageId="m-2", **FLAGGED),
        event(messageId="m-3", **QUARANTINED),
        event(messageId="m-4", **REJECTED),
        event(messageId="m-5"),
    )

    assert answer["result"] == "ok"
    assert answer["results"] == {"m-2": "flagged", "m-3": "quarantined", "m-4": "rejected"}
    assert [(item["index"], item["messageId"], item["code"]) for item in answer["rejected"]] == [
        (3, "m-4", "event_too_large")
    ]


async def test_the_answer_says_what_the_counters_say(start_collector: StartCollector, garden: Release) -> None:
    """The books of client and collector agree: each event is counted with the outcome that was told."""
    collector = await start_collector(garden)
    kinds: list[dict[str, Any]] = [{}, FLAGGED, QUARANTINED, REJECTED, FLAGGED]

    answer = await told(collector, *[event(messageId=f"m-{n}", **kinds[n % 5]) for n in range(15)])

    outcomes = [answer["results"].get(f"m-{n}", answer["result"]) for n in range(15)]
    for (_, outcome), count in collector.ingest.counters.events.items():
        assert outcomes.count(outcome) == count


async def test_at_most_half_of_the_events_are_named_where_two_outcomes_meet(
    start_collector: StartCollector, garden: Release
) -> None:
    """What most events are goes without saying, even where it is not ok: 2,500 answers take less than 40 kB."""
    collector = await start_collector(garden)
    batch = [event(messageId=f"m-{n}", **({} if n % 3 == 0 else FLAGGED)) for n in range(2_500)]

    answer = await told(collector, *batch)

    assert answer["result"] == "flagged"
    assert set(answer["results"].values()) == {"ok"}
    assert len(answer["results"]) == 834
    assert len(json.dumps(answer)) < 40_000


async def test_an_event_without_a_readable_id_is_named_by_the_collectors(
    start_collector: StartCollector, garden: Release
) -> None:
    """The id in the answer is the one it has in the warehouse; a client that did not give it looks past it."""
    collector = await start_collector(garden)

    answer = await told(collector, event(), event(messageId="m-2"), event(messageId=None, **FLAGGED))
    (_, exceptions), *_ = [(body, record.exceptions) for record, body in collector.spooled()]

    assert answer["results"] == {exceptions[2].message_id: "flagged"}


async def test_a_number_as_id_is_named_as_text(start_collector: StartCollector, garden: Release) -> None:
    """A key of a JSON object is text."""
    answer = await told(await start_collector(garden), event(), event(messageId="m-2"), event(messageId=7, **FLAGGED))

    assert answer["results"] == {"7": "flagged"}


async def test_of_several_events_with_one_id_the_kept_one_is_told_of(
    start_collector: StartCollector, garden: Release
) -> None:
    """The first that is not rejected is the one that the loader keeps."""
    collector = await start_collector(garden, limits=Limits(event_bytes=1_000))
    fill, more = ([event(messageId=f"{part}-{n}") for n in range(3)] for part in "fg")

    first = await told(collector, event(**FLAGGED), event(), *fill)
    second = await told(collector, event(messageId="m-2", context={"pad": "x" * 2_000}), event(messageId="m-2"), *more)

    assert first["results"] == {"m-1": "flagged"}
    assert second["results"] == {}
    assert [item["messageId"] for item in second["rejected"]] == ["m-2"]


async def test_spoiled_events_are_told_of(start_collector: StartCollector, garden: Release) -> None:
    """An event that cannot be read costs neither its batch nor the answer."""
    collector = await start_collector(garden)
    body = (
        b'{"batch":[%b,{"messageId":"spoiled","type":"track","event":NaN},7,null,"text"]}'
        % json.dumps(event()).encode()
    )

    status, answer = await collector.post("/v1/batch", body, Accept=MEDIA_TYPE)

    assert (status, answer["result"]) == (200, "quarantined")
    assert answer["results"]["m-1"] == "ok"


@pytest.mark.parametrize(("changes", "result"), [({}, "ok"), (FLAGGED, "flagged"), (QUARANTINED, "quarantined")])
async def test_a_single_route_tells_of_its_event(
    start_collector: StartCollector, garden: Release, changes: dict[str, Any], result: str
) -> None:
    """One event needs no name."""
    collector = await start_collector(garden)

    status, answer = await collector.post("/v1/track", event(**changes), Accept=MEDIA_TYPE)

    assert (status, answer) == (200, {"success": True, "result": result, "results": {}, "rejected": []})


async def test_who_does_not_ask_is_told_nothing(start_collector: StartCollector, garden: Release) -> None:
    """Stock clients get the answer they know, byte for byte."""
    collector = await start_collector(garden)

    answer = await collector.post("/v1/batch", {"batch": [event(**FLAGGED)]}, Accept="application/json")

    assert answer == (200, {"success": True})


def test_when_all_are_rejected_each_is_named() -> None:
    """A client need not know whether what goes without saying can be a refusal: it never is."""
    refused = EventVerdict("rejected", ("unplanned_event",), ("No.",), "m-1")
    record = Record("web", 0, 1, "ok", exceptions={0: refused})

    answer = json.loads(results(record, b'{"batch":[null]}', RecentIds()))

    assert (answer["result"], answer["results"]) == ("ok", {"m-1": "rejected"})


@pytest.mark.parametrize("planned", [False, True])
async def test_events_that_come_again_are_duplicates(
    start_collector: StartCollector, garden: Release, planned: bool
) -> None:
    """An id that this worker took in an earlier request of the same source is told as `duplicate`, in any company."""
    collector = await start_collector(garden if planned else None)
    await told(collector, event(messageId="m-1"), event(messageId="m-2", **FLAGGED), event(messageId="m-3"))

    right = await told(collector, event(messageId="m-1"), event(messageId="m-4"), event(messageId="m-4"))
    mixed = await told(
        collector,
        event(messageId="m-2"),
        event(messageId="m-5", **FLAGGED),
        event(messageId="m-6"),
        event(messageId="m-3", **REJECTED),
        event(messageId="m-7"),
    )

    assert right["results"] == {"m-1": "duplicate"}
    assert mixed["results"] == {"m-2": "duplicate", "m-5": "flagged", "m-3": "rejected"}


def test_only_the_latest_ids_are_remembered() -> None:
    """The worker remembers at least so many as it says and at most twice as many; another source's ids are others."""
    recent = RecentIds(remembered=10)
    for number in range(30):
        assert recent.repeated("web", [f"m-{number}"]) == set()
    assert recent.repeated("web", ["m-29", "m-20"]) == {"m-29", "m-20"}
    assert recent.repeated("web", ["m-0"]) == set()
    assert recent.repeated("api", ["m-29"]) == set()
