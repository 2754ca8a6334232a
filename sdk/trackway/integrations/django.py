"""
Middleware for Django, under WSGI and ASGI, with sync and async views. In `settings.py`:

    MIDDLEWARE = ["trackway.integrations.django.TrackwayMiddleware", ...]
    TRACKWAY = {"user_id": "shop.tracking.user_of", "anonymous_id": Cookie("visit")}
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings as django_settings
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from trackway._errors import ConfigurationError
from trackway._events.scope import scope
from trackway.integrations._binding import Binding, Settings
from trackway.integrations._request import Request
from trackway.integrations.wsgi import Stretches, request_of

__all__ = ["TrackwayMiddleware"]


class TrackwayMiddleware:
    """
    Opens a scope around each request, until its response is made, streamed ones included. Put it first.

    The dict `TRACKWAY` in Django's settings holds its own: see `Settings`. Functions are given the `HttpRequest` and
    may be named by their dotted path. `user_id` is asked when an event is tracked, so `request.user` is there although
    Django's middleware comes later, and a request without events never looks the session up. In an async view, where
    `request.user` may not query, keep the result of `await request.auser()` for it.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._binding: Binding[HttpRequest] = Binding(_settings())
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Return the response, or a coroutine that does, made inside a scope."""
        of = self._binding.scope(_request(request), request)
        if self._is_async:
            return self._answer(request, of)
        with of:
            response: HttpResponseBase = self._get_response(request)
        return _streamed(response, of)

    async def _answer(self, request: HttpRequest, of: scope) -> HttpResponseBase:
        with of:
            response: HttpResponseBase = await self._get_response(request)
        return _streamed(response, of)


def _settings() -> Settings[HttpRequest]:
    given = getattr(django_settings, "TRACKWAY", {})
    if not isinstance(given, dict):
        msg = f'`TRACKWAY` in Django\'s settings is a {type(given).__name__}. Write a dict: {{"ip": "truncated"}}.'
        raise ConfigurationError(msg)
    named = {"user_id", "anonymous_id", "session_id", "consent"}
    try:
        found = {
            name: import_string(value) if name in named and isinstance(value, str) else value
            for name, value in given.items()
        }
    except ImportError as error:
        msg = f"A function that `TRACKWAY` in Django's settings names cannot be imported: {error}."
        raise ConfigurationError(msg) from error
    return cast("Settings[HttpRequest]", found)


def _request(request: HttpRequest) -> Request:
    found = request_of(request.META)
    return Request(
        scheme=request.scheme or "http",  # knows SECURE_PROXY_SSL_HEADER
        server=found.server,
        path=request.path.encode("utf-8", "surrogateescape"),
        query=found.query,
        peer=found.peer,
        header=found.header,
    )


def _streamed(response: HttpResponseBase, of: scope) -> HttpResponseBase:
    """Have the parts of a streamed response, which the server asks for later, made inside the scope, too."""
    if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
        inside = Stretches(of)
        content: Any = response.streaming_content
        response.streaming_content = _async_parts(content, inside) if response.is_async else _parts(content, inside)
    return response


def _parts(content: Iterator[bytes], inside: Stretches) -> Iterator[bytes]:
    # Not one `with` around all: what runs between two parts is not this request's.
    try:
        while True:
            yield inside.run(next, content)
    except StopIteration:
        return


async def _async_parts(content: AsyncIterator[bytes], inside: Stretches) -> AsyncIterator[bytes]:
    try:
        while True:
            yield await inside.wait(anext(content))
    except StopAsyncIteration:
        return
