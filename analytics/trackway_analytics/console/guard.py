"""
Who may ask the console, and the headers that every answer carries.

Three questions before any handler runs, in this order:

1. **Host.** Only names of this machine, or names that the operator listed: a foreign name that resolves to
   127.0.0.1 is how DNS rebinding reads local services. → 403
2. **Origin**, and `Sec-Fetch-Site` where a browser sends it: a request that another site's page makes is
   refused, and another port on this machine is another site. → 403
3. **Token.** `?token=` in the URL, `Authorization: Bearer`, or the cookie that a right `?token=` sets. → 401

A loopback address is no proof of a local visitor: behind a reverse proxy everybody comes from 127.0.0.1.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from trackway_analytics.console.render import Renderer
from trackway_collector.local_hosts import LOOPBACK_HOSTS, host_name

# plotly.js sets style attributes and one style element from script; scripts themselves come from files only.
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Guard:
    """The three checks as one aiohttp middleware, and the cookie that stands for a token."""

    token: str
    allowed_hosts: Collection[str]
    renderer: Renderer

    @property
    def cookie_value(self) -> str:
        """
        What the cookie holds: derived from the token, never the token itself.

        Cookies ignore ports, so a browser shows this one to every server on this host. None of them learns a
        password of the query port from it.
        """
        return hmac.new(self.token.encode(), b"trackway console cookie", hashlib.sha256).hexdigest()

    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer 403 or 401, or let `handler` answer; a right `?token=` leaves with the cookie."""
        refusal = self._foreign_host(request) or self._foreign_page(request)
        if refusal:
            return self.renderer.refusal(request, 403, "forbidden", refusal)
        if request.path.startswith("/static/"):  # open source files; the sign-in page needs them
            return await handler(request)
        by_url = self._is_token(request.query.get("token"))
        if not (by_url or self._by_header(request) or self._by_cookie(request)):
            return self.renderer.refusal(request, 401, "unauthorized", self._why_unauthorized(request))
        response = await handler(request)
        if by_url:
            self._set_cookie(request, response)
        return response

    def _foreign_host(self, request: web.Request) -> str | None:
        name = host_name(request.host)
        if name in LOOPBACK_HOSTS or name in self.allowed_hosts:
            return None
        return (
            f"The console does not answer to the host name {request.host!r}. "
            "Open it as http://127.0.0.1, or list the name among its allowed hosts."
        )

    def _foreign_page(self, request: web.Request) -> str | None:
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != request.host:
            return f"A page from {origin!r} may not ask the console of {request.host!r}."
        site = request.headers.get("Sec-Fetch-Site", "none")
        opened_by_person = request.headers.get("Sec-Fetch-Mode") == "navigate"
        if site in ("cross-site", "same-site") and not opened_by_person:
            return "A page from another site may not load parts of the console."
        return None

    def _is_token(self, given: str | None) -> bool:
        return given is not None and _same(given, self.token)

    def _by_header(self, request: web.Request) -> bool:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self._is_token(given.strip())

    def _by_cookie(self, request: web.Request) -> bool:
        given = request.cookies.get(self._cookie_name(request), "")
        return _same(given, self.cookie_value)

    def _why_unauthorized(self, request: web.Request) -> str:
        if "token" in request.query:
            return "This token is not the console's. It changes when the data directory is made anew."
        return "The console shows your events only to who has its token."

    def _set_cookie(self, request: web.Request, response: web.StreamResponse) -> None:
        response.set_cookie(
            self._cookie_name(request),
            self.cookie_value,
            httponly=True,
            samesite="Strict",
            secure=request.secure,
            path="/",
        )

    def _cookie_name(self, request: web.Request) -> str:
        # Two consoles on one machine differ by port only; without it they would sign each other out.
        return f"trackway-console-{urlsplit(f'//{request.host}').port or 80}"


def _same(given: str, expected: str) -> bool:
    # aiohttp decodes header bytes that are not UTF-8 to lone surrogates, which a plain `encode` refuses.
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


async def add_security_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler of `on_response_prepare`: refusals, files and errors carry the headers too."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
