"""The HTTP side of the query port: who may ask, and answers as ClickHouse's own server gives them."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from aiohttp import web

from trackway_collector.local_hosts import LOOPBACK_HOSTS, host_name
from trackway_collector.query_port.guard import RefusedError
from trackway_collector.query_port.request import QueryRequest, credentials, read
from trackway_collector.query_port.runner import RunningQuery, error_of
from trackway_collector.query_port.settings import accepted
from trackway_collector.warehouse.engine import EmbeddedEngine
from trackway_collector.warehouse.errors import WarehouseError

logger = logging.getLogger(__name__)
T = TypeVar("T")

USER = "trackway"
MAX_REQUEST_BYTES = 1 << 20

# ClickHouse's own choice of status for an error code; 500 for the others.
_STATUS = {
    **dict.fromkeys((194,), 401),
    **dict.fromkeys((164, 192, 193, 291, 497, 516), 403),
    **dict.fromkeys((36, 62, 43, 41, 26, 27, 6, 38, 42, 53, 69, 70, 72, 117, 386, 456, 457), 400),
    **dict.fromkeys((16, 46, 47, 50, 60, 73, 81, 115), 404),
    159: 408,
    202: 503,
    48: 501,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query, and all of them together, may take."""

    max_concurrent: int = 8
    max_waiting: int = 32
    max_execution_s: float = 300.0
    max_memory_bytes: int = 4 << 30
    """Of one query."""

    max_buffered_bytes: int = 256 << 20
    """Of a result in a format that cannot be streamed."""


