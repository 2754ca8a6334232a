"""aiohttp's server on a real port: handlers, streams, WebSockets and other middlewares are inside the scope."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from pytest_aiohttp.plugin import AiohttpClient

from tests.sdk.integrations.conftest import Sent
from trackway import Tracker
from trackway.integrations import Cookie
from trackway.integrations.aiohttp import trackway_middleware

USER = web.RequestKey("user_id", str)


def shop(tracker: Tracker) -> web.Application:
    """An app whose handlers track without ids; the user comes from a middleware after ours."""

    async def basket(request: web.Request) -> web.Response:
        tracker.track("Basket Shown")
        return web.Response(text="ok")

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for part in (b"a", b"b"):
            tracker.track("Part Sent")
            await response.write(part)
            await asyncio.sleep(0)
        return response

    async def chat(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            tracker.track("Message Sent")
            break
        return socket

    async def broken(request: web.Request) -> web.Response:
        tracker.track("Basket Shown")
        raise web.HTTPGone

    @web.middleware
    async def login(request: web.Request, handler: Any) -> web.StreamResponse:
        if "X-User" in request.headers:
            request[USER] = request.headers["X-User"]
        response: web.StreamResponse = await handler(request)
        return response

    bind = trackway_middleware(anonymous_id=Cookie("visit"), user_id=lambda request: request.get(USER))
    app = web.Application(middlewares=[bind, login])
    app.router.add_routes(
        [
            web.get("/basket", basket),
            web.get("/bäsket", basket),
            web.get("/stream", stream),
            web.get("/chat", chat),
            web.get("/broken", broken),
        ]
    )
    return app


async def test_a_handler_needs_no_ids(aiohttp_client: AiohttpClient, tracker: Tracker, sent: Sent) -> None:
    """Its events have visit, user, page, address and browser of the request."""
    client = await aiohttp_client(shop(tracker), headers={"Cookie": "visit=v-3", "User-Agent": "Grün"})
    await client.get("/bäsket?utm_source=news&password=s3cret", headers={"X-User": "user-7"})
    (event,) = await asyncio.to_thread(sent)
    assert (event["userId"], event["anonymousId"]) == ("user-7", "v-3")
    assert event["context"]["page"]["path"] == "/b%C3%A4sket"
    assert event["context"]["page"]["search"] == "?utm_source=news&password=***"
    assert event["context"]["page"]["url"].startswith("http://127.0.0.1:")
    assert event["context"]["campaign"] == {"source": "news"}
    assert event["context"]["ip"] == "127.0.0.1"
    assert event["context"]["userAgent"] == "Grün"


async def test_requests_of_one_connection_stay_apart(
    aiohttp_client: AiohttpClient, tracker: Tracker, sent: Sent
) -> None:
    """Kept alive, a connection carries many requests; none leaves its scope to the next."""
    client = await aiohttp_client(shop(tracker))
    await client.get("/basket", headers={"Cookie": "visit=v-3"})
    await client.get("/broken", headers={"Cookie": "visit=v-4"})
    await client.get("/basket")
    assert [event["anonymousId"] for event in await asyncio.to_thread(sent)] == ["v-3", "v-4"]
    assert tracker.stats().dropped_by_reason == {"no_person": 1}


async def test_streams_and_sockets_are_inside(aiohttp_client: AiohttpClient, tracker: Tracker, sent: Sent) -> None:
    """A response that the handler writes itself, and a conversation, are the request's to their end."""
    client = await aiohttp_client(shop(tracker), headers={"Cookie": "visit=v-3"})
    assert await (await client.get("/stream")).read() == b"ab"
    async with client.ws_connect("/chat") as socket:
        await socket.send_str("tea?")
        await socket.receive()
    events = await asyncio.to_thread(sent)
    assert [event["event"] for event in events] == ["Part Sent", "Part Sent", "Message Sent"]
    assert {event["anonymousId"] for event in events} == {"v-3"}


async def test_fifty_requests_at_once_stay_apart(aiohttp_client: AiohttpClient, tracker: Tracker, sent: Sent) -> None:
    """Every event has the visit and the page of its own request."""
    client = await aiohttp_client(shop(tracker))
    visits = [client.get(f"/stream?visit=v-{n}", headers={"Cookie": f"visit=v-{n}"}) for n in range(50)]
    for response in await asyncio.gather(*visits):
        await response.read()
    events = await asyncio.to_thread(sent)
    assert len(events) == 100
    assert all(event["context"]["page"]["search"] == f"?visit={event['anonymousId']}" for event in events)
