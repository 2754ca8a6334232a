"""The answer to a plain request, byte for byte what a client may rely on, and when another is given."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
import pytest

from .conftest import StartCollector

BODY = msgspec.json.encode({"batch": [{"type": "track", "event": "e", "messageId": "m-1", "userId": "lina"}]})


def request(*headers: str, version: str = "1.1", body: bytes = BODY) -> bytes:
    """Return the bytes of a POST to /v1/batch."""
    key = b64encode(b"web-key:").decode()
    lines = [f"POST /v1/batch HTTP/{version}", "Host: here", f"Authorization: Basic {key}", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


async def sent(collector: Any, data: bytes, *, until: int) -> bytes:
    """Send bytes over one connection and return the `until` answers to them, or all there is before it closes."""
    server = collector.client.server
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(data)
    got = b""
    while got.count(b'{"success":true}') < until and (more := await asyncio.wait_for(reader.read(65536), 10)):
        got += more
    rest = b"" if until else await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return got + rest


async def test_it_is_a_whole_response(start_collector: StartCollector) -> None:
    """Status, type, length and date are those that aiohttp would write; the body says that all is stored."""
    collector = await start_collector()

    head, _, body = (await sent(collector, request(), until=1)).partition(b"\r\n\r\n")

    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert status == "HTTP/1.1 200 OK"
    assert headers["Content-Type"] == "application/json"
    assert int(headers["Content-Length"]) == len(body)
    assert parsedate_to_datetime(headers["Date"]).tzinfo is not None
    assert msgspec.json.decode(body) == {"success": True}


async def test_requests_sent_without_waiting_are_answered_in_turn(start_collector: StartCollector) -> None:
    """Ten requests written at once to one connection get ten answers, and ten batches are stored."""
    collector = await start_collector()

    answers = await sent(collector, request() * 10, until=10)

    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 10
    assert len(collector.spooled()) == 10


@pytest.mark.parametrize(("header", "version"), [("Connection: close", "1.1"), ("X-Nothing: 1", "1.0")])
async def test_a_connection_is_closed_when_the_client_wants_it(
    start_collector: StartCollector, header: str, version: str
) -> None:
    """With `Connection: close`, and under HTTP/1.0, the answer is followed by the end of the connection."""
    collector = await start_collector()

    answer = await sent(collector, request(header, version=version), until=2)

    assert answer.endswith(b'\r\n\r\n{"success":true}')
    assert b"200 OK" in answer


async def test_a_body_in_many_pieces_is_put_together(start_collector: StartCollector) -> None:
    """A chunked body is stored as one."""
    collector = await start_collector()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(BODY[at : at + 7]), BODY[at : at + 7]) for at in range(0, len(BODY), 7))
    head = request("Transfer-Encoding: chunked", body=b"").replace(b"Content-Length: 0\r\n", b"")

    await sent(collector, head + chunks + b"0\r\n\r\n", until=1)

    assert [body for _, body in collector.spooled()] == [BODY]


async def test_a_worker_that_stops_ends_each_connection(start_collector: StartCollector) -> None:
    """While the worker stops, what it is sent is stored, and the answer says that the connection ends and ends it."""
    collector = await start_collector()
    collector.ingest.stopping = True

    answer = await sent(collector, request(), until=0)

    assert b"HTTP/1.1 200 OK" in answer
    assert b"connection: close" in answer.lower()
    assert len(collector.spooled()) == 1
