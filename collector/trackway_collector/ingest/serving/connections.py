"""
A worker's connections: how many there may be, how long one may take, and answers to what is no proper HTTP.

aiohttp reads the requests, within its limits of 8,190 bytes for a line and 128 headers. What it leaves open is here:

* A connection that finishes no request for `timeout_s` is closed, whether it sends its head or its body byte by byte,
  does not read its answers, or has nothing to say.
* There are never more than `most` connections. One more is let in all the same, in place of the one that has finished
  no request for longest: who holds connections open to keep others out, keeps out himself.
* Every error that HTTP allows an answer to is JSON with `code` and `message`, and is counted. No answer and no log line
  repeats what the client sent: a broken request may hold a write key.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError, LineTooLong
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from trackway_collector.ingest.serving.answers import error_body
from trackway_collector.ingest.serving.plain_answer import SERVER

logger = logging.getLogger(__name__)

SWEEPS = 4
"""The connections are looked through so often in the time that one may take."""

Refused = Callable[[int, str], None]
"""Called with status and code of every answer that is made here."""

# What the parser says of a broken request, up to the bytes of the request that it shows behind a colon or a line end.
_REASON = re.compile(r"[A-Z][A-Za-z '`/-]{3,80}")


class Connections:
    """
    The open connections of a worker, in the order in which they last finished a request.

    Args:
        most: so many at a time.
        timeout_s: seconds in which a connection must finish a request.
        refused: told of every answer that is made here.
    """

    def __init__(self, most: int, timeout_s: float, refused: Refused) -> None:
        self.refused = refused
        self._most = most
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._open: OrderedDict[Connection, float] = OrderedDict()
        self._sweep: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, connection: Connection) -> None:
        """Note a new connection; when there are too many the one that has been useless for longest makes room."""
        if len(self._open) >= self._most:
            next(iter(self._open)).end()
        self._open[connection] = self._loop.time()
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._timeout_s / SWEEPS, self._end_slow_ones)

    def answered(self, connection: Connection) -> None:
        """Note that a connection has finished a request."""
        if connection in self._open:
            self._open[connection] = self._loop.time()
            self._open.move_to_end(connection)

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self._open.pop(connection, None)

    def _end_slow_ones(self) -> None:
        late = self._loop.time() - self._timeout_s
        for connection, since in list(self._open.items()):
            if since > late:
                break
            connection.end()
        more = self._loop.call_later(self._timeout_s / SWEEPS, self._end_slow_ones) if self._open else None
        self._sweep = more


class Connection(RequestHandler):
    """One connection: aiohttp's, known to `connections`, with answers in JSON."""

    __slots__ = ("_connections",)

    def __init__(self, connections: Connections, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connections.opened(self)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connections.closed(self)
        super().connection_lost(exc)

    def log_access(self, *_: Any) -> None:
        """Called by aiohttp after each answer; there is no access log."""
        self._connections.answered(self)

    def end(self) -> None:
        """
        Close the connection now; who is in the middle of a request is told why, if he listens.

        A request that has arrived is not: its events may be on their way to the disk, and nobody can say what of them
        is there. Its client hears nothing and sends them again.
        """
        self._connections.closed(self)
        transport = self.transport
        if transport is None:
            return
        request = self._current_request
        if request is not None and not request.content.is_eof() and not transport.get_write_buffer_size():
            self._connections.refused(408, "request_timeout")
            body = error_body("request_timeout", "The request did not arrive in time; nothing of it was stored.")
            head = "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\nConnection: close\r\n"
            transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        if transport.get_write_buffer_size():  # he does not read; closing would wait for that
            transport.abort()
        self.force_close()

    def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> Coroutine[Any, Any, tuple[web.StreamResponse, bool]]:
        """Send an answer; aiohttp's own answers, such as 404, become JSON first."""
        if isinstance(resp, web.HTTPException):
            resp = self._json_of(resp)
        resp.headers["Server"] = SERVER
        return super().finish_response(request, resp, start_time)

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what is no HTTP, and what the collector itself failed at, and close the connection after it."""
        if isinstance(exc, HttpProcessingError | web.RequestPayloadError):
            status, code, text = 400, "malformed_http", reason_of(exc)
        elif isinstance(exc, ConnectionError):
            status, code, text = 400, "connection_lost", "The connection ended before the request did."
        else:
            logger.error("a request failed within the collector", exc_info=exc)
            status, code, text = status, "internal_error", "The collector failed at this request; its log says at what."
        if request.writer.output_size > 0:
            message = "an answer has begun already"
            raise ConnectionError(message)
        self._connections.refused(status, code)
        answer = web.Response(status=status, body=error_body(code, text), content_type="application/json")
        answer.force_close()
        return answer

    def _json_of(self, error: web.HTTPException) -> web.StreamResponse:
        code = re.sub(r"\W+", "_", error.reason.lower())  # the standard's own words: not_found, method_not_allowed
        text = f"{error.status} {error.reason}: docs/wire_format.md lists the routes and their methods."
        self._connections.refused(error.status, code)
        headers = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
        return web.Response(
            status=error.status, body=error_body(code, text), content_type="application/json", headers=headers
        )


class Server(web.Server):
    """aiohttp's server, whose connections are `Connection`s."""

    def __init__(self, connections: Connections, plain: web.Server, options: dict[str, Any]) -> None:
        super().__init__(plain.request_handler, request_factory=plain.request_factory, **options)
        self._book = connections
        self._options = options

    def __call__(self) -> RequestHandler:
        return Connection(self._book, self, loop=self._loop, **self._options)


class Runner(web.AppRunner):
    """aiohttp's runner, whose server is a `Server`."""

    __slots__ = ("_limits",)

    def __init__(
        self,
        app: web.Application,
        *,
        max_connections: int,
        connection_timeout_s: float,
        refused: Refused,
        **options: Any,
    ) -> None:
        super().__init__(app, **options)
        self._limits = (max_connections, connection_timeout_s, refused)

    async def _make_server(self) -> web.Server:
        return Server(Connections(*self._limits), await super()._make_server(), self._kwargs)


def reason_of(error: BaseException) -> str:
    """Return what is wrong with a request as HTTP, without a byte of it."""
    if isinstance(error, LineTooLong):
        return "A line or a header of the request is longer than 8,190 bytes."
    # The messages of the subclasses are the client's own text.
    if type(error) is BadHttpMessage and (said := _REASON.match(error.message)):
        return f"The request cannot be read as HTTP/1.1: {said[0].strip().rstrip('.')}."
    return "The request cannot be read as HTTP/1.1."
