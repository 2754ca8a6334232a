"""Every path of Segment's HTTP API, over real HTTP."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from base64 import b64encode, urlsafe_b64encode
from typing import Any

import pytest

from trackway_collector.ingest.routes import EVENTS, PREFIXES
from trackway_collector.ingest.rules.sources import Limits

from .conftest import StartCollector

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LINA = {"type": "track", "event": "seeds_ordered", "messageId": "m-1", "userId": "lina"}
GIF = b"GIF89a"


def basic(credentials: str) -> str:
    """Return the value of an Authorization header."""
    return "Basic " + b64encode(credentials.encode()).decode()


PATHS = [(prefix + route.path, route.call) for prefix in PREFIXES for route in EVENTS]


@pytest.mark.parametrize(("path", "call"), PATHS, ids=[path for path, _ in PATHS])
async def test_every_route_stores_events(start_collector: StartCollector, path: str, call: str) -> None:
    """Long and short, with `/v1` and without: each path takes events and says exactly 200 `{"success":true}`."""
    collector = await start_collector()

    answer = await collector.post(path, LINA if call else {"batch": [LINA]})

    assert answer == (200, {"success": True})
    ((record, _),) = collector.spooled()
    assert (record.source, record.call, record.events) == ("web", call, 1)


async def test_the_routes_are_those_of_the_contract() -> None:
    """Six calls by their name and their first letter, batches by three names."""
    assert {(route.path, route.call) for route in EVENTS} == {
        *((f"/{call}", call) for call in ("track", "identify", "page", "screen", "group", "alias")),
        *((f"/{call[0]}", call) for call in ("track", "identify", "page", "screen", "group", "alias")),
        *((path, "") for path in ("/batch", "/b", "/import")),
    }


@pytest.mark.parametrize(
    ("query", "headers", "in_body"),
    [
        ("", {"Authorization": basic("web-key:")}, {}),
        ("", {"Authorization": basic("web-key")}, {}),
        ("", {"Authorization": basic("web-key:anything")}, {}),
        ("", {"X-Write-Key": "web-key"}, {}),
        ("?writeKey=web-key", {}, {}),
        ("", {}, {"writeKey": "web-key"}),
        ("", {"Authorization": "Bearer a.token.of.some.provider"}, {"writeKey": "web-key"}),
    ],
    ids=["basic", "basic without colon", "basic with password", "x-write-key", "query", "body", "bearer and body"],
)
@pytest.mark.parametrize(("path", "body"), [("/v1/batch", {"batch": [LINA]}), ("/v1/t", LINA)])
async def test_the_key_is_found_wherever_clients_put_it(
    start_collector: StartCollector, path: str, body: dict[str, Any], query: str, headers: dict[str, str], in_body: Any
) -> None:
    """Basic auth with and without colon, a header, the query, the body, or the body beside a Bearer token."""
    collector = await start_collector()

    status, _ = await collector.post(path + query, body | in_body, key=None, **headers)

    assert status == 200
    assert "web" == collector.spooled()[0][0].source


@pytest.mark.parametrize(
    ("query", "headers"),
    [("?writeKey=wrong", {}), ("", {"X-Write-Key": "wrong"}), ("", {"Authorization": basic("wrong:")})],
)
async def test_a_wrong_key_is_not_mended_by_a_right_one_elsewhere(
    start_collector: StartCollector, query: str, headers: dict[str, str]
) -> None:
    """The first key there is decides; it is answered 401, not repeated, and nothing is stored."""
    collector = await start_collector()

    status, answer = await collector.post(
        "/v1/batch" + query, {"batch": [LINA], "writeKey": "web-key"}, key=None, **headers
    )

    assert (status, answer["code"]) == (401, "unknown_write_key")
    assert not collector.spooled()


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain", "application/json; charset=utf-8", "application/x-www-form-urlencoded", "x"],
)
async def test_the_content_type_does_not_matter(start_collector: StartCollector, content_type: str) -> None:
    """Clients name all sorts of types for the same JSON."""
    collector = await start_collector()

    assert 200 == (await collector.post("/v1/t", LINA, **{"Content-Type": content_type}))[0]


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstd.compress),
        ("identity", bytes),
        ("identity", gzip.compress),
        ("", gzip.compress),
    ],
    ids=["gzip", "x-gzip", "deflate", "zstd", "identity", "gzip said to be none", "gzip unsaid"],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_bodies_come_packed_and_in_chunks(
    start_collector: StartCollector, encoding: str, pack: Any, chunked: bool
) -> None:
    """gzip, deflate and zstd, whole or chunked; gzip also from clients that forget to say it."""
    collector = await start_collector()
    body = json.dumps({"batch": [LINA]}).encode()
    headers = {"Authorization": basic("web-key:")} | ({"Content-Encoding": encoding} if encoding else {})

    async def pieces() -> Any:
        packed = pack(body)
        yield packed[:20]
        yield packed[20:]

    data = pieces() if chunked else pack(body)
    async with collector.client.post("/v1/b", data=data, headers=headers) as response:
        assert response.status == 200
    assert body == collector.spooled()[0][1]


async def test_gzip_without_a_header_is_no_way_around_the_limit(start_collector: StartCollector) -> None:
    """A bomb that hides its encoding is unpacked no further than a body may be large."""
    collector = await start_collector()

    status, answer = await collector.post("/v1/batch", gzip.compress(b"0" * 10_000_000))

    assert (status, answer["code"]) == (400, "batch_too_large")


async def test_unknown_paths_and_methods_are_answered_in_json(start_collector: StartCollector) -> None:
    """404 says where events go; 405 says which methods there are, in the answer and in `Allow`."""
    collector = await start_collector()

    status, answer = await collector.post("/v1/tracks", LINA)
    assert (status, answer["success"], answer["code"]) == (404, False, "unknown_path")
    assert "/v1/batch" in answer["message"]
    async with collector.client.get("/v1/track") as response:
        assert (response.status, (await response.json())["code"]) == (405, "wrong_method")
        assert response.headers["Allow"] == "OPTIONS, POST"
    async with collector.client.post("/live") as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    async with collector.client.head("/live") as response:
        assert (response.status, await response.read()) == (200, b"")
    async with collector.client.head("/v1/track") as response:
        assert response.status == 405
    assert not collector.spooled()


async def test_browser_metrics_are_thanked_for(start_collector: StartCollector) -> None:
    """`/v1/m` needs no key, answers 200 and keeps nothing but a count."""
    collector = await start_collector()
    series = {"series": [{"type": "Counter", "metric": "analytics_js.invoke", "value": 1, "tags": {}}]}

    assert (200, {"success": True}) == await collector.post("/v1/m", series, key=None)
    assert collector.ingest.counters.ignored == {"sdk_metrics": 1}
    assert not collector.spooled()


@pytest.mark.parametrize("path", ["/v1/projects/web-key/settings", "/projects/web-key/settings"])
async def test_browsers_are_told_to_send_here(start_collector: StartCollector, path: str) -> None:
    """The settings name the key and the host that were asked, and no other integration."""
    collector = await start_collector()

    async with collector.client.get(path, headers={"Host": "events.example.com"}) as response:
        assert response.status == 200
        page = await response.json()

    ((name, segment),) = page["integrations"].items()
    assert (name, segment["apiKey"], segment["apiHost"]) == ("Segment.io", "web-key", "events.example.com/v1")
    assert "protocol" not in segment


@pytest.mark.parametrize(
    ("headers", "protocol"),
    [
        ({"Origin": "http://localhost:3000"}, "http"),
        ({"Referer": "http://localhost:3000/shop"}, "http"),
        ({"Origin": "https://shop.example"}, None),
        ({"Origin": "http://shop.example", "X-Forwarded-Proto": "https"}, None),
    ],
)
async def test_plain_http_is_said_where_the_page_is_plain(
    start_collector: StartCollector, headers: dict[str, str], protocol: str | None
) -> None:
    """The browser library takes HTTPS unless the settings say `http`; behind a proxy with TLS they must not."""
    collector = await start_collector()

    async with collector.client.get("/v1/projects/web-key/settings", headers=headers) as response:
        assert protocol == (await response.json())["integrations"]["Segment.io"].get("protocol")


async def test_a_browser_with_a_wrong_key_learns_it(start_collector: StartCollector) -> None:
    """The settings of an unknown key are 404 with a message, never a password dialog."""
    collector = await start_collector()

    async with collector.client.get("/v1/projects/no-such-key/settings") as response:
        answer = await response.json()
    assert (response.status, answer["code"]) == (404, "unknown_write_key")
    assert "no-such-key" not in answer["message"]
    assert "WWW-Authenticate" not in response.headers


async def test_only_pages_are_spared_the_challenge(start_collector: StartCollector) -> None:
    """A 401 challenges servers as HTTP asks; to a page a challenge would be a password dialog of the browser."""
    collector = await start_collector()
    for headers, challenged in ({}, True), ({"Origin": "https://shop.example"}, False):
        async with collector.client.post("/v1/t", data=b"{}", headers=headers) as response:
            assert response.status == 401
            assert challenged == ("WWW-Authenticate" in response.headers)


def packed(event: dict[str, Any]) -> str:
    """Return an event as the pixel's `data`."""
    return b64encode(json.dumps(event).encode()).decode()


