"""HTTP in an event loop, over one keep-alive connection of aiohttp. Imported with the first `AsyncTracker`."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import importlib.util
import os
from typing import TYPE_CHECKING, Any

from trackway._delivery.answers import Answer
from trackway._delivery.transport import MAX_ANSWER_BYTES, Request
from trackway._errors import ConfigurationError, NetworkError
from trackway._lifecycle import importing

if TYPE_CHECKING:
    from types import ModuleType

    import aiohttp

KEEPALIVE_S = 30.0
"""Shorter than common servers keep an idle connection."""


class AiohttpTransport:
    """POST to `{host}/v1/batch` through aiohttp, which is imported with the first batch, off the loop."""

    def __init__(self, host: str) -> None:
        """
        Open nothing yet.

        Raises:
            ConfigurationError: aiohttp is not installed.
        """
        if not _installed():
            msg = "AsyncTracker needs aiohttp, which is not installed. Run: pip install 'trackway[async]'"
            raise ConfigurationError(msg)
        self._url = f"{host.rstrip('/')}/v1/batch"
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self._kept = False
        """Whether the connection has served a request before."""
        self._inherited: list[aiohttp.ClientSession] = []

    async def send(self, request: Request) -> Answer:
        loop = asyncio.get_running_loop()
        if self._session is not None and (self._loop is not loop or self._pid != os.getpid()):
            self._forget()
        aiohttp = await _aiohttp(loop)
        if self._session is None:
            self._session = _session(aiohttp)
            self._kept = False
            self._loop, self._pid = loop, os.getpid()
        kept, self._kept = self._kept, False
        try:
            try:
                answer = await self._post(aiohttp, self._session, request)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if not kept or isinstance(error, aiohttp.ClientConnectorError):
                    raise
                # As in the other transport: the server closed an idle connection just as it was used again.
                answer = await self._post(aiohttp, self._session, request)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The kind only: messages of aiohttp hold the URL.
            raise NetworkError(type(error).__name__) from error
        self._kept = True
        return answer

    async def _post(self, http: Any, session: aiohttp.ClientSession, request: Request) -> Answer:
        async with session.post(
            self._url,
            data=request.body,
            # As in the other transport: an answer is short, and a compressed one only a way to fill the memory.
            headers={**request.headers, "Accept-Encoding": "identity"},
            timeout=http.ClientTimeout(total=request.timeout_s),
            allow_redirects=False,
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    response.close()
                    break
        return Answer(response.status, bytes(body), response.headers.get("Retry-After"))

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def forget(self) -> None:
        """Let go of a session whose loop does not run any more; one whose loop does belongs to its task."""
        if self._loop is not None and not self._loop.is_running():
            self._forget()

    def _forget(self) -> None:
        """Let go of a session whose loop is not this one: it has ended, or it is the parent's of this child."""
        session, self._session = self._session, None
        if session is None:
            return
        if self._pid != os.getpid():
            # Not even collected: closing it would take the parent's connection out of the parent's epoll.
            self._inherited.append(session)
        elif self._loop is not None and self._loop.is_closed():
            # Without a loop there is nothing to wait for: the coroutine ends in its first step.
            closing = session.close()
            with contextlib.suppress(Exception):  # StopIteration is its end
                closing.send(None)
            closing.close()
        else:
            session.detach()


def _installed() -> bool:
    try:
        return importlib.util.find_spec("aiohttp") is not None
    except (ImportError, ValueError):
        return False


async def _aiohttp(loop: asyncio.AbstractEventLoop) -> ModuleType:
    found = _loaded.get("aiohttp")
    if found is None:
        try:
            found = await loop.run_in_executor(None, _load)
        except RuntimeError:  # the executor is shut down: the end of the program
            found = _load()
    return found


_loaded: dict[str, ModuleType] = {}


def _load() -> ModuleType:
    with importing:
        import aiohttp

        codecs.lookup("idna")  # imports the codec of host names, which the first connection would do otherwise
    _loaded["aiohttp"] = aiohttp
    return aiohttp


def _session(http: Any) -> aiohttp.ClientSession:
    class Connector(http.TCPConnector):  # type: ignore[misc]
        """A connector that says nothing when its loop ended without a chance to close it."""

        def __del__(self) -> None:
            pass

    connector = Connector(limit=1, keepalive_timeout=KEEPALIVE_S)
    session: aiohttp.ClientSession
    session = http.ClientSession(connector=connector, cookie_jar=http.DummyCookieJar())
    return session
