"""
Middleware for ASGI: Starlette, FastAPI, Quart, Litestar and everything else that a server like uvicorn runs.

    app.add_middleware(TrackwayMiddleware, anonymous_id=Cookie("visit"))
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Unpack
from urllib.parse import unquote_to_bytes

from trackway._flush_after import flush_in_loop
from trackway._lifecycle import in_use_now
from trackway.integrations._binding import Binding, Settings
from trackway.integrations._request import Request

__all__ = ["TrackwayMiddleware"]

Connection = MutableMapping[str, Any]
"""What ASGI calls the scope of a connection; functions in the settings are given it."""
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Connection, Callable[[], Awaitable[Message]], Send], Awaitable[None]]


SHUTDOWN_FLUSH_S = 2.0
"""How long the end of the application may be held up, as the end of a program may by default."""


class TrackwayMiddleware:
    """
    Opens a scope around each request and each WebSocket, until the application is done with it, streamed responses and
    background tasks included. When the server shuts the application down, all trackers of the process are flushed.

    Settings: see `Settings`. Functions among them are given the connection, the dict that ASGI calls scope:
    `scope["user"]` and `scope["session"]` are there when Starlette's middleware has put them in, `scope["state"]` holds
    what a handler or dependency wrote to `request.state`.
    """

    def __init__(self, app: App, **settings: Unpack[Settings[Connection]]) -> None:
        self.app = app
        self._binding = Binding(settings)

    async def __call__(
        self,
        scope: Connection,
        receive: Callable[[], Awaitable[Message]],
        send: Send,
    ) -> None:
        """Have the application answer, inside a scope."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, _flushing(send))
            return
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        with self._binding.scope(_request(scope), scope):
            await self.app(scope, receive, send)


def _flushing(send: Send) -> Send:
    """Return `send` of a lifespan, which flushes when the application says that it has shut down."""

    async def flush_and_send(message: Message) -> None:
        # uvicorn ends its processes by the signal that it was stopped with: there is no later.
        if message["type"].startswith("lifespan.shutdown."):
            await flush_in_loop(in_use_now(), SHUTDOWN_FLUSH_S)
        await send(message)

    return flush_and_send


def _request(connection: Connection) -> Request:
    raw_path = connection.get("raw_path")
    client, server = connection.get("client"), connection.get("server")
    scheme = connection.get("scheme") or "http"
    return Request(
        scheme={"ws": "http", "wss": "https"}.get(scheme, scheme),
        server=_authority(server),
        path=connection["path"].encode("utf-8", "replace") if raw_path is None else unquote_to_bytes(raw_path),
        query=connection.get("query_string") or b"",
        peer=client[0] if client else None,
        header=_headers(connection.get("headers", ())),
    )


def _authority(server: Any) -> str:
    if not server or not server[0] or server[1] is None:  # a Unix socket has no port
        return ""
    host, port = server
    host = f"[{host}]" if ":" in host else host
    return host if port in (80, 443) else f"{host}:{port}"


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> Callable[[str], str]:
    pairs = tuple(pairs)

    def header(name: str) -> str:
        wanted = name.encode("latin-1", "replace")
        joint = b"; " if wanted == b"cookie" else b", "  # HTTP/2 may split cookies into several lines
        return joint.join(value for key, value in pairs if key == wanted).decode("latin-1")

    return header
