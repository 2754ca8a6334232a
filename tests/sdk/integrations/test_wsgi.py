"""Flask, and WSGI as servers speak it: the scope lasts until the response is closed, and not between its parts."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import flask
import pytest

import trackway
from tests.sdk.integrations.conftest import Sent
from trackway import Tracker
from trackway._events.scope import current
from trackway.integrations import Cookie, Header
from trackway.integrations.flask import instrument
from trackway.integrations.wsgi import TrackwayMiddleware

ENVIRON: dict[str, Any] = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "/shop",
    "PATH_INFO": "/gr\xc3\xbcn",
    "QUERY_STRING": "q=tea",
    "SERVER_NAME": "10.0.0.5",
    "SERVER_PORT": "8000",
    "REMOTE_ADDR": "203.0.113.9",
    "HTTP_COOKIE": "visit=v-3",
    "HTTP_HOST": "tea.example.com",
    "wsgi.url_scheme": "https",
}


def shop(tracker: Tracker) -> flask.Flask:
    """An app whose endpoints track without ids."""
    app = flask.Flask("shop")
    app.secret_key = "tea"

    @app.route("/basket", methods=["GET", "POST"])
    def basket() -> str:
        tracker.track("Basket Shown")
        return "ok"

    @app.get("/login")
    def login() -> str:
        tracker.track("Login Tried")
        flask.session["user_id"] = "user-7"
        tracker.track("Logged In")
        return "ok"

    @app.get("/stream")
    def stream() -> flask.Response:
        def parts() -> Iterator[str]:
            for part in ("a", "b"):
                tracker.track("Part Sent", {"part": part})
                yield part

        response = flask.Response(flask.stream_with_context(parts()))
        response.call_on_close(lambda: tracker.track("Stream Ended"))
        return response

    @app.get("/broken")
    def broken() -> str:
        tracker.track("Basket Shown")
        raise LookupError

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        tracker.track("Request Ended")

    instrument(
        app,
        anonymous_id=Cookie("visit"),
        user_id=lambda request: flask.session.get("user_id"),
        session_id=lambda request: request.headers.get("X-Session"),
        consent=lambda request: {"marketing": request.cookies.get("ok") == "1"},
    )
    return app


@pytest.fixture
def client(tracker: Tracker) -> flask.testing.FlaskClient:
    """A browser with a visit's cookie."""
    client = shop(tracker).test_client()
    client.set_cookie("visit", "v-3", domain="localhost")
    return client


def test_a_flask_view_needs_no_ids(client: flask.testing.FlaskClient, sent: Sent) -> None:
    """Its events have the visit, the page and the browser; teardown functions are inside, too."""
    client.get("/basket?gclid=Cj0K", headers={"User-Agent": "Firefox", "X-Session": "s-1"})
    shown, ended = sent()
    assert (shown["event"], ended["event"]) == ("Basket Shown", "Request Ended")
    for event in (shown, ended):
        assert event["anonymousId"] == "v-3"
        assert event["context"]["page"]["url"] == "http://localhost/basket?gclid=Cj0K"
        assert event["context"]["clickIds"] == {"gclid": "Cj0K"}
        assert event["context"]["ip"] == "127.0.0.1"
        assert event["context"]["userAgent"] == "Firefox"
        assert event["context"]["sessionId"] == "s-1"


def test_who_logs_in_is_known_from_then_on(client: flask.testing.FlaskClient, sent: Sent) -> None:
    """The session that a view fills is read by the next event of the same request."""
    client.get("/login")
    client.get("/basket")
    assert [(event["event"], event.get("userId")) for event in sent()] == [
        ("Login Tried", None),
        ("Logged In", "user-7"),
        ("Request Ended", "user-7"),
        ("Basket Shown", "user-7"),
        ("Request Ended", "user-7"),
    ]
    assert {event["anonymousId"] for event in sent()} == {"v-3"}


def test_a_streamed_response_is_inside_to_its_end(client: flask.testing.FlaskClient, sent: Sent) -> None:
    """Every part is made inside the scope, and what runs when the response is closed; between parts none is open."""
    response = client.get("/stream", buffered=False)
    parts = []
    for part in response.iter_encoded():
        parts.append(part)
        assert current() is None
    response.close()
    assert parts == [b"a", b"b"]
    assert {event["anonymousId"] for event in sent()} == {"v-3"}
    assert [event["event"] for event in sent()].count("Part Sent") == 2
    assert "Stream Ended" in [event["event"] for event in sent()]


def test_an_error_of_a_view_goes_its_way(tracker: Tracker, sent: Sent) -> None:
    """Flask answers 500 as without middleware, and the scope has ended."""
    client = shop(tracker).test_client()
    client.set_cookie("visit", "v-3")
    assert client.get("/broken").status_code == 500
    assert sent()[0]["event"] == "Basket Shown"


def test_consent_of_a_cookie(tracker: Tracker) -> None:
    """The consent function is given a request with cookies before Flask has one."""
    app = shop(tracker)
    found: list[object] = []

    @app.get("/consent")
    def consent() -> str:
        inside = current()
        assert inside is not None
        found.append(inside.consent)
        return "ok"

    client = app.test_client()
    client.get("/consent")
    client.set_cookie("ok", "1")
    client.get("/consent")
    assert found == [{"marketing": False}, {"marketing": True}]


