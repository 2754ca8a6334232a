"""The collector's port: one worker owns it, several share it by SO_REUSEPORT."""

from __future__ import annotations

import asyncio

from aiohttp import web

from trackway_collector.config import Settings
from trackway_collector.errors import ConfigError

BACKLOG = 1024
"""Connections that may wait to be accepted."""
BUSY_S = 5.0
BUSY_POLL_S = 0.2


def make_site(runner: web.AppRunner, settings: Settings) -> web.TCPSite:
    """
    Return the site a worker listens with.

    Each of several workers has a socket of its own, and the kernel deals connections out among them. Linux spreads
    them evenly; macOS gives them all to one of the sockets, and to another when that one is gone.
    """
    shared = True if settings.workers > 1 else None
    return web.TCPSite(runner, settings.listen, settings.port, backlog=BACKLOG, reuse_port=shared)


async def check_port(settings: Settings) -> None:
    """
    Make sure that nobody else listens where several workers are going to.

    SO_REUSEPORT would let a second collector on this machine share the port in silence and take half the events.

    Raises:
        ConfigError: somebody listens there, also after a while, in which one that was killed would be gone.
    """
    if settings.workers == 1:
        return  # its own bind says so
    loop = asyncio.get_running_loop()
    gives_up_at = loop.time() + BUSY_S
    while True:
        try:
            server = await loop.create_server(
                asyncio.Protocol, settings.listen, settings.port, reuse_address=True, start_serving=False
            )
        except OSError as error:
            if loop.time() > gives_up_at:
                message = f"{error.strerror}\n  Stop what listens there, or choose another port with --port."
                raise ConfigError(message) from error
            await asyncio.sleep(BUSY_POLL_S)
        else:
            server.close()
            await server.wait_closed()
            return
