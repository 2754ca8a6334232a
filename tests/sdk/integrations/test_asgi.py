"""Starlette and FastAPI, through their own test client and under uvicorn: events of a request are that request's."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import Depends, FastAPI
from fastapi import Request as FastRequest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from tests.sdk.integrations.conftest import Sent
from tests.sdk.loopback import Loopback
from trackway import ConfigurationError, Tracker
from trackway._events.scope import current
from trackway.integrations import Cookie, Header
from trackway.integrations.asgi import TrackwayMiddleware
from trackway.testing import RecordingTransport

VISIT = {"cookie": "visit=v-3"}


def starlette(tracker: Tracker, **settings: Any) -> Starlette:
    """An app with one endpoint of each kind, each of which tracks one event without ids."""

    async def basket(request: Request) -> Response:
        tracker.track("Basket Shown", {"path": request.url.path})
        return PlainTextResponse("ok", background=BackgroundTask(tracker.track, "Basket Logged"))

    def sync_basket(request: Request) -> Response:
        tracker.track("Basket Shown", {"thread": "pool"})
        return PlainTextResponse("ok")

    async def stream(request: Request) -> Response:
        async def parts() -> AsyncIterator[str]:
            for part in ("a", "b"):
                tracker.track("Part Sent", {"part": part})
                yield part

        return StreamingResponse(parts())

    async def broken(request: Request) -> Response:
        tracker.track("Basket Shown")
        raise LookupError

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        tracker.track("Chat Opened")
        await websocket.close()

    return Starlette(
        routes=[
            Route("/basket", basket, methods=["GET", "POST"]),
            Route("/sync", sync_basket),
            Route("/stream", stream),
            Route("/broken", broken),
            WebSocketRoute("/chat", socket),
        ],
        middleware=[Middleware(TrackwayMiddleware, **{"anonymous_id": Cookie("visit"), **settings})],
    )


@pytest.fixture
def client(tracker: Tracker) -> Iterator[TestClient]:
    """A browser with a visit's cookie."""
    with TestClient(starlette(tracker), base_url="https://tea.example.com", headers=VISIT) as client:
        yield client


def test_an_event_of_a_request_knows_its_circumstances(client: TestClient, sent: Sent) -> None:
    """Who, where, from where and with what: nothing of it was written in the handler."""
    client.get(
        "/basket?utm_source=news&token=s3cret",
        headers={"user-agent": "Firefox", "accept-language": "de-AT", "referer": "https://search.example.com/"},
    )
    shown, logged = sent()
    for event in (shown, logged):  # the background task runs inside, too
        assert event["anonymousId"] == "v-3"
        assert "userId" not in event
        assert event["context"]["page"] == {
            "url": "https://tea.example.com/basket?utm_source=news&token=***",
            "path": "/basket",
            "search": "?utm_source=news&token=***",
            "referrer": "https://search.example.com/",
        }
        assert event["context"]["campaign"] == {"source": "news"}
        assert event["context"]["userAgent"] == "Firefox"
        assert event["context"]["locale"] == "de-AT"
        assert "s3cret" not in str(event)


@pytest.mark.parametrize(
    ("path", "names"), [("/sync", ["Basket Shown"]), ("/stream", ["Part Sent", "Part Sent"])], ids=["sync", "stream"]
)
def test_endpoints_of_every_kind_are_inside(client: TestClient, sent: Sent, path: str, names: list[str]) -> None:
    """A sync endpoint, which runs in another thread, and every part of a streamed response."""
    client.get(path)
    assert [event["event"] for event in sent()] == names
    assert {event["anonymousId"] for event in sent()} == {"v-3"}
    assert {event["context"]["page"]["path"] for event in sent()} == {path}


def test_a_websocket_is_inside(client: TestClient, sent: Sent) -> None:
    """Events of a socket's conversation are the visit's; its address is shown as a web page's."""
    with client.websocket_connect("/chat"):
        pass
    (event,) = sent()
    assert event["anonymousId"] == "v-3"
    assert event["context"]["page"]["path"] == "/chat"
    assert event["context"]["page"]["url"].startswith("http")


def test_an_error_of_a_handler_goes_its_way(client: TestClient, sent: Sent) -> None:
    """The exception reaches the server as without middleware, and the scope has ended."""
    with pytest.raises(LookupError):
        client.get("/broken")
    assert [event["event"] for event in sent()] == ["Basket Shown"]