@pytest.mark.parametrize(
    "query",
    [
        {
            "data": packed(
                {"event": "seen", "userId": "lina", "writeKey": "web-key", "properties": {"n": 1, "a": "ÿ?>"}}
            )
        },
        {"data": packed({"event": "seen", "userId": "lina"}).rstrip("="), "writeKey": "web-key"},
        {"data": urlsafe_b64encode(b'{"event":"seen","userId":"\xc3\xbf\xc3\xbf?>"}').decode(), "writeKey": "web-key"},
        {"event": "seen", "userId": "lina", "properties.subject": "Spring", "writeKey": "web-key"},
    ],
    ids=["base64", "without padding", "url-safe", "flat"],
)
@pytest.mark.parametrize("path", ["/v1/pixel/track", "/pixel/track"])
async def test_the_pixel_is_an_event(start_collector: StartCollector, path: str, query: dict[str, str]) -> None:
    """An event as base64 or as plain query parameters is stored, and a picture comes back."""
    collector = await start_collector()

    async with collector.client.get(path, params=query) as response:
        assert (response.status, response.content_type) == (200, "image/gif")
        assert (await response.read()).startswith(GIF)

    ((record, body),) = collector.spooled()
    assert (record.source, record.call) == ("web", "track")
    assert "seen" == json.loads(body)["event"]


