"""
The server of the timings, in a process of its own: `python -m tests.benchmarks.peers.counter` prints its port.

It reads requests and answers 200 as cheaply as it goes, since it must not be what is measured: events are counted by
a mark that each carries once. GET answers the count so far and when it last grew; GET /new starts a new count as well.
"""

from __future__ import annotations

import asyncio
import json
import time

from tests.benchmarks.peers import wire
from tests.benchmarks.peers.clients import PROPERTIES

MARK = str(PROPERTIES["order_id"]).encode()
SNOWPLOW_MARK = b'"eid"'
"""Its events are in base64."""


class Count:
    """What has been answered 200 since the last `GET /new`."""

    def __init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        self.events = 0
        self.bytes = 0
        self.last_at = 0.0

    def take(self, path: str, encoding: str, body: bytes) -> None:
        plain = wire.plain(encoding, body)
        self.events += plain.count(SNOWPLOW_MARK if "snowplow" in path else MARK)
        self.bytes += len(plain)
        self.last_at = time.monotonic()

    def report(self) -> bytes:
        return json.dumps({"events": self.events, "bytes": self.bytes, "last_at": self.last_at}).encode()


async def serve() -> None:
    """Serve until the process is ended."""
    count = Count()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, path, _ = head.split(" ", 2)
                fields = head.lower()
                if method == "GET":
                    answer = count.report()
                    if path == "/new":
                        count.start_anew()
                else:
                    body = await reader.readexactly(int(fields.partition("content-length:")[2].partition("\r\n")[0]))
                    count.take(path, "gzip" if "content-encoding: gzip" in fields else "", body)
                    answer = wire.answer(path, 200)
                front = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                writer.write(f"{front}{len(answer)}\r\n\r\n".encode() + answer)
                if "connection: close" in fields:
                    await writer.drain()
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
