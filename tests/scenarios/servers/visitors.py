"""Many clients over HTTP, each request with a number of its own; what was answered is noted."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from typing import Self

from tests.support.house import wait_for

CONNECTIONS = 16
REQUESTS_PER_CONNECTION = 50
"""On average; a new worker is not met on a connection that another holds open."""
PATIENCE_S = 60


class Visitors(threading.Thread):
    """
    Ask `GET /?<number>` with ever new numbers, from `with` on until it is left.

    Nothing is ever asked twice: a number whose answer did not come (the server closed the connection, or was killed)
    may have been tracked or not, and the next number is asked in its place.

    Attributes:
        answered: the numbers answered 200.
        workers: the processes that answered, in the order in which they appeared.
        unanswered: the numbers asked without an answer.
    """

    def __init__(self, port: int, connections: int = CONNECTIONS) -> None:
        super().__init__(daemon=True)
        self.answered: set[int] = set()
        self.unanswered: set[int] = set()
        self.workers: dict[int, int] = {}
        self._port = port
        self._connections = connections
        self._numbers = itertools.count(1)
        self._leave = threading.Event()

    def run(self) -> None:
        """Ask, over all connections at once."""
        asyncio.run(self._ask())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        self.join(60)

    def ask(self, requests: int) -> None:
        """Return when so many requests have been answered."""
        wait_for(lambda: len(self.answered) >= requests, PATIENCE_S, f"{requests} requests are answered")

    def meet(self, workers: int) -> None:
        """Return when so many different processes have answered."""
        wait_for(lambda: len(self.workers) >= workers, PATIENCE_S, f"{workers} workers have answered")

    async def _ask(self) -> None:
        await asyncio.gather(*(self._visit() for _ in range(self._connections)))

    async def _visit(self) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self._leave.is_set():
            if connection is None:
                try:
                    connection = await asyncio.open_connection("127.0.0.1", self._port)
                except OSError:  # nobody listens at the moment
                    await asyncio.sleep(0.01)
                    continue
            number = next(self._numbers)
            keep = False
            try:
                keep = await asyncio.wait_for(self._get(number, *connection), 20)
            except (OSError, EOFError, TimeoutError, ValueError):
                self.unanswered.add(number)
            if not keep or number % REQUESTS_PER_CONNECTION == 0:
                connection[1].close()
                with contextlib.suppress(OSError):
                    await connection[1].wait_closed()
                connection = None

    async def _get(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Ask one number; return whether the connection may be used again."""
        writer.write(b"GET /?%d HTTP/1.1\r\nHost: test\r\n\r\n" % number)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head.split(None, 2)[1])
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        if status == 200:
            self.answered.add(number)
            worker = int(body)
            self.workers[worker] = self.workers.get(worker, 0) + 1
        else:
            self.unanswered.add(number)
        return status == 200 and b"connection: close" not in head