async def test_dots_in_the_pixels_query_are_members(start_collector: StartCollector) -> None:
    """`properties.subject=…` is a property; the key is not kept."""
    collector = await start_collector()
    query = {"writeKey": "web-key", "userId": "lina", "properties.mail.subject": "Spring", "context.ip": "1.2.3.4"}

    await collector.client.get("/v1/pixel/page", params=query)

    ((_, body),) = collector.spooled()
    assert json.loads(body) == {
        "userId": "lina",
        "properties": {"mail": {"subject": "Spring"}},
        "context": {"ip": "1.2.3.4"},
    }


@pytest.mark.parametrize(
    ("path", "query", "refused"),
    [
        ("/v1/pixel/track", {"event": "seen"}, (401, "unknown_write_key")),
        ("/v1/pixel/track", {"data": "§", "writeKey": "web-key"}, (400, "malformed_json")),
        ("/v1/pixel/track", {"data": b64encode(b"{").decode(), "writeKey": "web-key"}, (400, "malformed_json")),
        ("/v1/pixel/tracks", {"event": "seen", "writeKey": "web-key"}, (404, "unknown_path")),
        (
            "/v1/pixel/track",
            {"event": "s", "properties.x": "x" * 4_000, "writeKey": "web-key"},
            (400, "event_too_large"),
        ),
    ],
)
async def test_the_pixel_is_a_picture_whatever_happens(
    start_collector: StartCollector, path: str, query: dict[str, str], refused: tuple[int, str]
) -> None:
    """No e-mail shows a broken picture; that nothing was stored is counted."""
    collector = await start_collector(limits=Limits(event_bytes=1_024))

    async with collector.client.get(path, params=query) as response:
        assert (response.status, response.content_type) == (200, "image/gif")

    assert {refused: 1} == collector.ingest.counters.requests
    assert not collector.spooled()


