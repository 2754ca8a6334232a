"""The routes of the console. Each handler reads one thing and answers; the work is in `live` and `charts`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib.resources import files
from pathlib import Path
from typing import Any

from aiohttp import web

from trackway_analytics.console.charts import Charts
from trackway_analytics.console.guard import Guard, add_security_headers
from trackway_analytics.console.live import Live
from trackway_analytics.console.render import Renderer, answer_json
from trackway_analytics.demo.questions import QUESTIONS
from trackway_collector.warehouse import Warehouse
from trackway_plan.environments import ALL, ENVIRONMENTS, PRODUCTION

RENDERER = web.AppKey("renderer", Renderer)
LIVE = web.AppKey("live", dict[str, Live])
CHARTS = web.AppKey("charts", dict[str, Charts])

CHOICES = (*ENVIRONMENTS, ALL)

STATIC = {
    "console.css": ("trackway_analytics.console", "static/console.css"),
    "console.js": ("trackway_analytics.console", "static/console.js"),
    "plotly.min.js": ("plotly", "package_data/plotly.min.js"),
}


async def setup(
    app: web.Application,
    *,
    warehouse: Warehouse,
    token: str,
    status: Callable[[], dict[str, Any]],
    allowed_hosts: Collection[str] = (),
) -> None:
    """
    Add the console to `app`, the aiohttp application that listens on the console's address.

    `warehouse` is asked from threads, never on the event loop. `status` says how the loader is doing
    (`trackway_collector.store.process.status`), without waiting. `allowed_hosts` are host names, besides
    those of this machine, that requests may carry.
    """
    app[RENDERER] = Renderer()
    app[LIVE] = {each: Live(warehouse, status, environment=each) for each in CHOICES}
    app[CHARTS] = {each: Charts(warehouse, each) for each in CHOICES}
    guard = Guard(token, frozenset(allowed_hosts), app[RENDERER])

    @web.middleware
    async def check(request: web.Request, handler: Any) -> web.StreamResponse:
        return await guard.check(request, handler)

    app.middlewares.append(check)
    app.on_response_prepare.append(add_security_headers)
    app.router.add_get("/", page)
    app.router.add_get("/static/{name}", static)
    app.router.add_get("/api/live", live)
    app.router.add_get("/api/charts/{name}", chart)


async def page(request: web.Request) -> web.Response:
    """Answer the one page; its numbers arrive through the API, so it never waits for the warehouse."""
    status = request.app[LIVE][PRODUCTION].status()
    return request.app[RENDERER].page(
        "console.html",
        questions=QUESTIONS.values(),
        environments=CHOICES,
        collector_url=status.get("collector_url", "http://127.0.0.1:8077"),
    )


async def live(request: web.Request) -> web.Response:
    """Answer the moving numbers and the last events, never older than a second."""
    return answer_json(await request.app[LIVE][_environment(request)].snapshot())


async def chart(request: web.Request) -> web.Response:
    """Answer one question as figure, table, semantics and SQL; 404 for a question that does not exist."""
    name = request.match_info["name"]
    if name not in QUESTIONS:
        known = ", ".join(QUESTIONS)
        message = f"There is no chart {name!r}. Known charts: {known}."
        return answer_json({"success": False, "code": "unknown_chart", "message": message}, 404)
    return answer_json(await request.app[CHARTS][_environment(request)].answer(name))


def _environment(request: web.Request) -> str:
    """The environment that is asked for; production where none, or none that there is, is named."""
    asked = request.query.get("environment", PRODUCTION)
    return asked if asked in CHOICES else PRODUCTION


async def static(request: web.Request) -> web.StreamResponse:
    """Answer a file of `STATIC`; nothing outside that table can be named."""
    try:
        package, path = STATIC[request.match_info["name"]]
    except KeyError:
        raise web.HTTPNotFound from None
    # `no-cache` means: keep it, but ask whether it changed (FileResponse answers 304).
    return web.FileResponse(Path(str(files(package) / path)), headers={"Cache-Control": "no-cache"})
