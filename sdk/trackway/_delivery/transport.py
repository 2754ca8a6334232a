"""The seam between the sender and the network, and HTTP over one keep-alive connection."""

from __future__ import annotations

import binascii
import codecs
import os
import time
from typing import TYPE_CHECKING, Protocol

import msgspec

from trackway._delivery.answers import Answer
from trackway._errors import NetworkError
from trackway._lifecycle import importing
from trackway._version import LIBRARY, __version__

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from urllib3 import BaseHTTPResponse, PoolManager

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""Room for a verdict on each of 2,500 events; more is not read."""


class Request(msgspec.Struct, frozen=True):
    """One attempt to send one batch."""

    body: bytes
    headers: Mapping[str, str]
    timeout_s: float
    """For connecting and waiting for the answer together."""


class Transport(Protocol):
    """Sends a batch; `trackway.testing.RecordingTransport` is the fake."""

    def send(self, request: Request) -> Answer:
        """Return the answer; raises NetworkError when there is none. Called from one thread at a time."""
        ...

    def close(self) -> None:
        """Let go of connections; the next `send` opens them anew."""
        ...


class AsyncTransport(Protocol):
    """Sends a batch of an `AsyncTracker`. Used in one loop at a time, and in another one when that has ended."""

    async def send(self, request: Request) -> Answer:
        """Return the answer; raises NetworkError when there is none. Called from one task at a time."""
        ...

    async def close(self) -> None:
        """Let go of connections; the next `send` opens them anew."""
        ...


def client_headers(write_key: str) -> dict[str, str]:
    """Return the headers of every request to a collector: who asks, with which key, and how to answer."""
    key = binascii.b2a_base64(f"{write_key}:".encode(), newline=False).decode()
    return {
        "Authorization": f"Basic {key}",
        "Accept": "application/vnd.trackway.v1+json",
        "Content-Type": "application/json",
        "User-Agent": f"{LIBRARY}/{__version__}",
    }


class HttpTransport:
    """POST to `{host}/v1/batch` through urllib3, which is imported with the first batch."""

    def __init__(self, host: str) -> None:
        self._url = f"{host.rstrip('/')}/v1/batch"
        self._pool: PoolManager | None = None
        self._pid = 0
        self._kept = False
        """Whether the connection has served a request before."""
        self._inherited: list[PoolManager] = []

    def send(self, request: Request) -> Answer:
        if self._pool is not None and self._pid != os.getpid():
            # A forked child must not talk on its parent's connections. They are kept, not closed: closing
            # takes locks that another thread may have held at the moment of the fork.
            self._inherited.append(self._pool)
            self._pool = None
        urllib3 = _urllib3()
        if self._pool is None:
            self._pool = urllib3.PoolManager(num_pools=1, maxsize=1, retries=False)
            self._pid = os.getpid()
            self._kept = False
        try:
            response = self._post(self._pool, request)
            try:
                body = _body(response, time.monotonic() + request.timeout_s)
            finally:
                response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            # The kind only: messages of urllib3 hold the URL.
            raise NetworkError(type(error).__name__) from error
        self._kept = True
        return Answer(response.status, body, response.headers.get("Retry-After"))

    def _post(self, pool: PoolManager, request: Request) -> BaseHTTPResponse:
        """Return the answer's head; its body is still to be read."""
        urllib3 = _urllib3()

        def post() -> BaseHTTPResponse:
            return pool.request(
                "POST",
                self._url,
                body=request.body,
                headers=request.headers,
                timeout=urllib3.Timeout(total=request.timeout_s),
                redirect=False,
                preload_content=False,
            )

        kept, self._kept = self._kept, False
        try:
            return post()
        except urllib3.exceptions.ProtocolError as error:
            if not kept or not any(isinstance(cause, ConnectionError) for cause in error.args):
                raise
            # Servers and what stands before them close connections that were idle for a while, and may do so just as
            # the next request sets out. That is no failure of the collector: ask again at once, on a new connection.
            pool.clear()
            return post()

    def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.clear()


def _body(response: BaseHTTPResponse, deadline: float) -> bytes:
    """
    Return the answer's body, up to MAX_ANSWER_BYTES of it. A connection with more to come is closed; one that drips
    past the deadline raises TimeoutError: a timeout of the socket alone starts anew with each byte.
    """
    pieces: list[bytes] = []
    left = MAX_ANSWER_BYTES
    while left and (piece := response.read1(left, decode_content=True)):
        pieces.append(piece)
        left -= len(piece)
        if time.monotonic() > deadline:
            response.close()
            raise TimeoutError
    if not left:
        response.close()
    return b"".join(pieces)


def _urllib3() -> ModuleType:
    with importing:
        import urllib3

        codecs.lookup("idna")  # imports the codec of host names, which the first connection would do otherwise
    return urllib3
