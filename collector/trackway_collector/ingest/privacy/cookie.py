"""
The first-party cookie with an anonymous id.

Browsers forget what a page's own script stores after a week or a day (Safari), but not what the server of the site
sets. So where a source names a cookie, the collector, under a host name of the site, sets it again with each answer:
the id that the cookie has, else the first event's, else a new one. Events without any id count for that one.
"""

from __future__ import annotations

import re
import uuid
from urllib.parse import quote, unquote

import msgspec
from aiohttp import web

from trackway_collector.ingest.privacy.policy import Cookie

_SANE = re.compile(r"[^\x00-\x20\x7f\";,\\\ud800-\udfff]{1,128}")
_DAY_S = 86_400


class _Event(msgspec.Struct, gc=False):
    anonymousId: str | None = None


class _Batch(msgspec.Struct, gc=False):
    batch: list[_Event]


_event = msgspec.json.Decoder(_Event)
_batch = msgspec.json.Decoder(_Batch)


def anonymous_id(request: web.Request, cookie: Cookie, body: bytes, call: str) -> str:
    """Return the id that the cookie shall have: its own, else that of the first event, else a new one."""
    own = unquote(request.cookies.get(cookie.name, ""))
    if _SANE.fullmatch(own):
        return own
    try:
        events = [_event.decode(body)] if call else _batch.decode(body).batch
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        events = []
    said = next((event.anonymousId for event in events if event.anonymousId), "")
    return said if _SANE.fullmatch(said) else str(uuid.uuid4())


def set_cookie(response: web.Response, cookie: Cookie, value: str, *, secure: bool) -> None:
    """
    Set the cookie. The page may read it, so that its client can take the id over.

    Args:
        secure: the request came by HTTPS, to us or to the proxy in front.
    """
    response.set_cookie(
        cookie.name,
        quote(value, safe="-._~!*'()"),
        max_age=cookie.max_age_days * _DAY_S,
        domain=cookie.domain or None,
        path="/",
        secure=secure,
        samesite="Lax",
    )
