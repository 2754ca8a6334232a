"""An adapter's request on its way: key, body, translation, and then the way of every request."""

from __future__ import annotations

import asyncio

from aiohttp import web

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.adapters.base import Adapter, Harmless, Page, Translated
from trackway_collector.ingest.requests import Ingest
from trackway_collector.ingest.rules.in_force import InForce
from trackway_collector.ingest.rules.keys import Grant
from trackway_collector.ingest.serving.operated import operated

AT_ONCE_BYTES = 8 * 1024
"""A body up to this size is translated at once, some 1 ms of work; other requests need not wait for a larger one."""


def mount(router: web.UrlDispatcher, ingest: Ingest, adapter: Adapter) -> None:
    """Add an adapter's paths to the application's."""
    handle = operated(ingest, _handler(ingest, adapter))
    for method, path in adapter.routes:
        router.add_route(method, path, handle)
    for path, page in adapter.pages:
        router.add_get(path, page)
    for harmless in adapter.harmless:
        router.add_route(harmless.method, harmless.path, _harmless_handler(ingest, adapter, harmless))


def _handler(ingest: Ingest, adapter: Adapter) -> Page:
    async def handle(request: web.Request) -> web.Response:
        in_force = ingest.in_force
        try:
            grant, body = await ingest.read(request, in_force)
            if len(body) <= AT_ONCE_BYTES:
                foreign = adapter.translate(request, body)
            else:  # beside other requests: events are translated one by one
                foreign = await asyncio.to_thread(adapter.translate, request, body)
            if grant is None:
                grant = ingest.granted(request, in_force, _grant_of(in_force, foreign), len(body))
            taken = await ingest.take(request, in_force, grant, foreign.batch(), "", foreign.lane)
        except RequestRefused as refusal:
            return ingest.refuse(refusal, request)
        except (web.RequestPayloadError, ConnectionError):
            raise  # the client is gone
        except Exception:
            return ingest.fail(request)
        return ingest.respond(request, taken, adapter.answer(request, taken))

    return handle


def _grant_of(in_force: InForce, foreign: Translated) -> Grant:
    if foreign.key:
        return in_force.keys.of_key(foreign.key)
    source = in_force.policies.source_of(foreign.foreign_id)
    return Grant(source, key_id=foreign.foreign_id) if source else in_force.keys.of_key(None)


def _harmless_handler(ingest: Ingest, adapter: Adapter, harmless: Harmless) -> Page:
    async def handle(request: web.Request) -> web.Response:
        ingest.counters.ignored[f"{adapter.name}_{harmless.counted_as}"] += 1
        return web.Response(body=harmless.body, headers={"Content-Type": harmless.content_type})

    return handle
