"""What a browser on another origin may send and read."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from .conftest import StartCollector

SHOP = "https://shop.example"
LINA = {"type": "track", "event": "seeds_ordered", "messageId": "m-1", "userId": "lina"}
WANTED = "authorization, baggage, content-type, x-retry-count"


@pytest.mark.parametrize("path", ["/v1/t", "/v1/batch", "/b", "/v1/m", "/v1/projects/web-key/settings", "/not/there"])
async def test_preflights_are_granted_everywhere(start_collector: StartCollector, path: str) -> None:
    """Whatever headers a browser asks for it may send, for a day; on any path, so that it can read a 404, too."""
    collector = await start_collector()
    asked = {"Origin": SHOP, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": WANTED}

    async with collector.client.options(path, headers=asked) as response:
        assert response.status == 200
        granted = response.headers
    assert granted["Access-Control-Allow-Origin"] == SHOP
    assert granted["Access-Control-Allow-Headers"] == WANTED
    assert "POST" in granted["Access-Control-Allow-Methods"]
    assert granted["Access-Control-Max-Age"] == "86400"
    assert "Origin" in granted["Vary"]
    assert "Access-Control-Allow-Credentials" not in granted


async def test_a_page_may_reach_the_local_network(start_collector: StartCollector) -> None:
    """A browser that asks whether the collector takes requests from the Internet into a local network hears yes."""
    collector = await start_collector()
    asked = {"Origin": SHOP, "Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true"}

    async with collector.client.options("/v1/t", headers=asked) as response:
        assert response.headers["Access-Control-Allow-Private-Network"] == "true"


async def test_every_answer_can_be_read_by_the_page(start_collector: StartCollector) -> None:
    """200, 400, 401, 404, 405 and 503 carry the origin and expose how long to wait, or the page sees a dead network."""
    collector = await start_collector(max_backlog_bytes=0)  # full after its first record
    key = {"Authorization": "Basic " + b64encode(b"web-key:").decode()}
    event = json.dumps(LINA)
    requests = [
        (200, "POST", "/v1/t", event, key),
        (400, "POST", "/v1/t", "{", key),
        (400, "POST", "/v1/t", "x" * 10_000_000, key),
        (401, "POST", "/v1/t", event, {}),
        (404, "POST", "/v1/nothing", event, key),
        (405, "PUT", "/v1/t", event, key),
        (503, "POST", "/v1/t", event, key),
        (200, "GET", "/v1/projects/web-key/settings", None, {}),
        (404, "GET", "/v1/projects/wrong/settings", None, {}),
    ]
    for status, method, path, body, headers in requests:
        async with collector.client.request(method, path, data=body, headers=headers | {"Origin": SHOP}) as response:
            assert response.status == status, path
            assert response.headers["Access-Control-Allow-Origin"] == SHOP
            assert response.headers["Access-Control-Expose-Headers"] == "Retry-After, X-RateLimit-Reset, X-Request-Id"
            assert response.headers["Vary"] == "Origin"


async def test_servers_are_not_answered_as_pages(start_collector: StartCollector) -> None:
    """Without an Origin there are no CORS headers."""
    collector = await start_collector()

    async with collector.client.post("/v1/t?writeKey=web-key", data=json.dumps(LINA)) as response:
        assert not [name for name in response.headers if name.startswith("Access-Control")]
