"""A request → the device that sent it, as far as the source's policy lets it be kept."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from trackway_collector.ingest.privacy.addresses import TrustedProxies, kept
from trackway_collector.ingest.privacy.places import NOWHERE, Places
from trackway_collector.ingest.privacy.policy import Kind, Privacy
from trackway_collector.spool.record import Client

MAX_TEXT_CHARS = 1_000
MAX_LOCALE_CHARS = 35


def is_device(request: web.Request, kind: Kind) -> bool:
    """
    Say whether a person's own device sent the request, so that its address and user agent tell about that person.

    A source of kind `client` or `server` says so itself; of others, browsers are known by the headers that only they
    send.
    """
    if kind:
        return kind == "client"
    headers = request.headers
    return "Origin" in headers or "Sec-Fetch-Site" in headers or "Referer" in headers


def opted_out(request: web.Request) -> bool:
    """Say whether the browser asks not to be tracked: Global Privacy Control or Do Not Track."""
    headers = request.headers
    return headers.get("Sec-GPC") == "1" or headers.get("DNT") == "1"


def _text(headers: Mapping[str, str], name: str) -> str:
    """Return a header; `?` for its bytes that are not UTF-8, which aiohttp makes halves of characters."""
    text = headers.get(name, "")
    return text if text.isascii() else text.encode(errors="replace").decode()


class Devices:
    """
    What may be kept of the devices behind requests.

    Args:
        places: None without a GeoIP database.
        key: the operator's, for addresses that are hashed.
    """

    def __init__(
        self, proxies: TrustedProxies | None = None, places: Places | None = None, key: bytes | None = None
    ) -> None:
        self.key = key
        self._proxies = proxies or TrustedProxies([])
        self._places = places

    def of(self, request: web.Request, privacy: Privacy) -> Client:
        """Return what the policy lets be kept of the device that sent the request."""
        headers = request.headers
        out = privacy.opt_out != "ignore" and opted_out(request)
        recorded = privacy.ip not in ("as_sent", "remove") and not out
        address = self.address(request) if recorded or self._places is not None else ""
        place = self._places.of(address) if self._places is not None else NOWHERE
        return Client(
            kept(address, privacy.ip, self.key) if recorded else "",
            _text(headers, "User-Agent")[:MAX_TEXT_CHARS],
            _text(headers, "Accept-Language").partition(",")[0].partition(";")[0].strip()[:MAX_LOCALE_CHARS],
            _text(headers, "Referer")[:MAX_TEXT_CHARS],
            place.country,
            "" if out else place.region,
            "" if out else place.city,
            opted_out=out,
        )

    def address(self, request: web.Request) -> str:
        """Return the client's address; empty when it is not known."""
        return self._proxies.client(request.remote, request.headers.getall("X-Forwarded-For", ()))

    def secure(self, request: web.Request) -> bool:
        """Say whether the client came by HTTPS, to us or to a trusted proxy."""
        by_proxy = self._proxies.trusts(request.remote) and request.headers.get("X-Forwarded-Proto") == "https"
        return request.secure or by_proxy
