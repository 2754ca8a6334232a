"""RudderStack's clients, with what rudder-sdk-python 2.1.9 sent."""

from __future__ import annotations

import gzip

from tests.collector.ingest.conftest import StartCollector

from .conftest import GOLDEN, events, outcomes


async def test_traits_in_the_context_are_the_persons(start_collector: StartCollector) -> None:
    """Its identify has the traits in `context.traits`; they are kept as the event's traits, once."""
    collector = await start_collector()
    body = gzip.compress((GOLDEN / "rudder_batch.json").read_bytes())

    assert 200 == (await collector.post("/v1/batch", body, **{"Content-Encoding": "gzip"}))[0]

    identify, track = events(collector)
    assert identify["traits"] == {"plan": "pro", "age": 31}
    assert "traits" not in identify["context"]
    assert identify["context"]["library"]["name"] == "analytics-python"
    assert (track["event"], track["properties"]) == ("seeds ordered", {"packets": 2})


async def test_own_traits_are_not_touched(start_collector: StartCollector) -> None:
    """An identify that has traits keeps them, and what its context says beside; so does every other call."""
    collector = await start_collector()
    context = {"traits": {"plan": "free"}}
    identify = {"type": "identify", "userId": "lina", "messageId": "1", "traits": {"plan": "pro"}, "context": context}
    track = {"type": "track", "event": "identify", "userId": "lina", "messageId": "2", "context": context}

    await collector.post("/v1/batch", {"batch": [identify, track]})

    assert events(collector) == [identify, track]


async def test_browsers_get_their_source(start_collector: StartCollector) -> None:
    """An enabled source without destinations; a wrong key is a 404 without a challenge."""
    collector = await start_collector()
    for path in "/sourceConfig", "/sourceConfig/":
        async with collector.client.get(path, params={"writeKey": "web-key", "p": "cdn"}) as response:
            source = (await response.json())["source"]
            assert (source["id"], source["enabled"], source["destinations"]) == ("web", True, [])
    async with collector.client.get("/sourceConfig/", params={"writeKey": "wrong"}) as response:
        assert (response.status, "WWW-Authenticate" in response.headers) == (404, False)


async def test_beacon_pixel_and_merge(start_collector: StartCollector) -> None:
    """A beacon is a batch, the pixel an event; a merge, which nobody can be sure of, is kept in quarantine."""
    collector = await start_collector()
    track = {"type": "track", "event": "seen", "userId": "lina", "messageId": "1"}
    merge = {"mergeProperties": [{"type": "email", "value": "a@example.com"}, {"type": "phone", "value": "1"}]}

    assert 200 == (await collector.post("/beacon/v1/batch?writeKey=web-key", {"batch": [track]}, key=None))[0]
    assert 200 == (await collector.client.get("/pixel/v1/track?writeKey=web-key&event=seen&userId=lina")).status
    assert 200 == (await collector.post("/v1/merge", merge | {"messageId": "m", "userId": "lina"}))[0]

    assert outcomes(collector) == {"unplanned": 2, "quarantined": 1}
