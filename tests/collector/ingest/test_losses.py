"""What clients say they lost: counted once, shown to operators, and never a reason to refuse a batch."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway import Dropped
from trackway_collector.ingest.reports.losses import MAX_EVENTS, REMEMBERED, ClientLoss, ClientLosses
from trackway_plan import Release

from .conftest import Collector, StartCollector

EVENT = {"type": "track", "event": "seeds_ordered", "messageId": "m-1", "userId": "lina", "properties": {"packets": 2}}


def body(losses: object, report: object = "p-1", **more: Any) -> dict[str, Any]:
    """Return a batch of one event with a report of losses."""
    return {"losses": losses, "lossesId": report, "batch": [EVENT], **more}


async def shown(collector: Collector) -> list[str]:
    """Return the lines of /metrics about losses."""
    async with collector.client.get("/metrics") as response:
        text = await response.text()
    return [line for line in text.splitlines() if line.startswith("trackway_client_lost_events_total{")]


def test_the_reasons_are_those_of_the_sdk() -> None:
    """Every way in which our SDK can lose an event has its own label; what was asked for is no loss."""
    assert {*ClientLoss} - {"other"} == {reason.value for reason in Dropped if not reason.asked_for}


async def test_a_report_is_counted_by_source_and_reason(start_collector: StartCollector) -> None:
    """Operators see it in /metrics; the batch is stored as ever."""
    collector = await start_collector()
    losses = [{"reason": "queue_full", "events": 12}, {"reason": "gave_up", "events": 3}]

    assert (await collector.post("/v1/batch", body(losses)))[0] == 200

    assert await shown(collector) == [
        'trackway_client_lost_events_total{reason="queue_full",source="web",worker="w0"} 12.0',
        'trackway_client_lost_events_total{reason="gave_up",source="web",worker="w0"} 3.0',
    ]
    assert len(collector.spooled()) == 1


async def test_a_report_beside_right_events_is_counted(start_collector: StartCollector, garden: Release) -> None:
    """A batch that is right at a glance is not looked at again, yet its report is seen; without one none is."""
    collector = await start_collector(garden)
    right = EVENT | {"timestamp": "2026-11-22T15:20:30Z", "properties": {"packets": 2, "kind": "tomato"}}
    report = [{"reason": "queue_full", "events": 12}]

    assert (await collector.post("/v1/batch", {"batch": [right | {"messageId": "m-1"}]}))[0] == 200
    assert (await collector.post("/v1/batch", {"batch": [right], "losses": report, "lossesId": "p-1"}))[0] == 200
    assert (await collector.post("/v1/batch", {"losses": None, "batch": [right]}))[0] == 200

    assert [record.careful for record, _ in collector.spooled()] == [False, False, False]
    assert collector.ingest.losses.events == {("web", "queue_full"): 12}


async def test_a_report_that_comes_again_is_counted_once(start_collector: StartCollector) -> None:
    """The answer was lost, so the client sends its batch and its report again; another source's id is another."""
    collector = await start_collector()
    losses = [{"reason": "queue_full", "events": 12}]

    for report, key in (("p-1", "web-key"), ("p-1", "web-key"), ("p-2", "web-key"), ("p-1", "api-key")):
        await collector.post("/v1/batch", body(losses, report), key=key)

    assert collector.ingest.losses.events == {("web", "queue_full"): 24, ("api", "queue_full"): 12}


async def test_a_report_may_travel_without_events(start_collector: StartCollector) -> None:
    """At the end of a program there may be no batch left to take it along; nothing is written to the spool then."""
    collector = await start_collector()

    status, answer = await collector.post(
        "/v1/batch", {"losses": [{"reason": "no_person", "events": 2}], "lossesId": "p-9", "batch": []}
    )

    assert (status, answer["success"]) == (200, True)
    assert collector.ingest.losses.events == {("web", "no_person"): 2}
    assert collector.spooled() == []


async def test_a_request_that_is_refused_is_not_counted(start_collector: StartCollector) -> None:
    """Its report comes again with the batch that is stored."""
    collector = await start_collector(max_backlog_bytes=0)  # full after its first record
    losses = [{"reason": "queue_full", "events": 12}]

    answers = [(await collector.post("/v1/batch", body(losses, report)))[0] for report in ("p-1", "p-2", "p-2")]

    assert answers == [200, 503, 503]
    assert collector.ingest.losses.events == {("web", "queue_full"): 12}


@pytest.mark.parametrize(
    "losses",
    [
        7,
        "queue_full",
        {"queue_full": 12},
        [12, None, []],
        [{"reason": "queue_full"}],
        [{"reason": "queue_full", "events": -1}],
        [{"reason": "queue_full", "events": True}],
        [{"reason": "queue_full", "events": 1.5}],
        [{"reason": "queue_full", "events": "12"}],
        [{"reason": "queue_full", "events": MAX_EVENTS + 1}],
        [{"reason": "queue_full", "events": 10**30}],
        [{"reason": 7, "events": 1}],
    ],
    ids=repr,
)
async def test_a_strange_report_costs_nobody_anything(start_collector: StartCollector, losses: object) -> None:
    """Its numbers are not counted, and its batch is stored."""
    collector = await start_collector()

    status, _ = await collector.post("/v1/batch", body(losses))

    assert status == 200
    assert len(collector.spooled()) == 1
    assert await shown(collector) == []


async def test_a_label_takes_no_word_of_a_client(start_collector: StartCollector) -> None:
    """Whatever a client calls its reasons, they are one more label: `other`."""
    collector = await start_collector()

    await collector.post("/v1/batch", body([{"reason": f"made up {n}", "events": 1} for n in range(500)]))

    assert await shown(collector) == [
        'trackway_client_lost_events_total{reason="other",source="web",worker="w0"} 100.0'
    ]


def test_ids_are_remembered_within_bounds() -> None:
    """A client that makes up ids without end does not fill the memory, and a long one is not kept at all."""
    losses = ClientLosses()
    for number in range(REMEMBERED + 10):
        losses.take(json.dumps(body([{"reason": "closed", "events": 1}], f"p-{number}")).encode(), "web")
    losses.take(json.dumps(body([{"reason": "closed", "events": 1}], "x" * 10_000)).encode(), "web")
    assert len(losses._seen) == REMEMBERED


def test_the_log_says_it_once_per_order_of_magnitude(caplog: pytest.LogCaptureFixture) -> None:
    """A client that is in trouble reports with every batch; the log names source, reason and total, nothing else."""
    losses = ClientLosses()
    with caplog.at_level(logging.WARNING):
        for number in range(100):
            losses.take(json.dumps(body([{"reason": "queue_full", "events": 3}], f"p-{number}")).encode(), "web")
    assert [record.getMessage() for record in caplog.records] == [
        f"clients of web lost {total} events so far before sending them: queue_full" for total in (3, 12, 102)
    ]


@settings(deadline=None)
@given(st.binary() | st.text().map(str.encode))
def test_no_bytes_make_it_raise(noise: bytes) -> None:
    """Whatever stands beside the word `losses`."""
    losses = ClientLosses()
    for bytes_ in (noise, b'{"losses":' + noise + b"}", b'{"losses":[' + noise + b'],"lossesId":' + noise + b"}"):
        losses.take(bytes_, "web")
    assert all(0 < count <= 100 * MAX_EVENTS for count in losses.events.values())
