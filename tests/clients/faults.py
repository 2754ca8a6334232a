"""
A proxy in front of a real collector that is in trouble for a while: each port of it plays one answer, then none.

An answer with a status is worded by the collector itself: the proxy asks it with a key that it does not know, and
changes status, code and `Retry-After` of that refusal. So a browser gets exactly the headers that it would get.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import socket
import struct
import threading
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, NamedTuple, Self

UNLUCKY = b'"ana"'
"""Statuses and slow answers are for requests in which this stands: the user of the first wave."""
IDS = re.compile(rb'"(?:messageId|uuid|eid)": ?"([^"]+)"')
EVENT_PATHS = re.compile(
    r"/v1/(?:batch|[btipgsa]|track|identify|page|screen|group|alias)|/batch/|/com\.snowplowanalytics\.snowplow/tp2"
)
"""Requests that carry events; settings, preflights and a client's own metrics are left alone."""
UNKNOWN_KEY = base64.b64encode(b"nobody:").decode()


@dataclass(frozen=True)
class Fault:
    """What the collector seems to do."""

    status: int = 200
    retry_after_s: int | None = None
    times: int = 1
    """How often each event meets it; of `reset="before"`, how many requests."""
    delay_s: float = 0.0
    """How long the answer to a stored request is held back."""
    reset: Literal["", "before", "after"] = ""
    """Break the connection before the body is read, or after the collector has stored it."""


class Exchange(NamedTuple):
    """One request with events, as it went."""

    at_s: float
    ids: tuple[str, ...]
    """Of its events; none when the body was not read."""
    faulty: bool
    stored: bool
    """The collector answered 200."""
    heard: bool
    """The client was still there when the answer came."""


class Message(NamedTuple):
    """A request or an answer."""

    start: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    def encoded(self) -> bytes:
        head = "".join(f"{key}: {value}\r\n" for key, value in self.headers)
        return f"{self.start}\r\n{head}\r\n".encode("latin-1") + self.body


@dataclass
class Port:
    """One case: what it plays, and what was seen."""

    fault: Fault
    number: int = 0
    exchanges: list[Exchange] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    """How often each event met the fault."""
    resets: int = 0
    busy: int = 0
    """Requests that are not answered yet."""

    def is_due(self, ids: tuple[str, ...], body: bytes) -> bool:
        """Say whether a request meets the fault, and count it."""
        if self.fault == Fault() or self.fault.reset == "before" or UNLUCKY not in body:
            return False
        if all(self.met[one] >= self.fault.times for one in ids):
            return False
        self.met.update(ids)
        return True


class FaultProxy:
    """Listens on a port of loopback per case, in a thread of its own, while its `with` lasts."""

    def __init__(self, collector_port: int) -> None:
        self.failures: list[BaseException] = []
        """Mistakes of the proxy itself; a test asserts that there is none."""
        self._collector_port = collector_port
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._over.wait())

    def open(self, fault: Fault) -> Port:
        """Return a new port that plays a fault."""
        return asyncio.run_coroutine_threadsafe(self._open(Port(fault)), self._loop).result(10)

    async def _open(self, port: Port) -> Port:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while await self._exchange(port, reader, writer):
                    pass
            except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                pass  # the client has gone, as clients do when they have waited too long, or all is over
            except Exception as error:
                self.failures.append(error)
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
        port.number = server.sockets[0].getsockname()[1]
        return port

    async def _exchange(self, port: Port, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Handle one request; false when the connection is over."""
        start, headers = await _head(reader)
        port.busy += 1
        try:
            return await self._answer(port, start, headers, reader, writer)
        finally:
            port.busy -= 1

    async def _answer(
        self,
        port: Port,
        start: str,
        headers: list[tuple[str, str]],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        at_s = time.monotonic()
        method, path, _ = start.split(" ")
        carries = method == "POST" and bool(EVENT_PATHS.fullmatch(path.partition("?")[0]))
        if carries and port.fault.reset == "before" and port.resets < port.fault.times:
            port.resets += 1
            port.exchanges.append(Exchange(at_s, (), faulty=True, stored=False, heard=False))
            _reset(writer)
            return False
        request = Message(start, headers, await _body(reader, headers))
        if not carries:
            writer.write((await self._ask(request)).encoded())
            return True
        plain = _plain(request)
        ids = tuple(one.decode() for one in IDS.findall(plain))
        faulty = port.is_due(ids, plain)
        refuses = faulty and port.fault.status != HTTPStatus.OK
        answer = await (self._refusal(request, port.fault) if refuses else self._ask(request))
        stored = not refuses and answer.start.split(" ")[1] == "200"
        if faulty:
            await asyncio.sleep(port.fault.delay_s)
        resets = faulty and bool(port.fault.reset)
        port.exchanges.append(Exchange(at_s, ids, faulty, stored, not resets and not reader.at_eof()))
        if resets:
            _reset(writer)
            return False
        writer.write(answer.encoded())
        await writer.drain()
        return True

    async def _refusal(self, request: Message, fault: Fault) -> Message:
        headers = [each for each in request.headers if each[0].lower() not in _OWN_HEADERS]
        path = request.start.replace(" HTTP", "?writeKey=nobody HTTP")
        said = await self._ask(Message(path, [*headers, ("Authorization", f"Basic {UNKNOWN_KEY}")], b"{}"))
        if said.start.split(" ")[1] == "200":
            message = f"the collector takes a request with an unknown key: {request.start}"
            raise AssertionError(message)
        told = {"success": False, "code": "played", "message": "played by the test", "error": "played by the test"}
        kept = [each for each in said.headers if each[0].lower() not in ("content-length", "www-authenticate")]
        body = json.dumps(told).encode()
        kept.append(("Content-Length", str(len(body))))
        if fault.retry_after_s is not None:
            kept.append(("Retry-After", str(fault.retry_after_s)))
        return Message(f"HTTP/1.1 {fault.status} {HTTPStatus(fault.status).phrase}", kept, body)

    async def _ask(self, request: Message) -> Message:
        """Ask the collector over a connection of its own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._collector_port)
        try:
            headers = [each for each in request.headers if each[0].lower() not in _FRAMING]
            headers += [("Content-Length", str(len(request.body))), ("Connection", "close")]
            writer.write(Message(request.start, headers, request.body).encoded())
            start, answered = await _head(reader)
            body = await reader.read() if " 204 " not in start else b""
        finally:
            writer.close()
        kept = [each for each in answered if each[0].lower() not in _FRAMING]
        return Message(start, [*kept, ("Content-Length", str(len(body)))], body)


_FRAMING = ("content-length", "transfer-encoding", "connection", "keep-alive", "expect")
_OWN_HEADERS = ("authorization", "content-encoding", *_FRAMING)


async def _head(reader: asyncio.StreamReader) -> tuple[str, list[tuple[str, str]]]:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    start, *lines = text.rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return start, [(name, value.strip()) for name, _, value in pairs]


async def _body(reader: asyncio.StreamReader, headers: list[tuple[str, str]]) -> bytes:
    named: dict[str, Any] = {name.lower(): value for name, value in headers}
    if "chunked" not in named.get("transfer-encoding", ""):
        return await reader.readexactly(int(named.get("content-length", 0)))
    body = bytearray()
    while size := int((await reader.readline()).partition(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readline()
    return bytes(body)


def _plain(request: Message) -> bytes:
    if request.header("content-encoding") not in ("gzip", "deflate"):
        return request.body
    return zlib.decompress(request.body, wbits=47)


def _reset(writer: asyncio.StreamWriter) -> None:
    # SO_LINGER with time 0: closing sends RST and throws away what was not read.
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
