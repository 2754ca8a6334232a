"""A blocking transport for who awaits, and an asynchronous one for who does not."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from trackway._delivery.answers import Answer
    from trackway._delivery.transport import AsyncTransport, Request, Transport


class InThread:
    """Makes an `AsyncTransport` of a `Transport`: its calls wait in a thread of the loop's executor."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, request: Request) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(None, self._transport.send, request)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self._transport.close)


class InLoop:
    """Makes a `Transport` of an `AsyncTransport`: each call has a loop of its own. For the end of the program."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def send(self, request: Request) -> Answer:
        async def send() -> Answer:
            async with asyncio.timeout(request.timeout_s):
                return await self._transport.send(request)

        return asyncio.run(send())

    def close(self) -> None:
        asyncio.run(self._transport.close())


def is_async(transport: AsyncTransport | Transport) -> bool:
    """Return whether `send` of the transport is to be awaited."""
    return inspect.iscoroutinefunction(transport.send)


def as_async(transport: AsyncTransport | Transport) -> AsyncTransport:
    """Return the transport as one whose `send` is awaited."""
    return cast("AsyncTransport", transport) if is_async(transport) else InThread(cast("Transport", transport))


def as_blocking(transport: AsyncTransport | Transport) -> Transport:
    """Return the transport as one whose `send` is not awaited."""
    return InLoop(cast("AsyncTransport", transport)) if is_async(transport) else cast("Transport", transport)
