"""
Processes that send events and hold each acknowledged one as a debt of the collector.

A client numbers its events, so that all of a run are `<client>-0` to `<client>-<n-1>` and a debt is a number. A batch
without a 200 goes back among the waiting events and is sent again in other company. What the collector answers counts:
429 and 503 are waited out, anything else but 200 is a fault and ends the client.
"""

from __future__ import annotations

import asyncio
import base64
import json
import multiprocessing
import random
import time
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import aiohttp

BATCH_EVENTS = 100
CONNECTIONS = 8
REQUEST_S = 20.0
MAX_WAIT_S = 3.0
EVENTS = ("page_viewed", "product_viewed", "cart_filled", "order_paid")


@dataclass
class Report:
    """What one client did."""

    client: str
    acknowledged: int = 0
    """Events answered 200; each of them once, whatever was sent again."""
    answers: dict[str, int] = field(default_factory=dict)
    """Status, or the name of what happened instead of an answer → requests."""
    latencies_s: list[float] = field(default_factory=list)
    """Of a sample of the requests answered 200."""
    fault: str = ""


class Clients:
    """
    Some processes that send to one collector.

    Args:
        rate: events per second of all together; 0: as fast as it goes.
    """

    def __init__(self, url: str, key: str, count: int, prefix: str, seed: int, rate: float = 0) -> None:
        context = multiprocessing.get_context("spawn")
        self._clients = []
        for number in range(count):
            ours, theirs = context.Pipe()
            arguments = (url, key, f"{prefix}{number}", rate / count, seed + number, theirs)
            process = context.Process(target=_run, args=arguments, daemon=True)
            process.start()
            theirs.close()
            self._clients.append((process, ours))

    def acknowledged(self) -> int:
        """Ask them all how many events were acknowledged so far."""
        for _, pipe in self._clients:
            pipe.send("how many")
        return sum(pipe.recv() for _, pipe in self._clients)

    def faults(self) -> list[str]:
        """Return which of them have died."""
        return [f"{process.name} died" for process, _ in self._clients if not process.is_alive()]

    def finish(self, timeout_s: float) -> list[Report]:
        """Let them make no new events, send what waits until all is acknowledged, and report."""
        for _, pipe in self._clients:
            pipe.send("finish")
        reports = []
        for process, pipe in self._clients:
            if not pipe.poll(timeout_s):
                message = f"{process.name} could not send everything within {timeout_s:.0f} s"
                raise TimeoutError(message)
            reports.append(pipe.recv())
            process.join(10)
        return reports


def _run(url: str, key: str, name: str, rate: float, seed: int, pipe: Connection) -> None:
    asyncio.run(_Client(url, key, name, rate, seed, pipe).run())


class _Client:
    def __init__(self, url: str, key: str, name: str, rate: float, seed: int, pipe: Connection) -> None:
        self._url = f"{url}/v1/batch"
        self._headers = {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}
        self._name, self._rate, self._pipe = name, rate, pipe
        self._dice = random.Random(seed)
        self._report = Report(name)
        self._next = 0
        self._again: deque[int] = deque()
        self._finishing = False
        self._started = time.monotonic()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pipe.fileno(), self._listen)
        timeout = aiohttp.ClientTimeout(total=REQUEST_S)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
            await asyncio.gather(*(self._send_for_ever(session) for _ in range(CONNECTIONS)))
        loop.remove_reader(self._pipe.fileno())
        self._pipe.send(self._report)

    def _listen(self) -> None:
        if self._pipe.recv() == "finish":
            self._finishing = True
        else:
            self._pipe.send(self._report.acknowledged)

    async def _send_for_ever(self, session: aiohttp.ClientSession) -> None:
        while not self._report.fault:
            numbers = self._take()
            if numbers:
                await self._send(session, numbers)
            elif self._finishing and not self._again and self._report.acknowledged == self._next:
                return
            else:
                await asyncio.sleep(0.01)

    def _take(self) -> list[int]:
        """Return the events of the next batch: some that were not acknowledged, and new ones as the rate allows."""
        numbers = [self._again.popleft() for _ in range(min(len(self._again), self._dice.randint(1, BATCH_EVENTS)))]
        room = BATCH_EVENTS - len(numbers)
        if self._finishing:
            return numbers
        if self._rate:
            due = int((time.monotonic() - self._started) * self._rate) - self._next
            room = room if due >= room else 0
        numbers += range(self._next, self._next + room)
        self._next += room
        return numbers

    async def _send(self, session: aiohttp.ClientSession, numbers: list[int]) -> None:
        body = b'{"batch":[' + b",".join(map(self._event, numbers)) + b"]}"
        started = time.monotonic()
        wait_s = 0.0
        try:
            async with session.post(self._url, data=body, headers=self._headers) as answer:
                text = await answer.read()
                what, wait_s = str(answer.status), _seconds(answer.headers.get("Retry-After"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            what, text = type(error).__name__, b""
            wait_s = 0.2
        self._report.answers[what] = self._report.answers.get(what, 0) + 1
        if what == "200":
            self._report.acknowledged += len(numbers)
            if self._dice.random() < 0.05:
                self._report.latencies_s.append(time.monotonic() - started)
            return
        self._again.extend(numbers)
        if what.isdigit() and what not in ("429", "503"):
            self._report.fault = f"{self._name} was answered {what}: {text[:300].decode(errors='replace')}"
        await asyncio.sleep(min(wait_s, MAX_WAIT_S) * self._dice.uniform(0.5, 1))

    def _event(self, number: int) -> bytes:
        return (
            b'{"type":"track","event":"%b","messageId":"%b-%d","userId":"u%d","timestamp":"2026-11-22T15:20:30.12%04dZ",'
            b'"context":{"library":{"name":"soak","version":"1"}},'
            b'"properties":{"price":%d.5,"product":"sku-%d","note":"please ring twice, third floor on the left"}}'
        ) % (
            EVENTS[number % len(EVENTS)].encode(),
            self._name.encode(),
            number,
            number * 7919 % 50_000,
            number % 10_000,
            number % 97,
            number % 1_009,
        )


def _seconds(text: Any) -> float:
    try:
        return float(text or 0.2)
    except ValueError:
        return 0.2


def as_json(reports: list[Report]) -> str:
    """Return the reports in one line, for the record."""
    return json.dumps([{"client": r.client, "acknowledged": r.acknowledged, "answers": r.answers} for r in reports])
