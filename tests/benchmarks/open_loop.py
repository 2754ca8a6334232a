"""
Sends batches at a constant rate, whether earlier ones are answered or not, and says how long each answer took.

The time counts from the moment a request was due, not from when a connection was free for it: a server that falls
behind cannot slow its users down, so it must not slow its measurement down either.

    python -m tests.benchmarks.open_loop PORT BODIES RATE SECONDS     RATE in requests a second
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import uvloop

from tests.benchmarks.driving import AUTHORIZATION
from tests.benchmarks.ingest_payload import ID_MARK

CONNECTIONS = 64
_HEAD = f"POST /v1/batch HTTP/1.1\r\nHost: bench\r\nAuthorization: {AUTHORIZATION}\r\nContent-Length: {{}}\r\n\r\n"
_ANSWERED = b'{"success":true}'


@dataclass(frozen=True)
class Latencies:
    """What came of sending at a constant rate."""

    began_at: float
    """When the first request was due, seconds since 1970."""
    requests: int
    errors: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


def send(port: int, bodies: Path, rate: float, seconds: float) -> Latencies:
    """Send from the second core, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.open_loop", str(port), str(bodies), str(rate), str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, preexec_fn=lambda: os.sched_setaffinity(0, {1}))
    return Latencies(**json.loads(done.stdout))


class _Sender:
    def __init__(self, bodies: list[list[bytes]], rate: float, requests: int) -> None:
        self._bodies, self._rate, self._requests = bodies, rate, requests
        self._due: deque[float] = deque()
        self._free: list[_Connection] = []
        self._made = 0
        self.latencies: list[float] = []
        self.errors = 0
        self.done = asyncio.get_running_loop().create_future()

    async def run(self, port: int) -> float:
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port)
            self._free.append(connection)
        began, began_at = time.perf_counter(), time.time()
        for number in range(self._requests):
            due = began + number / self._rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            self._due.append(due)
            self._next()
        await asyncio.wait_for(self.done, 60)
        return began_at

    def answered(self, connection: _Connection, due: float, *, right: bool) -> None:
        self.latencies.append(time.perf_counter() - due)
        self.errors += not right
        self._free.append(connection)
        self._next()
        if len(self.latencies) == self._requests:
            self.done.set_result(None)

    def _next(self) -> None:
        while self._due and self._free:
            self._free.pop().send(self._request(), self._due.popleft())

    def _request(self) -> bytes:
        pieces = self._bodies[self._made % len(self._bodies)]
        self._made += 1
        ids = uuid.uuid4().hex[:24]
        text = [pieces[0]]
        for number, piece in enumerate(pieces[1:]):
            text += (f"{ids[:8]}-{ids[8:12]}-{ids[12:16]}-{ids[16:20]}-{ids[20:]}{number:08x}".encode(), piece)
        body = b"".join(text)
        return _HEAD.format(len(body)).encode() + body


class _Connection(asyncio.Protocol):
    def __init__(self, sender: _Sender) -> None:
        self._sender = sender
        self._got = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, due: float) -> None:
        self._due, self._got = due, b""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        if self._got.endswith(b"}"):
            self._sender.answered(self, self._due, right=self._got.endswith(_ANSWERED))


async def _main(port: int, bodies: Path, rate: float, seconds: float) -> Latencies:
    pieces = [line.encode().split(ID_MARK.encode()) for line in bodies.read_text().splitlines()]
    sender = _Sender(pieces, rate, int(rate * seconds))
    began_at = await sender.run(port)
    sorted_ms = sorted(latency * 1e3 for latency in sender.latencies)

    def at(share: float) -> float:
        return sorted_ms[min(len(sorted_ms) - 1, int(share * len(sorted_ms)))]

    return Latencies(began_at, len(sorted_ms), sender.errors, at(0.5), at(0.95), at(0.99), sorted_ms[-1])


if __name__ == "__main__":
    found = uvloop.run(_main(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
    print(json.dumps({name: getattr(found, name) for name in found.__dataclass_fields__}))
