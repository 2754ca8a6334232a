"""Every limit that the wire format documents, at its edge and one beyond; and that each source may have its own."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from trackway_collector.ingest.rules.sources import Limits, SourcePolicy

from .conftest import StartCollector

LINA: dict[str, Any] = {"type": "track", "event": "seen", "messageId": "m-1", "userId": "lina"}


def sized(size: int, **fields: Any) -> bytes:
    """Return an event of exactly so many bytes of JSON."""
    event = LINA | fields | {"properties": {"x": ""}}
    return msgspec.json.encode(event | {"properties": {"x": "x" * (size - len(msgspec.json.encode(event)))}})


async def test_an_event_has_32_kib(start_collector: StartCollector) -> None:
    """32,768 bytes are taken and one more is not: on a single route with 400, in a batch at no cost for the others."""
    collector = await start_collector()

    assert (await collector.post("/v1/track", sized(32_768)))[0] == 200
    status, answer = await collector.post("/v1/track", sized(32_769))
    assert (status, answer["code"]) == (400, "event_too_large")
    batch = b'{"batch":[' + sized(32_768, messageId="a") + b"," + sized(32_769, messageId="b") + b"]}"
    assert (await collector.post("/v1/batch", batch))[0] == 200
    assert collector.ingest.counters.events == {("web", "unplanned"): 2, ("web", "rejected"): 1}


async def test_a_body_has_500_kib(start_collector: StartCollector) -> None:
    """512,000 bytes are taken and one more is not: nothing of it is stored, and the answer is 400, as Segment's is."""
    collector = await start_collector()
    event = b'{"batch":[' + sized(1_000) + b"]}"

    assert (await collector.post("/v1/batch", event + b" " * (512_000 - len(event))))[0] == 200
    status, answer = await collector.post("/v1/batch", event + b" " * (512_001 - len(event)))
    assert (status, answer["code"]) == (400, "batch_too_large")
    assert 1 == len(collector.spooled())


async def test_a_batch_has_2500_events(start_collector: StartCollector) -> None:
    """2,500 events are taken and one more is not."""
    collector = await start_collector()

    for events, expected in (2_500, 200), (2_501, 400):
        batch = {"batch": [LINA | {"messageId": str(number)} for number in range(events)]}
        assert (await collector.post("/v1/batch", batch))[0] == expected
    assert collector.ingest.counters.requests[400, "too_many_events"] == 1


async def test_a_message_id_has_100_characters(start_collector: StartCollector) -> None:
    """A longer id, and one that is a number, is replaced by one of the same bytes: sent again it is recognised."""
    collector = await start_collector()
    ids: list[Any] = ["x" * 100, "x" * 101, "x" * 101, 7]

    await collector.post("/v1/batch", {"batch": [LINA | {"messageId": message_id} for message_id in ids]})

    ((record, _),) = collector.spooled()
    given = [record.exceptions[number].message_id if number in record.exceptions else "" for number in range(4)]
    assert given[0] == ""
    assert given[1].startswith("sha256-")
    assert given[1] == given[2] != given[3]


@pytest.mark.parametrize("with_header", [True, False])
async def test_each_source_has_its_own(start_collector: StartCollector, with_header: bool) -> None:
    """What is too large for one source is not for another, wherever the key stands."""
    small = SourcePolicy(limits=Limits(event_bytes=1_024, batch_bytes=2_048, batch_events=1))
    collector = await start_collector(by_source={"api": small})
    bodies: list[tuple[dict[str, Any], str]] = [
        ({"batch": [LINA, LINA]}, "too_many_events"),
        ({"batch": [json.loads(sized(1_900))], "context": {"x": "x" * 200}}, "batch_too_large"),
    ]

    for body, code in bodies:
        for key, expected in ("web-key", (200, None)), ("api-key", (400, code)):
            header, sent = (key, body) if with_header else (None, body | {"writeKey": key})
            status, answer = await collector.post("/v1/batch", sent, key=header)
            assert (status, answer.get("code")) == expected
