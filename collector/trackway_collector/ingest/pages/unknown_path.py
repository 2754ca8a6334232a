"""The answer to a path that does not exist (404), or does with another method (405), as JSON like every other error."""

from __future__ import annotations

from aiohttp import web

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.requests import INGEST

_HINT = (
    "Events go to POST /v1/batch, /v1/track, /v1/identify, /v1/page, /v1/screen, /v1/group, /v1/alias and /v1/import."
)


async def refuse(request: web.Request) -> web.Response:
    """Answer with 405 and the methods where the path is known, else with 404 and where events go."""
    ingest = request.app[INGEST]
    methods = await _methods(request)
    if not methods:
        return ingest.refuse(RequestRefused(404, "unknown_path", f"There is nothing at this path. {_HINT}"), request)
    allowed = ", ".join(sorted(methods | {"OPTIONS"}))
    message = f"This path takes {allowed}, not {request.method}."
    response = ingest.refuse(RequestRefused(405, "wrong_method", message), request)
    response.headers["Allow"] = allowed
    return response


async def _methods(request: web.Request) -> set[str]:
    """Return the methods that the path of a request has; none where only this module would answer."""
    methods: set[str] = set()
    for resource in request.app.router.resources():
        if resource.canonical != "/{path}":
            methods |= (await resource.resolve(request))[1]
    return methods