def test_nobody_is_made_up(tracker: Tracker, sent: Sent) -> None:
    """A request without an id has no person: its events are dropped and counted, and say so in the log."""
    TestClient(starlette(tracker)).get("/sync")
    assert sent() == []
    assert tracker.stats().dropped_by_reason == {"no_person": 1}


def test_a_login_that_happens_inside_counts(tracker: Tracker, sent: Sent) -> None:
    """`user_id` is asked when an event is tracked: authentication may be any middleware or dependency after ours."""
    app = FastAPI()
    app.add_middleware(
        TrackwayMiddleware,
        anonymous_id=Cookie("visit"),
        user_id=lambda scope: scope.get("state", {}).get("user_id"),
        session_id=Header("X-Session"),
    )

    def current_user(request: FastRequest) -> str:
        request.state.user_id = "user-7"
        return "user-7"

    @app.get("/basket")
    def basket(user: str = Depends(current_user)) -> str:
        tracker.track("Basket Shown")
        return user

    @app.get("/welcome")
    async def welcome() -> str:
        tracker.track("Welcome Shown")
        return "ok"

    client = TestClient(app, headers={**VISIT, "x-session": "s-1"})
    assert client.get("/basket").json() == "user-7"
    client.get("/welcome")
    basket_shown, welcome_shown = sent()
    assert (basket_shown["userId"], basket_shown["anonymousId"]) == ("user-7", "v-3")
    assert basket_shown["context"]["sessionId"] == "s-1"
    assert "userId" not in welcome_shown


