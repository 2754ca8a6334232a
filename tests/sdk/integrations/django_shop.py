"""A Django project in one file, for the tests: sync and async views that track without ids."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import django
from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from trackway import Tracker
from trackway.integrations import Cookie

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # an SQLite in memory has one thread


class _Trackers:
    now: Tracker


trackers = _Trackers()
"""Each test puts its own there."""


def user_of(request: HttpRequest) -> int | None:
    """Return who is logged in, as Django's middleware, which comes after ours, knows it."""
    user = getattr(request, "user", None)
    return user.pk if user is not None else None


if not settings.configured:
    settings.configure(
        SECRET_KEY="tea",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
        MIDDLEWARE=[
            "trackway.integrations.django.TrackwayMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        TRACKWAY={"anonymous_id": Cookie("visit"), "user_id": f"{__name__}.user_of", "ip": "truncated"},
        USE_TZ=True,
    )
    django.setup()


def basket(request: HttpRequest) -> HttpResponse:
    """Track one event."""
    trackers.now.track("Basket Shown")
    return HttpResponse("ok")


def login(request: HttpRequest) -> HttpResponse:
    """Log user 7 in, with an event before and after."""
    from django.contrib.auth import login as log_in
    from django.contrib.auth.models import User

    trackers.now.track("Login Tried")
    log_in(request, User.objects.get(pk=7))
    trackers.now.track("Logged In")
    return HttpResponse("ok")


async def async_basket(request: HttpRequest) -> HttpResponse:
    """Track one event, in a coroutine."""
    trackers.now.track("Basket Shown")
    return HttpResponse("ok")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Track one event for each part."""

    def parts() -> Iterator[str]:
        for part in ("a", "b"):
            trackers.now.track("Part Sent", {"part": part})
            yield part

    return StreamingHttpResponse(parts())


async def async_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Track one event for each part, made by a coroutine."""

    async def parts() -> AsyncIterator[str]:
        for part in ("a", "b"):
            trackers.now.track("Part Sent", {"part": part})
            yield part

    return StreamingHttpResponse(parts())


def file(request: HttpRequest) -> FileResponse:
    """Return a file."""
    return FileResponse(open(__file__, "rb"))


def broken(request: HttpRequest) -> HttpResponse:
    """Track one event, and fail."""
    trackers.now.track("Basket Shown")
    raise LookupError


urlpatterns: list[Any] = [
    path("basket", basket),
    path("grün", basket),
    path("login", login),
    path("async", async_basket),
    path("stream", stream),
    path("async-stream", async_stream),
    path("file", file),
    path("broken", broken),
]
