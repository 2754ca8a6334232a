"""
Who may read `/metrics`.

Its numbers name sources, events and violations, and it answers on the port that the world sends events to. So it wants
a token, `metrics_token`; where none is set, it answers this machine alone. That a request comes from a loopback address
is no proof of that: behind a reverse proxy on this machine all do. A proxy betrays itself by the name it was asked
under, or by a header that says whom it speaks for. And a page in this machine's browser, which could read the answer,
betrays itself by its `Origin`.
"""

from __future__ import annotations

import hmac
import ipaddress

from aiohttp import web

from trackway_collector.errors import RequestRefused
from trackway_collector.local_hosts import LOOPBACK_HOSTS, host_name

PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


def check_reader(request: web.Request, token: str) -> None:
    """
    Let the request read the metrics, or say why not.

    Args:
        token: the bearer token that is asked for; empty: requests of this machine only.

    Raises:
        RequestRefused: 401, the token is missing or wrong; 403, there is none and the request is from elsewhere.
    """
    if token:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        # aiohttp decodes header bytes that are not UTF-8 to lone surrogates, which a plain `encode` refuses.
        right = hmac.compare_digest(given.strip().encode(errors="replace"), token.encode())
        if scheme.lower() != "bearer" or not right:
            message = "The metrics want `Authorization: Bearer` with the collector's metrics_token."
            raise RequestRefused(401, "metrics_token", message)
    elif not _from_this_machine(request):
        message = "Without a metrics_token the collector shows its metrics to this machine only. Set one."
        raise RequestRefused(403, "metrics_token", message)


def _from_this_machine(request: web.Request) -> bool:
    if host_name(request.headers.get("Host", "")) not in LOOPBACK_HOSTS:
        return False
    if "Origin" in request.headers or any(name in request.headers for name in PROXY_HEADERS):
        return False
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:  # a Unix socket has no address
        return False
