"""Scopes and middleware as a type checker sees them; never run. mypy --strict and pyright both pass over it."""

from __future__ import annotations

from typing import assert_type

import flask
from aiohttp import web
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware

import trackway
from trackway import Tracker
from trackway.integrations import HIDDEN_WORDS, Cookie, Header
from trackway.integrations.aiohttp import trackway_middleware
from trackway.integrations.asgi import TrackwayMiddleware as AsgiMiddleware
from trackway.integrations.flask import instrument
from trackway.integrations.wsgi import TrackwayMiddleware as WsgiMiddleware


def scopes(tracker: Tracker, late: str | None) -> None:
    """A scope takes values, and functions for what is known later; anything else is an error."""
    with trackway.scope(user_id="ana", session_id=7, context={"ip": "203.0.113.7"}, properties={"shop": "tea"}):
        pass
    with tracker.scope(user_id=lambda: late, context=lambda: {"ip": "203.0.113.7"}, consent={"marketing": True}) as s:
        assert_type(s.user_id is None, bool)
    trackway.scope("ana")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    trackway.scope(user=7)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    trackway.scope(user_id=3.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def user_of(request: web.Request) -> str:
    """Return a user as a program finds it."""
    return request.headers["X-User"]


def middlewares(app: flask.Flask, fast: FastAPI) -> None:
    """Settings have their types, and functions are given the framework's own request."""
    fast.add_middleware(AsgiMiddleware, anonymous_id=Cookie("visit"), user_id=lambda scope: scope["user"])
    Starlette(middleware=[Middleware(AsgiMiddleware, trusted_proxies=1, ip="truncated")])
    app.wsgi_app = WsgiMiddleware(app.wsgi_app, user_id=lambda environ: environ["REMOTE_USER"])  # type: ignore[method-assign]
    instrument(app, user_id=lambda request: request.cookies.get("user"), session_id=Header("X-Session"))
    web.Application(middlewares=[trackway_middleware(user_id=user_of, hidden_parameters=HIDDEN_WORDS | {"iban"})])
    instrument(app, user_id="visit")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    instrument(app, user_id=user_of)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    instrument(app, ip="half")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    instrument(app, users=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
