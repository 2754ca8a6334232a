"""Snowplow's trackers, with what snowplow-tracker 1.1 sent by POST and by GET."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.collector.ingest.conftest import StartCollector
from trackway_collector.ingest.rules.sources import SourcePolicy
from trackway_plan import Release

from .conftest import GOLDEN, events, outcomes

SHOP = {"web": SourcePolicy(foreign_ids=("snowplow:shop",))}
TP2 = "/com.snowplowanalytics.snowplow/tp2"


def check(kept: list[dict[str, Any]]) -> None:
    """Compare what became of the five events that the tracker was told of."""
    page, structured, described, ping, screen = kept
    assert page["type"] == "page"
    assert page["context"]["page"] == {
        "url": "https://shop.example/a",
        "path": "/a",
        "title": "A",
        "referrer": "https://news.example/",
    }
    assert (page["userId"], page["anonymousId"]) == ("lina", "d-1")
    assert page["context"]["screen"] == {"width": 1280, "height": 1024}
    assert page["context"]["library"] == {"name": "snowplow-py", "version": "1.1.0"}
    assert (structured["event"], structured["properties"]) == (
        "add-to-basket",
        {"category": "shop", "action": "add-to-basket", "label": "basil", "property": "pcs", "value": 2.5},
    )
    assert (described["type"], described["event"]) == ("track", "seeds_ordered")
    assert described["properties"] == {"packets": 2, "kind": "basil"}
    assert described["timestamp"] == "2026-05-01T10:00:00+00:00"
    snowplow = described["context"]["snowplow"]
    assert (snowplow["vendor"], snowplow["version"]) == ("com.example", "1-2-0")
    assert snowplow["contexts"] == [{"schema": "iglu:com.example/cart/jsonschema/1-0-0", "data": {"items": 2}}]
    assert (ping["event"], ping["properties"]["max_y"]) == ("page_ping", 100)
    assert (screen["type"], screen["name"]) == ("screen", "Basket")


@pytest.mark.parametrize("path", [TP2, "/com.example/tp2"])
async def test_a_post_of_the_python_tracker_is_what_was_tracked(start_collector: StartCollector, path: str) -> None:
    """Page view, structured and self-describing event, ping and screen, by the default path and a custom one."""
    collector = await start_collector(by_source=SHOP)
    body = (GOLDEN / "snowplow_tp2.json").read_bytes()

    async with collector.client.post(path, data=body) as response:
        assert response.status == 200

    check(events(collector))
    assert [event["messageId"] for event in events(collector)] == [sent["eid"] for sent in json.loads(body)["data"]]
    ((record, _),) = collector.spooled()
    assert record.source == "web"


async def test_gets_of_the_python_tracker_are_the_same(start_collector: StartCollector) -> None:
    """`GET /i` takes one event in its query and answers with a picture."""
    collector = await start_collector(by_source=SHOP)

    for line in (GOLDEN / "snowplow_get.txt").read_text().split():
        async with collector.client.get(line) as response:
            assert (response.status, response.content_type) == (200, "image/gif")

    check(events(collector))


async def test_an_app_id_belongs_to_the_source_that_names_it(start_collector: StartCollector) -> None:
    """Without an entry in `foreign_ids`, a write key is needed; a tracker that can put it somewhere needs no entry."""
    collector = await start_collector()
    body = (GOLDEN / "snowplow_tp2.json").read_bytes()

    refused, answer = await collector.post(TP2, body, key=None)
    taken = await collector.client.post(TP2 + "?writeKey=api-key", data=body)

    assert (refused, answer["code"]) == (401, "unknown_write_key")
    assert taken.status == 200
    assert ["api"] == [record.source for record, _ in collector.spooled()]


async def test_an_event_that_cannot_be_read_does_not_cost_the_others(
    start_collector: StartCollector, garden: Release
) -> None:
    """Broken base64, a schema that is none and an unknown kind are quarantined, each with its reason."""
    collector = await start_collector(garden, by_source=SHOP)
    schema = json.dumps({"schema": "iglu:a/b/c/d", "data": {"schema": "seeds_ordered", "data": {}}})
    data = [
        {"e": "pv", "url": "https://shop.example/", "aid": "shop", "eid": "1", "duid": "d"},
        {"e": "ue", "ue_px": "%%%", "eid": "2"},
        {"e": "ue", "ue_pr": schema, "eid": "3"},
        {"e": "ad", "eid": "4"},
        ["no", "object"],
    ]

    async with collector.client.post(TP2, data=json.dumps({"schema": "iglu:…", "data": data})) as response:
        assert response.status == 200

    ((record, _),) = collector.spooled()
    assert [record.exceptions[number].violations for number in (1, 2, 3, 4)] == [("untranslatable",)] * 4
    assert all("snowplow adapter" in record.exceptions[number].reasons[0] for number in (1, 2, 3, 4))
    assert outcomes(collector)["quarantined"] == 4


async def test_the_browser_tracker_may_send_credentials(start_collector: StartCollector) -> None:
    """It asks for them unless told otherwise, and would see no answer without; other clients are not allowed to."""
    collector = await start_collector(by_source=SHOP)
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}

    for path, allowed in (TP2, "true"), ("/v1/t", None):
        async with collector.client.options(path, headers=asked) as response:
            assert response.headers.get("Access-Control-Allow-Credentials") == allowed
