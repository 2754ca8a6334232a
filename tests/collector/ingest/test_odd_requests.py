"""Requests that put two parts of the collector together in a way that neither expects."""

from __future__ import annotations

import asyncio
import socket
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from tests.collector.ingest.conftest import StartCollector
from trackway_collector.errors import ConfigError
from trackway_collector.ingest.app import make_app, make_runner
from trackway_collector.ingest.privacy.policy import Cookie, Privacy
from trackway_collector.ingest.requests import Ingest
from trackway_collector.ingest.rules.in_force import InForce
from trackway_collector.ingest.rules.keys import Keys
from trackway_collector.ingest.rules.sources import Policies, SourcePolicy
from trackway_collector.ingest.serving.plain_answer import PlainAnswer
from trackway_collector.keystore.edits import create
from trackway_collector.keystore.file import KeyStore
from trackway_collector.outcomes import IngestCounters
from trackway_collector.spool import SpoolWriter

EVENT = {"type": "track", "event": "e", "messageId": "m-1", "userId": "lina"}
BODY = msgspec.json.encode({"batch": [EVENT]})
BASIC = b"Authorization: Basic " + b64encode(b"web-key:")
PAGE = {"Origin": "https://shop.example"}


async def raw(collector: Any, *lines: bytes, body: bytes = BODY) -> bytes:
    """Send a request whose headers are bytes, and return the answer."""
    server = collector.client.server
    reader, writer = await asyncio.open_connection(server.host, server.port)
    head = [*lines, b"Host: here", b"Connection: close", b"Content-Length: %d" % len(body)]
    writer.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


@pytest.mark.parametrize(
    "header",
    [b"User-Agent: caf\xe9", b"Referer: https://shop.example/caf\xe9", b"Accept-Language: \xe9", b"Cookie: id=\xe9"],
)
async def test_headers_that_are_no_utf8_cost_no_event(start_collector: StartCollector, header: bytes) -> None:
    """A browser's header in Latin-1 is kept as far as it can be read; the events are stored."""
    collector = await start_collector(policy=SourcePolicy(privacy=Privacy(cookie=Cookie("id"))))
    answer = await raw(collector, b"POST /v1/batch HTTP/1.1", BASIC, b"Origin: https://shop.example", header)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert len(collector.spooled()) == 1


@pytest.mark.parametrize("method", [b"POST", b"OPTIONS"])
async def test_an_origin_that_is_no_utf8_is_answered(start_collector: StartCollector, method: bytes) -> None:
    """What a preflight or a request says in bytes of another charset does not break the answer."""
    collector = await start_collector()
    odd = (b"Origin: https://caf\xe9.example", b"Access-Control-Request-Headers: \xe9")
    asks = (*odd, b"Access-Control-Request-Method: POST")
    answer = await raw(collector, method + b" /v1/batch HTTP/1.1", BASIC, *asks)
    assert answer.startswith(b"HTTP/1.1 200"), answer


def with_key_of_a_page(collector: Any) -> str:
    """Give the collector a key for pages of shop.example alone; return it."""
    made = create(
        KeyStore.empty(), "web", datetime.now(UTC), environment="production", origins=("https://shop.example",)
    )
    keys = Keys({}, made.store, datetime.now(UTC))
    collector.ingest.in_force = InForce(keys, collector.ingest.in_force.decoder)
    return made.text


@pytest.mark.parametrize("path", ["/sourceConfig?writeKey={}", "/v1/projects/{}/settings", "/v1/plan"])
async def test_a_foreign_page_gets_no_settings(start_collector: StartCollector, path: str) -> None:
    """A page that a key is not for is told so wherever it asks, and nothing fails at it."""
    collector = await start_collector()
    key = with_key_of_a_page(collector)
    basic = {"Authorization": "Basic " + b64encode(f"{key}:".encode()).decode()}
    for origin, status in (("https://shop.example", 200), ("https://other.example", 403)):
        async with collector.client.get(path.format(key), headers={"Origin": origin} | basic) as response:
            assert response.status == status, await response.text()
            if status == 403:
                assert (await response.json())["code"] == "origin_not_allowed"


async def test_a_page_is_never_challenged(start_collector: StartCollector) -> None:
    """No 401 to a page opens its browser's password dialog, and no page can read the metrics of this machine."""
    collector = await start_collector()
    for path, status in (("/v1/plan", 401), ("/metrics", 403)):
        async with collector.client.get(path, headers=PAGE) as response:
            assert response.status == status
            assert "WWW-Authenticate" not in response.headers
    async with collector.client.get("/metrics") as response:
        assert response.status == 200


async def test_a_page_can_read_the_id_of_its_request(start_collector: StartCollector) -> None:
    """The id that the collector's log has can be shown by the page."""
    collector = await start_collector()
    async with collector.client.post("/v1/batch", data=BODY, headers=PAGE) as response:
        assert "X-Request-Id" in response.headers["Access-Control-Expose-Headers"]


async def test_the_plain_answer_says_nothing_of_versions(start_collector: StartCollector) -> None:
    """The quick answer names the server as all others do."""
    collector = await start_collector()
    async with collector.client.post("/v1/batch", data=BODY, headers={"X-Write-Key": "web-key"}) as response:
        assert response.status == 200
        assert response.headers["Server"] == "trackway"


async def test_who_does_not_read_answers_is_not_read() -> None:
    """A client that sends request after request and reads no answer is not read further; memory does not grow."""
    answered = 0
    answer = PlainAnswer(b"x" * 10_000)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal answered
        answered += 1
        return answer

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    await web.SockSite(runner, listening).start()
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(listening.getsockname())
    client.setblocking(False)
    requests = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n" * 5_000
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(client, requests * 40), 3)
    assert answered < 1_000
    client.close()
    await runner.cleanup()


async def test_what_may_be_stored_is_not_said_to_be_lost(start_collector: StartCollector, tmp_path: Path) -> None:
    """While the disk takes longer than a connection may, no answer says that nothing of the request was stored."""
    ingest = Ingest((await start_collector()).ingest.in_force, SpoolWriter(tmp_path / "slow" / "w0"), IngestCounters())
    append = ingest.spool.append

    async def slowly(*record: Any) -> None:
        await asyncio.sleep(1)
        await append(*record)

    ingest.spool.append = slowly  # type: ignore[assignment, method-assign]
    runner = make_runner(make_app(ingest), connection_timeout_s=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    reader, writer = await asyncio.open_connection(*runner.addresses[0])
    writer.write(b"POST /v1/batch HTTP/1.1\r\nHost: here\r\n" + BASIC + b"\r\n")
    writer.write(b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)
    assert b"nothing of it was stored" not in await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await runner.cleanup()


def test_a_cookies_name_can_be_one() -> None:
    """A cookie that no answer could set is refused with the settings, not with each request."""
    for cookie in ({"name": "my id"}, {"name": "id", "domain": "shop.example; Secure"}):
        with pytest.raises(ConfigError, match="cookie"):
            Policies.of_tables({"web": {"privacy": {"cookie": cookie}}}, "trackway.toml")
    assert Policies.of_tables({"web": {"privacy": {"cookie": {"name": "ajs_anonymous_id"}}}}, "trackway.toml")
