"""The seam between the sender and the network, and HTTP over one keep-alive connection."""

from __future__ import annotations

import base64
import codecs
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from trackway._delivery.answers import Answer
from trackway._errors import NetworkError
from trackway._lifecycle import importing
from trackway._version import LIBRARY, __version__

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    import urllib3

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""Room for a verdict on each of 2,500 events; more is not read."""


@dataclass(frozen=True, slots=True)
class Request:
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
    key = base64.b64encode(f"{write_key}:".encode()).decode()
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
        self._pool: urllib3.PoolManager | None = None
        self._pid = 0
        self._inherited: list[urllib3.PoolManager] = []

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
        try:
            response = self._pool.request(
                "POST",
                self._url,
                body=request.body,
                headers=request.headers,
                timeout=urllib3.Timeout(total=request.timeout_s),
                redirect=False,
                preload_content=False,
            )
            try:
                body = response.read(MAX_ANSWER_BYTES, decode_content=True)
                if response.read(1):
                    response.close()
            finally:
                response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            # The kind only: messages of urllib3 hold the URL.
            raise NetworkError(type(error).__name__) from error
        return Answer(response.status, body, response.headers.get("Retry-After"))

    def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.clear()


def _urllib3() -> ModuleType:
    with importing:
        import urllib3

        codecs.lookup("idna")  # imports the codec of host names, which the first connection would do otherwise
    return urllib3
