"""Matomo's trackers, with requests as its tracking API's reference has them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.collector.ingest.conftest import StartCollector
from trackway_collector.ingest.rules.sources import SourcePolicy

from .conftest import events, outcomes

SHOP = {"web": SourcePolicy(foreign_ids=("matomo:3",))}
HIT = {"idsite": "3", "rec": "1", "_id": "0123456789abcdef", "rand": "351459", "token_auth": "secret"}
PAGE = HIT | {"url": "https://shop.example/a?utm_source=news", "action_name": "A", "urlref": "https://news.example/"}


@pytest.mark.parametrize("path", ["/matomo.php", "/piwik.php"])
async def test_a_page_view_is_a_page(start_collector: StartCollector, path: str) -> None:
    """With visitor, address, title, referrer, campaign and screen; the secret is not kept; a picture comes back."""
    collector = await start_collector(by_source=SHOP)

    async with collector.client.get(path, params=PAGE | {"res": "1280x1024", "dimension1": "new"}) as response:
        assert (response.status, response.content_type) == (200, "image/gif")

    (event,) = events(collector)
    assert (event["type"], event["name"], event["anonymousId"]) == ("page", "A", "0123456789abcdef")
    assert event["context"]["page"]["referrer"] == "https://news.example/"
    assert event["context"]["campaign"] == {"source": "news"}
    assert event["context"]["screen"] == {"width": 1280, "height": 1024}
    assert event["context"]["matomo"] == {"dimension1": "new"}
    assert b"secret" not in collector.spooled()[0][1]


@pytest.mark.parametrize(
    ("fields", "event", "properties"),
    [
        ({"e_c": "Shop", "e_a": "Add", "e_n": "Basil", "e_v": "2.5"}, "Add", {"category": "Shop", "value": 2.5}),
        ({"search": "basil", "search_count": "0"}, "search", {"keyword": "basil", "results": 0}),
        ({"download": "https://shop.example/a.pdf"}, "download", {"url": "https://shop.example/a.pdf"}),
        ({"link": "https://other.example/"}, "outlink", {"url": "https://other.example/"}),
        ({"idgoal": "2", "revenue": "10"}, "goal", {"goal": "2", "revenue": 10}),
        ({"idgoal": "0", "ec_id": "o-1", "revenue": "10"}, "order", {"id": "o-1", "revenue": 10}),
        ({"ping": "1"}, "ping", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_other_hits_are_tracks(
    start_collector: StartCollector, fields: dict[str, str], event: str, properties: dict[str, Any]
) -> None:
    """Events, searches, downloads, links, goals, orders and signs of life, with what they say as properties."""
    collector = await start_collector(by_source=SHOP)

    async with collector.client.post("/matomo.php", data=PAGE | {"uid": "lina"} | fields) as response:
        assert response.status == 200

    (kept,) = events(collector)
    assert (kept["type"], kept["event"], kept["userId"]) == ("track", event, "lina")
    assert properties.items() <= kept.get("properties", {}).items()


async def test_a_bulk_request_is_many_hits(start_collector: StartCollector) -> None:
    """Queries and objects; a hit that says nothing is quarantined, and the others are stored."""
    collector = await start_collector(by_source=SHOP)
    bulk = {
        "requests": [
            "?idsite=3&rec=1&url=https%3A%2F%2Fshop.example%2F&_id=0123456789abcdef&cdt=2026-05-01 10:00:00",
            {"idsite": 3, "rec": 1, "e_c": "Shop", "e_a": "Add", "uid": "lina", "cdt": 1777629600},
            "?idsite=3&rec=1",
            7,
        ],
        "token_auth": "secret",
    }

    status, answer = await collector.post("/matomo.php", bulk, key=None)

    assert (status, answer["status"], answer["tracked"]) == (200, "success", 4)
    assert [event.get("timestamp") for event in events(collector)[:2]] == ["2026-05-01T10:00:00+00:00"] * 2
    assert outcomes(collector) == {"unplanned": 2, "quarantined": 2}


async def test_the_same_hit_has_the_same_id(start_collector: StartCollector) -> None:
    """A hit with `rand` that is sent again counts once; another hit is another event."""
    collector = await start_collector(by_source=SHOP)

    for rand in "1", "1", "2":
        await collector.client.get("/matomo.php", params=PAGE | {"rand": rand})

    first, again, other = (event["messageId"] for event in events(collector))
    assert first == again != other


async def test_an_unknown_site_is_refused(start_collector: StartCollector) -> None:
    """A site that no source names needs a write key; the answer says so."""
    collector = await start_collector(by_source=SHOP)

    async with collector.client.get("/matomo.php", params=PAGE | {"idsite": "4"}) as response:
        assert (response.status, json.loads(await response.read())["code"]) == (401, "unknown_write_key")
    async with collector.client.get("/matomo.php", params=PAGE | {"idsite": "4", "writeKey": "api-key"}) as response:
        assert response.status == 200
    ((record, body),) = collector.spooled()
    assert record.source == "api"
    assert b"api-key" not in body
