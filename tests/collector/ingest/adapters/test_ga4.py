"""Google Analytics 4: the Measurement Protocol and what gtag.js sends, with requests as the references have them."""

from __future__ import annotations

from tests.collector.ingest.conftest import StartCollector
from trackway_collector.ingest.rules.sources import SourcePolicy

from .conftest import events, outcomes

SHOP = {"web": SourcePolicy(foreign_ids=("ga4:G-SHOP",))}


async def test_the_measurement_protocol_is_understood(start_collector: StartCollector) -> None:
    """`api_secret` is the write key; names, parameters, user properties and ids arrive as they were."""
    collector = await start_collector()
    params = {"ga_session_id": "s-1", "page_location": "https://shop.example/a?utm_source=news", "value": 2**60 + 1}
    payload = {
        "client_id": "c-1",
        "user_id": "lina",
        "timestamp_micros": 1777629600000001,
        "user_properties": {"plan": {"value": "pro"}},
        "events": [{"name": "purchase", "params": params}, {"name": "page_view", "params": params}, {"name": 7}, "x"],
    }

    async with collector.client.post("/mp/collect?measurement_id=G-X&api_secret=web-key", json=payload) as response:
        assert response.status == 200

    purchase, page = events(collector)[:2]
    assert (purchase["type"], purchase["event"], purchase["properties"]) == ("track", "purchase", {"value": 2**60 + 1})
    assert (purchase["userId"], purchase["anonymousId"]) == ("lina", "c-1")
    assert purchase["timestamp"] == "2026-05-01T10:00:00.000001+00:00"
    assert purchase["context"]["traits"] == {"plan": "pro"}
    assert purchase["context"]["sessionId"] == "s-1"
    assert (page["type"], page["context"]["campaign"]) == ("page", {"source": "news"})
    assert outcomes(collector) == {"unplanned": 2, "quarantined": 2}


async def test_gtags_hits_are_understood(start_collector: StartCollector) -> None:
    """One event in the query, or one in each line of the body, with what they share in the query."""
    collector = await start_collector(by_source=SHOP)
    shared = "/g/collect?v=2&tid=G-SHOP&cid=c-1&sid=s-1&dl=https%3A%2F%2Fshop.example%2Fa&dt=A&sr=1280x1024"

    assert 200 == (await collector.client.get(shared + "&en=page_view&ep.theme=dark")).status
    assert 200 == (await collector.client.post(shared, data="en=scroll&epn.percent=90\r\nen=click&ep.link=a")).status

    page, scroll, click = events(collector)
    assert (page["type"], page["properties"], page["context"]["page"]["title"]) == ("page", {"theme": "dark"}, "A")
    assert (scroll["event"], scroll["properties"]) == ("scroll", {"percent": 90})
    assert (click["event"], click["anonymousId"], click["context"]["sessionId"]) == ("click", "c-1", "s-1")


async def test_what_is_no_payload_is_refused(start_collector: StartCollector) -> None:
    """400 with code and message; 401 for a secret that is no write key, and for a stream that no source names."""
    collector = await start_collector(by_source=SHOP)
    for path, body, expected in (
        ("/mp/collect?api_secret=web-key", b"{", (400, "malformed_json")),
        ("/mp/collect?api_secret=web-key", b'{"client_id": "c"}', (400, "bad_batch")),
        ("/mp/collect?api_secret=wrong", b'{"events": []}', (401, "unknown_write_key")),
        ("/g/collect?tid=G-OTHER&en=x", b"", (401, "unknown_write_key")),
    ):
        status, answer = await collector.post(path, body, key=None)
        assert (status, answer["code"]) == expected
    assert not collector.spooled()
