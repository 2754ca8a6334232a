"""
Middleware for aiohttp's server.

    app = web.Application(middlewares=[trackway_middleware(anonymous_id=Cookie("visit"))])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack
from urllib.parse import unquote_to_bytes

from aiohttp import web

from trackway.integrations._binding import Binding, Settings
from trackway.integrations._request import Request

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware
    from multidict import CIMultiDictProxy

__all__ = ["trackway_middleware"]


def trackway_middleware(**settings: Unpack[Settings[web.Request]]) -> Middleware:
    """
    Return a middleware that opens a scope around the handler of each request, WebSockets and streamed responses
    included. Put it first, so that other middlewares are inside.

    Settings: see `Settings`. Functions among them are given the `web.Request`. A response whose body is an iterator
    is written by aiohttp after the handler has returned, outside the scope.
    """
    binding = Binding(settings)

    @web.middleware
    async def trackway_scope(request: web.Request, handler: Handler) -> web.StreamResponse:
        with binding.scope(_request(request), request):
            return await handler(request)

    return trackway_scope


def _request(request: web.Request) -> Request:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return Request(
        scheme=request.scheme,
        server="",
        path=unquote_to_bytes(request.rel_url.raw_path),
        query=request.rel_url.raw_query_string.encode("utf-8", "surrogateescape"),
        peer=peer[0] if isinstance(peer, tuple) else None,  # a Unix socket's is text
        header=_Headers(request.headers).get,
    )


class _Headers:
    __slots__ = ("_all",)

    def __init__(self, headers: CIMultiDictProxy[str]) -> None:
        self._all = headers

    def get(self, name: str) -> str:
        """Return a header's values as one, decoded as Latin-1 instead of aiohttp's UTF-8."""
        value = ("; " if name == "cookie" else ", ").join(self._all.getall(name, ()))
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