def test_other_middleware_is_inside(tracker: Tracker, sent: Sent) -> None:
    """Starlette's BaseHTTPMiddleware, which runs what it wraps in another task, neither loses nor keeps a scope."""

    async def log(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        tracker.track("Request Logged")
        return response

    app = starlette(tracker)
    app.add_middleware(BaseHTTPMiddleware, dispatch=log)
    app.add_middleware(TrackwayMiddleware, anonymous_id=Cookie("visit"))
    TestClient(app, headers=VISIT).get("/sync")
    assert [(event["event"], event["anonymousId"]) for event in sent()] == [
        ("Basket Shown", "v-3"),
        ("Request Logged", "v-3"),
    ]


def test_the_body_is_left_alone(client: TestClient) -> None:
    """A body that is larger than any limit goes to the handler unread."""
    assert client.post("/basket", content=b"x" * 1_000_000).status_code == 200


async def test_consent_is_asked_at_the_start(tracker: Tracker, transport: RecordingTransport) -> None:
    """What the person agrees to decides what is sent; a function that fails is taken as a no to everything."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        tracker.track(scope["path"])

    def by_path(scope: Any) -> dict[str, bool]:
        return {"/yes": {"analytics": True}, "/no": {"analytics": False}, "/silent": {}}[scope["path"]]

    tracker.consent(analytics=True)  # a person's own word, or a failure to hear it, is over this
    middleware = TrackwayMiddleware(app, consent=by_path, user_id=lambda scope: "user-7")
    for path in ("/yes", "/no", "/silent", "/broken"):
        await middleware({"type": "http", "path": path, "headers": []}, _never, _never)  # type: ignore[arg-type]
    assert await asyncio.to_thread(tracker.flush, 5)
    assert [event["event"] for event in transport.events] == ["/yes", "/silent"]
    assert tracker.stats().dropped_by_reason == {"no_consent": 2}


async def test_a_bare_connection_is_enough() -> None:
    """What ASGI calls optional may be missing: raw path, scheme, client, server, query."""
    seen: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        inside = current()
        assert inside is not None
        assert callable(inside.context)
        seen.append(inside.context())

    middleware = TrackwayMiddleware(app)
    await middleware({"type": "http", "path": "/grün", "headers": []}, _never, _never)  # type: ignore[arg-type]
    unix = {
        "type": "http",
        "path": "/",
        "headers": [(b"host", b"a.b")],
        "client": None,
        "server": ("/run/a.sock", None),
    }
    await middleware(unix, _never, _never)  # type: ignore[arg-type]
    nobody = {"type": "http", "path": "/", "headers": [], "client": (None, None), "server": (None, 80)}
    await middleware(nobody | {"query_string": None}, _never, _never)  # type: ignore[arg-type]
    assert seen == [
        {"page": {"path": "/gr%C3%BCn"}},
        {"page": {"url": "http://a.b/", "path": "/"}},
        {"page": {"path": "/"}},
    ]


async def test_lifespan_passes_through() -> None:
    """What is no request is no scope."""
    seen: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(current())

    await TrackwayMiddleware(app)({"type": "lifespan"}, _never, _never)  # type: ignore[arg-type]
    assert seen == [None]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"user": Cookie("visit")}, "`user` is not a setting of this middleware"),
        ({"user_id": "visit"}, "`user_id` is a str. Write where the id comes from"),
        ({"trusted_proxies": "1"}, "`trusted_proxies` is '1'"),
        ({"trusted_proxies": True}, "`trusted_proxies` is True"),
        ({"proxy_header": 1}, "`proxy_header` is 1"),
        ({"ip": "half"}, "known policies: full, truncated, none"),
        ({"hidden_parameters": "token"}, "`hidden_parameters` is no list of words"),
        ({"consent": {"marketing": True}}, "`consent` is no function"),
    ],
)
def test_a_wrong_setting_raises_at_once(settings: dict[str, Any], message: str) -> None:
    """A mistake in the settings is an error at start, which says how to mend it, and never one of a request."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    with pytest.raises(ConfigurationError, match=r".") as raised:
        TrackwayMiddleware(app, **settings)
    assert message in str(raised.value)


def test_a_thousand_requests_under_uvicorn_stay_apart(tracker: Tracker, sent: Sent) -> None:
    """Twenty clients at once on a real server: every event has the visit, path and address of its own request."""
    app = starlette(tracker, trusted_proxies=1)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", proxy_headers=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]

    def visit(client: int) -> None:
        for turn in range(50):
            path = ("basket", "sync", "stream")[turn % 3]
            headers = {"Cookie": f"visit=v-{client}", "X-Forwarded-For": f"1.1.1.1, 203.0.113.{client}"}
            url = f"http://127.0.0.1:{port}/{path}?client={client}"
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
                answer.read()

    clients = [threading.Thread(target=visit, args=(number,)) for number in range(1, 21)]
    try:
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    finally:
        server.should_exit = True
        thread.join(20)
    events = sent()
    # Of 50 turns 17 are /basket with 2 events, 17 /sync with 1, 16 /stream with 2.
    assert len(events) == 20 * (17 * 2 + 17 + 16 * 2)
    for event in events:
        client = event["anonymousId"].removeprefix("v-")
        assert event["context"]["page"]["search"] == f"?client={client}"
        assert event["context"]["ip"] == f"203.0.113.{client}"


async def _never(*_: object) -> None:
    raise AssertionError


UVICORN_SHOP = """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from trackway import Tracker
from trackway.integrations.asgi import TrackwayMiddleware

tracker = Tracker(flush_interval_s=60)

async def basket(request):
    tracker.track("Basket Shown", user_id="ana")
    return PlainTextResponse("ok")

app = Starlette(routes=[Route("/basket", basket)])
app.add_middleware(TrackwayMiddleware)
"""


def test_a_process_that_uvicorn_ends_has_sent_its_events(tmp_path: Path) -> None:
    """
    uvicorn ends its process by the very SIGTERM it was stopped with, which nothing outlives: what was held for company
    leaves before, when the application shuts down.
    """
    (tmp_path / "shop.py").write_text(UVICORN_SHOP, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Loopback() as collector:
        environ = os.environ | {"TRACKWAY_WRITE_KEY": "shop-key", "TRACKWAY_HOST": collector.url}
        environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *sys.path])
        command = [sys.executable, "-m", "uvicorn", "shop:app", "--port", str(port), "--log-level", "error"]
        with subprocess.Popen(command, env=environ, cwd=tmp_path) as server:
            try:
                deadline = time.monotonic() + 60
                asked = 0
                while asked < 50 and time.monotonic() < deadline:
                    try:
                        urllib.request.urlopen(f"http://127.0.0.1:{port}/basket", timeout=20).close()
                    except urllib.error.URLError:
                        time.sleep(0.05)
                    else:
                        asked += 1
                server.terminate()
                server.wait(30)
            finally:
                server.kill()
        assert (asked, len(collector.stored)) == (50, 50)
        assert server.returncode == -signal.SIGTERM
