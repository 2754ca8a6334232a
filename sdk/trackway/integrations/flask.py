"""
Flask: the WSGI middleware, whose functions are asked inside the request.

    app = Flask(__name__)
    instrument(app, user_id=lambda request: session.get("user_id"), anonymous_id=Cookie("visit"))
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Unpack, cast

import flask

from trackway.integrations._binding import Settings
from trackway.integrations.wsgi import Environ, TrackwayMiddleware

__all__ = ["instrument"]


def instrument(app: flask.Flask, **settings: Unpack[Settings[flask.Request]]) -> None:
    """
    Open a scope around each request that the app answers, until its response is closed.

    Settings: see `Settings`. Functions among them are given `flask.request`, and may use `flask.session`, `flask.g` and
    extensions such as flask-login's `current_user`: ids are asked for when an event is tracked. `consent` is asked at
    the start, when Flask does not know the request yet; it is given one that holds headers and cookies.
    """
    by_environ: dict[str, Any] = dict(settings)
    for name in ("user_id", "anonymous_id", "session_id"):
        source = by_environ.get(name)
        if callable(source):
            by_environ[name] = partial(_ask, source)
    consent = settings.get("consent")
    if callable(consent):
        by_environ["consent"] = wraps(consent)(lambda environ: consent(app.request_class(environ)))
    middleware = TrackwayMiddleware(app.wsgi_app, **cast("Settings[Environ]", by_environ))
    app.wsgi_app = middleware  # type: ignore[method-assign]  # the way that Flask's documentation gives


def _ask(source: Callable[[flask.Request], Any], environ: Environ) -> Any:
    # A task that outlives its request has no flask.request; it has no id from there either.
    return source(flask.request) if flask.has_request_context() else None