async def test_a_beacon_is_taken(start_collector: StartCollector) -> None:
    """`navigator.sendBeacon` can set no header but sends text: the key is in the query or in the body."""
    collector = await start_collector()
    for query, body in ("?writeKey=web-key", {"batch": [LINA]}), ("", {"batch": [LINA], "writeKey": "web-key"}):
        text = {"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://shop.example"}
        assert 200 == (await collector.post("/v1/batch" + query, body, key=None, **text))[0]
    assert 2 == len(collector.spooled())


@pytest.mark.parametrize("path", [path for path, call in PATHS if call])
async def test_ids_as_numbers_and_nulls_are_fine(start_collector: StartCollector, path: str) -> None:
    """Hand-written calls have numbers for ids and null for what they do not know; both are ordinary."""
    collector = await start_collector()
    event = {"event": "seen", "messageId": "m", "userId": 7, "anonymousId": None, "context": None, "timestamp": None}
    event |= {"integrations": None, "properties": None, "traits": None, "sentAt": None}

    assert (200, {"success": True}) == await collector.post(path, event)
    assert {("web", "unplanned"): 1} == collector.ingest.counters.events


async def test_retries_and_libraries_are_counted(start_collector: StartCollector) -> None:
    """The library of the first event, and `X-Retry-Count` where a client sends it; nonsense is not counted."""
    collector = await start_collector()
    library = {"context": {"library": {"name": "analytics-python", "version": "2.4.0"}}}

    await collector.post("/v1/batch", {"batch": [LINA | library, LINA | library]}, **{"X-Retry-Count": "3"})
    await collector.post("/v1/t", LINA | library, **{"X-Retry-Count": "5000000000"})
    await collector.post("/v1/t", LINA, **{"X-Retry-Count": "-1"})

    assert collector.ingest.counters.libraries == {("analytics-python", "2.4.0"): 2}
    assert collector.ingest.counters.retries == {3: 1, 10: 1}


async def test_libraries_that_begin_alike_are_told_apart(start_collector: StartCollector) -> None:
    """Two versions of a library with a long name are two, however often each has been seen before."""
    collector = await start_collector()
    for version in ("1.0.0-alpha", "1.0.0-beta", "1.0.0-alpha", "1.0.0-beta"):
        await collector.post("/v1/t", LINA | {"context": {"library": {"name": "x" * 55, "version": version}}})

    assert set(collector.ingest.counters.libraries.values()) == {2}


async def test_a_waiting_time_is_said_in_both_headers(start_collector: StartCollector) -> None:
    """What the collector cannot store now it answers 503 with `Retry-After` and `X-RateLimit-Reset`, in seconds."""
    collector = await start_collector(max_backlog_bytes=0)  # full after its first record
    assert 200 == (await collector.post("/v1/t", LINA))[0]

    async with collector.client.post("/v1/t?writeKey=web-key", data=json.dumps(LINA)) as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == response.headers["X-RateLimit-Reset"]
        assert {"success", "code", "message", "error", "requestId"} == set(await response.json())