def test_the_body_is_left_alone(tracker: Tracker, sent: Sent) -> None:
    """The middleware never touches `wsgi.input`, not even when an event is tracked."""

    class Untouchable:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        tracker.track("Basket Shown")
        return []

    middleware = TrackwayMiddleware(app, anonymous_id=Cookie("visit"))
    middleware({**ENVIRON, "REQUEST_METHOD": "POST", "wsgi.input": Untouchable()}, _start)
    assert len(sent()) == 1


def _bound() -> dict[str, Any]:
    inside = current()
    assert inside is not None
    assert callable(inside.context)
    return {**inside.context(), "user": inside.user_id}


def _start(status: str, headers: Any, error: Any = None) -> Callable[[bytes], object]:
    return lambda part: None


def test_a_path_is_written_as_in_an_address() -> None:
    """Mount point and path are joined and percent-encoded, whatever bytes they are; without Host the server counts."""
    seen: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        seen.append(_bound())
        return []

    middleware = TrackwayMiddleware(app)
    middleware(ENVIRON, _start)
    middleware({**ENVIRON, "PATH_INFO": "/\xff", "HTTP_HOST": "bad host"}, _start)
    middleware({}, _start)
    assert seen[0]["page"] == {
        "url": "https://tea.example.com/shop/gr%C3%BCn?q=tea",
        "path": "/shop/gr%C3%BCn",
        "search": "?q=tea",
    }
    assert seen[1]["page"]["url"] == "https://10.0.0.5:8000/shop/%FF?q=tea"
    assert seen[2] == {"user": None}


def test_a_scope_opened_in_a_stream_stays_in_the_stream() -> None:
    """What the application binds between two parts is bound again at the next, and never outside."""
    seen: list[object] = []

    def app(environ: dict[str, Any], start: Any) -> Iterator[bytes]:
        with trackway.scope(user_id="user-7"):
            seen.append(_bound()["user"])
            yield b"a"
            seen.append(_bound()["user"])
            yield b"b"
        seen.append(_bound()["user"])

    def around(environ: dict[str, Any]) -> Iterator[bytes]:
        yield from TrackwayMiddleware(app)(environ, _start)

    first, second = around(ENVIRON), around(ENVIRON)
    with trackway.scope(user_id="server"):
        for response in (first, second, first, second, first, second):
            next(response, None)
            inside = current()
            assert inside is not None
            assert inside.user_id == "server"
    assert seen == ["user-7", "user-7", "user-7", "user-7", "server", "server"]


def test_responses_that_run_nothing_are_handed_on() -> None:
    """Lists, and files that servers send by themselves, are not wrapped: the server's shortcuts still work."""
    parts = [b"ok"]
    assert TrackwayMiddleware(lambda environ, start: parts)(ENVIRON, _start) is parts

    def file(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](open(__file__, "rb"))  # noqa: SIM115
        return wrapped

    response = TrackwayMiddleware(file)({**ENVIRON, "wsgi.file_wrapper": FileWrapper}, _start)
    assert isinstance(response, FileWrapper)
    response.close()


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_it_keeps_to_the_protocol_on_a_real_server(tracker: Tracker, sent: Sent) -> None:
    """Under wsgiref's validator on both sides, with eight clients at once, every event is its own request's."""

    def app(environ: dict[str, Any], start: Any) -> Iterator[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        for number in range(3):
            tracker.track("Part Sent", {"client": environ["HTTP_X_CLIENT"], "number": number})
            yield b"x"

    wrapped = TrackwayMiddleware(validator(app), anonymous_id=Header("X-Client"), trusted_proxies=1)
    server = _Threads(("127.0.0.1", 0), _Quiet)
    server.set_app(validator(wrapped))
    serving = threading.Thread(target=server.serve_forever, args=(0.02,))
    serving.start()

    def visit(client: int) -> None:
        for _ in range(20):
            headers = {"X-Client": str(client), "X-Forwarded-For": f"203.0.113.{client}"}
            request = urllib.request.Request(f"http://127.0.0.1:{server.server_port}/?client={client}", headers=headers)
            with urllib.request.urlopen(request, timeout=20) as answer:
                assert answer.read() == b"xxx"

    clients = [threading.Thread(target=visit, args=(number,)) for number in range(1, 9)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    server.shutdown()
    serving.join()
    server.server_close()
    events = sent()
    assert len(events) == 8 * 20 * 3
    for event in events:
        assert event["anonymousId"] == event["properties"]["client"]
        assert event["context"]["ip"] == f"203.0.113.{event['anonymousId']}"
        assert event["context"]["page"]["search"] == f"?client={event['anonymousId']}"


def test_an_environment_with_holes_is_answered() -> None:
    """What an adapter of a serverless platform leaves out or sets to None is not known, and breaks no request."""
    seen: list[object] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        inside = current()
        assert inside is not None
        assert callable(inside.context)
        seen.append(inside.context())
        return []

    holes = dict.fromkeys(("SCRIPT_NAME", "QUERY_STRING", "SERVER_NAME", "wsgi.url_scheme", "REMOTE_ADDR"))
    for environ in ({}, {**holes, "PATH_INFO": None}, {**holes, "PATH_INFO": "/basket"}):
        list(TrackwayMiddleware(application)(environ, _start))
    assert seen == [{}, {}, {"page": {"path": "/basket"}}]
