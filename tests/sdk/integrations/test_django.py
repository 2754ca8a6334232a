"""Django under WSGI and ASGI: sync and async views, logins, streams and files."""

from __future__ import annotations

from typing import Any
from wsgiref.util import FileWrapper

import httpx2
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client, RequestFactory
from django.test.utils import override_settings

from tests.sdk.integrations import django_shop
from tests.sdk.integrations.conftest import Sent
from trackway import ConfigurationError, Tracker
from trackway._events.scope import current


@pytest.fixture(autouse=True)
def shop(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the project's views this test's tracker."""
    monkeypatch.setattr(django_shop.trackers, "now", tracker, raising=False)


@pytest.fixture
def client() -> Any:
    """A browser with a visit's cookie, over WSGI."""
    client = Client(headers={"user-agent": "Firefox"})
    client.cookies["visit"] = "v-3"
    return client


@pytest.fixture
def user() -> Any:
    """User 7 in a database in memory."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0, run_syncdb=True)
    user, _ = User.objects.get_or_create(pk=7, username="ana")
    return user


def test_a_view_needs_no_ids(client: Any, sent: Sent) -> None:
    """Its events have visit, page, truncated address and browser; Django's own settings say which scheme it was."""
    client.get("/basket?msclkid=a1&email=a%40b.at", headers={"x-forwarded-proto": "https"}, REMOTE_ADDR="203.0.113.9")
    (event,) = sent()
    assert event["anonymousId"] == "v-3"
    assert "userId" not in event
    assert event["context"]["page"] == {
        "url": "https://testserver/basket?msclkid=a1&email=***",
        "path": "/basket",
        "search": "?msclkid=a1&email=***",
    }
    assert event["context"]["clickIds"] == {"msclkid": "a1"}
    assert event["context"]["ip"] == "203.0.113.0"
    assert event["context"]["userAgent"] == "Firefox"


def test_who_logs_in_is_known_from_then_on(client: Any, user: Any, sent: Sent) -> None:
    """The user that Django's middleware and login find is on the next event, although ours comes first."""
    client.get("/login")
    client.get("/basket")
    assert [(event["event"], event.get("userId")) for event in sent()] == [
        ("Login Tried", None),
        ("Logged In", "7"),
        ("Basket Shown", "7"),
    ]
    assert {event["anonymousId"] for event in sent()} == {"v-3"}


@pytest.mark.parametrize(
    ("path", "events"), [("/async", 1), ("/stream", 2), ("/basket", 1), ("/gr%C3%BCn", 1)], ids=lambda value: str(value)
)
def test_views_of_every_kind_under_wsgi(client: Any, sent: Sent, path: str, events: int) -> None:
    """Sync, async and streaming views are inside, to the last part."""
    b"".join(client.get(path))
    assert len(sent()) == events
    assert {event["anonymousId"] for event in sent()} == {"v-3"}
    assert {event["context"]["page"]["path"] for event in sent()} == {path}


@pytest.mark.parametrize(
    ("path", "events"), [("/async", 1), ("/async-stream", 2), ("/basket", 1), ("/gr%C3%BCn", 1)], ids=str
)
async def test_views_of_every_kind_under_asgi(sent: Sent, path: str, events: int) -> None:
    """The same with a server of coroutines."""
    headers = {"user-agent": "Firefox", "cookie": "visit=v-3"}
    server = httpx2.ASGITransport(ASGIHandler(), client=("203.0.113.9", 4711))
    async with httpx2.AsyncClient(transport=server, base_url="https://tea.example.com", headers=headers) as client:
        await client.get(path)
    assert len(sent()) == events
    for event in sent():
        assert event["anonymousId"] == "v-3"
        assert event["context"]["page"] == {"url": f"https://tea.example.com{path}", "path": path}
        assert event["context"]["userAgent"] == "Firefox"
        assert event["context"]["ip"] == "203.0.113.0"


def test_a_file_is_still_sent_by_the_server() -> None:
    """A FileResponse reaches the server as the file wrapper that it has better ways for."""
    environ = RequestFactory().get("/file").environ
    response = WSGIHandler()({**environ, "wsgi.file_wrapper": FileWrapper}, lambda status, headers: None)
    assert isinstance(response, FileWrapper)
    response.close()


def test_an_error_of_a_view_goes_its_way(client: Any, sent: Sent) -> None:
    """The exception is Django's to handle, and the scope has ended."""
    with pytest.raises(LookupError):
        client.get("/broken")
    assert current() is None
    assert len(sent()) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("visit", "`TRACKWAY` in Django's settings is a str"),
        ({"user_id": "nowhere.user_of"}, "cannot be imported"),
        ({"anonymous_cookie": "visit"}, "`anonymous_cookie` is not a setting"),
    ],
    ids=["no dict", "no function", "no setting"],
)
def test_wrong_settings_stop_the_start(wrong: Any, message: str) -> None:
    """Django loads its middleware when it starts; a mistake in `TRACKWAY` ends that, and says what it is."""
    with override_settings(TRACKWAY=wrong), pytest.raises(ConfigurationError) as raised:
        WSGIHandler()
    assert message in str(raised.value)
