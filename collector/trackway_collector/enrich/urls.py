"""Addresses as clients send them: whatever cannot be read is an address without parts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

MAX_URL_CHARS = 8 * 1024
_MAX_PARAMETERS = 256
# Several steps look at the same address, and referrers repeat from event to event.
_REMEMBERED = 4096
# Second levels under which names are registered in many countries: example.co.uk, example.com.br.
_SECOND_LEVELS = frozenset({"ac", "co", "com", "edu", "go", "gob", "gov", "ne", "net", "nom", "or", "org"})


class Url(NamedTuple):
    """The parts of an address that enrichment looks at."""

    host: str = ""
    """In lower case, without `www.` and port."""
    path: str = ""
    query: str = ""


@lru_cache(maxsize=_REMEMBERED)
def split_url(url: str) -> Url:
    """Return an address's parts; all empty when it has no host or cannot be read."""
    if not url or len(url) > MAX_URL_CHARS:
        return Url()
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return Url()
    return Url(plain_host(host), parts.path, parts.query) if host else Url()


def plain_host(host: str) -> str:
    """Return a host as it is compared: lower case, no `www.`, no dot at its end."""
    return host.lower().rstrip(".").removeprefix("www.")


@lru_cache(maxsize=_REMEMBERED)
def parameters(query: str) -> Mapping[str, str]:
    """Return the parameters of a query, the first of each name; empty ones left out."""
    found: dict[str, str] = {}
    try:
        pairs = parse_qsl(query.removeprefix("?"), max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        return found
    for name, value in pairs:
        found.setdefault(name, value)
    return found


@lru_cache(maxsize=4096)
def same_site(one: str, other: str) -> bool:
    """
    Whether two hosts belong to one site: they are below the same registered name.

    Where names are registered is told by the shape of the host (`example.com`, `example.co.uk`), not by a list, so two
    customers of one hosting service count as one site.
    """
    return registered_name(one) == registered_name(other)


def registered_name(host: str) -> str:
    """Return the last two labels of a host, three where the country has second levels; an IP address as it is."""
    labels = plain_host(host).split(".")
    if ":" in host or labels[-1].isdigit():
        return host
    keep = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS else 2
    return ".".join(labels[-keep:])