class _Port:
    """What the handlers share: the engine, the token, the threads that queries run in."""

    def __init__(
        self, engine: EmbeddedEngine, token: str, database: str, limits: Limits, hosts: frozenset[str]
    ) -> None:
        self.engine = engine
        self.token = token.encode()
        self.database = database
        self.limits = limits
        self.hosts = hosts
        self.threads = ThreadPoolExecutor(limits.max_concurrent + 2, thread_name_prefix="query")
        self.turns = asyncio.Semaphore(limits.max_concurrent)
        self.waiting = 0
        self.time_zone = "UTC"

    async def call(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One of the places for running queries; refuses when too many wait already."""
        if self.waiting >= self.limits.max_waiting:
            message = f"Too many simultaneous queries: {self.limits.max_concurrent} run and {self.waiting} wait"
            raise RefusedError(message, 202, "TOO_MANY_SIMULTANEOUS_QUERIES")
        self.waiting += 1
        try:
            await self.turns.acquire()
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self.turns.release()


_PORT = web.AppKey("port", _Port)


def make_query_app(
    engine: EmbeddedEngine,
    token: str,
    *,
    database: str = "trackway",
    limits: Limits | None = None,
    hosts: frozenset[str] = frozenset(),
) -> web.Application:
    """
    The query port as an application, to be run on a loopback port in the process that holds `engine`.

    `token` is the password of the user `trackway`. `hosts` are names besides loopback's that a `Host` header
    may say. Stopping the application waits for running queries' current blocks.
    """
    if not token:
        message = "the query port needs a token"
        raise ValueError(message)
    app = web.Application(middlewares=[_only_known_hosts], client_max_size=MAX_REQUEST_BYTES)

    async def threads(app: web.Application) -> AsyncIterator[None]:
        app[_PORT] = port = _Port(engine, token, database, limits or Limits(), LOOPBACK_HOSTS | hosts)
        yield
        await asyncio.to_thread(port.threads.shutdown, cancel_futures=True)

    app.cleanup_ctx.append(threads)
    app.router.add_get("/ping", _ok)
    app.router.add_get("/replicas_status", _ok)
    app.router.add_get("/", _query)
    app.router.add_post("/", _query)
    return app


@web.middleware
async def _only_known_hosts(request: web.Request, handler: Callable[[web.Request], object]) -> web.StreamResponse:
    """403 for a foreign Host, by which a web page could reach the port under its own name, and for a foreign Origin."""
    named = request.headers.get("Host", "")
    host = host_name(named)
    if host not in request.app[_PORT].hosts:
        return web.Response(status=403, text=f"the query port does not answer as {host!r}; use 127.0.0.1\n")
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != named:
        return web.Response(status=403, text="the query port does not answer to pages of other sites\n")
    return await handler(request)  # type: ignore[misc, no-any-return]


async def _ok(_: web.Request) -> web.Response:
    return web.Response(text="Ok.\n")


async def _query(request: web.Request) -> web.StreamResponse:
    port = request.app[_PORT]
    user, password = credentials(request)
    if not user and not password and "query" not in request.query and request.method == "GET":
        return await _ok(request)
    # aiohttp decodes header bytes that are not UTF-8 to lone surrogates, which a plain `encode` refuses.
    if user != USER or not hmac.compare_digest(password.encode(errors="replace"), port.token):
        return _failure(516, "AUTHENTICATION_FAILED", _login_help(user), query_id="")
    query_id = ""
    try:
        asked = await read(request, port.database)
        query_id = asked.query_id
        settings = accepted(
            asked.settings,
            max_execution_s=port.limits.max_execution_s,
            max_memory_bytes=port.limits.max_memory_bytes,
        )
        if not asked.sql:
            message = "Empty query"
            raise RefusedError(message, 62, "SYNTAX_ERROR")
        async with port.turn():
            return await _answer(request, port, asked, RunningQuery(port.engine, asked, settings))
    except (RefusedError, WarehouseError) as error:
        code, name, text = error_of(error)
        return _failure(code, name, text, query_id)


async def _answer(request: web.Request, port: _Port, asked: QueryRequest, query: RunningQuery) -> web.StreamResponse:
    try:
        first = await port.call(lambda: query.start(port.limits.max_buffered_bytes))
        # Only now the status is known: errors of parsing, analysis and the first block have their own.
        tag = secrets.token_hex(8)
        response = web.StreamResponse(headers=_headers(query, asked.query_id, port.time_zone, tag))
        if asked.compress_response and "gzip" in request.headers.get("Accept-Encoding", ""):
            response.enable_compression(web.ContentCoding.gzip)
        try:
            await response.prepare(request)
            await _write(request, response, first, query, tag)
        except ConnectionError:
            logger.debug("query %r: the client hung up before its answer was complete", asked.query_id)
        return response
    finally:
        # Also when the client has gone: the query ends with it.
        await asyncio.shield(port.call(query.close))


async def _write(
    request: web.Request, response: web.StreamResponse, first: bytes, query: RunningQuery, tag: str
) -> None:
    port = request.app[_PORT]
    try:
        chunk = first
        while chunk:
            await response.write(chunk)
            chunk = await port.call(query.next)
        await response.write_eof()
    except WarehouseError as error:
        await response.write(_late_failure(error_of(error)[2], tag))
        # As ClickHouse does: without the last chunk no client can take this for the whole result.
        if request.transport is not None:
            request.transport.close()


def _headers(query: RunningQuery, query_id: str, time_zone: str, tag: str) -> dict[str, str]:
    return {
        "Content-Type": _CONTENT_TYPES.get(query.output_format, "application/octet-stream"),
        "X-ClickHouse-Query-Id": _header_text(query_id),
        "X-ClickHouse-Format": query.output_format,
        "X-ClickHouse-Timezone": time_zone,
        "X-ClickHouse-Server-Display-Name": "trackway",
        "X-ClickHouse-Exception-Tag": tag,
        "X-ClickHouse-Summary": json.dumps(
            {
                "read_rows": "0",
                "read_bytes": "0",
                "written_rows": "0",
                "written_bytes": "0",
                "result_rows": "0",
            }
            | {"elapsed_ns": "0"}
            | query.summary
        ),
    }


_CONTENT_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "Pretty": "text/plain; charset=UTF-8",
    "PrettyCompact": "text/plain; charset=UTF-8",
    "Vertical": "text/plain; charset=UTF-8",
}


def _failure(code: int, name: str, text: str, query_id: str) -> web.Response:
    if not text.startswith("Code: "):
        text = f"Code: {code}. DB::Exception: {text}. ({name})"
    headers = {"X-ClickHouse-Exception-Code": str(code), "X-ClickHouse-Query-Id": _header_text(query_id)}
    if code == 516:
        headers["WWW-Authenticate"] = 'Basic realm="Trackway query port"'
    status = 401 if code == 516 else _STATUS.get(code, 500)
    return web.Response(status=status, text=text + "\n", headers=headers)


def _late_failure(text: str, tag: str) -> bytes:
    """The end of a result that broke off, as clients of ClickHouse 25.11 and later recognise it."""
    message = text.encode() + b"\n"
    return b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (
        tag.encode(), message, len(message), tag.encode(),
    )  # fmt: skip


def _login_help(user: str) -> str:
    return (
        f"{user or 'default'}: Authentication failed: the query port asks for user `{USER}` "
        "and, as its password, the token of store.json in the data directory"
    )


def _header_text(text: str) -> str:
    return "".join(char for char in text if char.isprintable() and ord(char) < 128)[:200]
