"""
Middleware for WSGI: Flask, Django, Pyramid, Bottle and everything else that a server like gunicorn runs.

    application = TrackwayMiddleware(application, anonymous_id=Cookie("visit"))
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from trackway._events.scope import Scope, scope, swap
from trackway.integrations._binding import Binding, Settings
from trackway.integrations._request import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

__all__ = ["TrackwayMiddleware"]

T = TypeVar("T")

Environ = dict[str, Any]
"""What WSGI calls the environment of a request; functions in the settings are given it."""


class TrackwayMiddleware:
    """
    Opens a scope around each request, until the server has closed the response, streamed ones included.

    Settings: see `Settings`. Functions among them are given the environment. Between the parts of a streamed response
    the thread is outside the scope: a server may do other requests' work there.
    """

    def __init__(self, app: WSGIApplication, **settings: Unpack[Settings[Environ]]) -> None:
        self.app = app
        self._binding = Binding(settings)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Have the application answer, inside a scope."""
        inside = Stretches(self._binding.scope(request_of(environ), environ))
        response: Iterable[bytes] = inside.run(self.app, environ, start_response)
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(response, list | tuple) or (isinstance(wrapper, type) and isinstance(response, wrapper)):
            return response  # nothing of the application runs any more; servers send these in better ways
        return InScope(response, inside)


class Stretches:
    """A scope that is entered for each stretch of work and left between them; what was bound inside stays inside."""

    __slots__ = ("_now",)

    def __init__(self, of: scope) -> None:
        with of as opened:
            self._now: Scope | None = opened

    def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Return what `work` returns, done inside."""
        before = swap(self._now)
        try:
            return work(*arguments)
        finally:
            self._now = swap(before)

    async def wait(self, work: Awaitable[T]) -> T:
        """Return what `work` comes to, waited for inside."""
        before = swap(self._now)
        try:
            return await work
        finally:
            self._now = swap(before)


class InScope:
    """A response whose parts are made inside a scope."""

    def __init__(self, response: Iterable[bytes], inside: Stretches) -> None:
        self._response = response
        self._inside = inside
        self._parts: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._parts is None:
            self._parts = self._inside.run(iter, self._response)
        part: bytes = self._inside.run(next, self._parts)
        return part

    def close(self) -> None:
        """Close the response, inside the scope: frameworks end their own contexts there."""
        close = getattr(self._response, "close", None)
        if close is not None:
            self._inside.run(close)


def request_of(environ: Environ) -> Request:
    """Return a request from WSGI's environment, or from Django's META, which is like it."""
    # A copy of the headers, not the environment: a task that outlives the request must not keep its socket.
    headers = {key: value for key, value in environ.items() if key.startswith("HTTP_")}

    def header(name: str) -> str:
        return str(headers.get("HTTP_" + name.upper().replace("-", "_"), ""))

    # None for what is not known is no WSGI, but adapters of serverless platforms write it.
    host, port = environ.get("SERVER_NAME") or "", environ.get("SERVER_PORT") or ""
    path = (environ.get("SCRIPT_NAME") or "") + (environ.get("PATH_INFO") or "")
    return Request(
        scheme=environ.get("wsgi.url_scheme") or "http",
        server=f"{host}:{port}" if host and str(port) not in ("", "80", "443") else host,
        path=path.encode("latin-1", "replace"),
        query=(environ.get("QUERY_STRING") or "").encode("latin-1", "replace"),
        peer=environ.get("REMOTE_ADDR") or None,
        header=header,
    )
