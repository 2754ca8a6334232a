"""Addresses as clients send them: whatever cannot be read is an address without parts."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, urlsplit

_NOTHING = SplitResult("", "", "", "", "")
_MAX_URL_CHARS = 8 * 1024
_MAX_PARAMETERS = 256
# Second levels under which names are registered in many countries: example.co.uk, example.com.br.
_SECOND_LEVELS = frozenset({"ac", "co", "com", "edu", "go", "gob", "gov", "ne", "net", "nom", "or", "org"})


def split_url(url: str) -> SplitResult:
    """Return an address's parts; all empty when it has no host or cannot be read."""
    if not url or len(url) > _MAX_URL_CHARS:
        return _NOTHING
    try:
        parts = urlsplit(url)
        _ = parts.hostname
    except ValueError:
        return _NOTHING
    return parts if parts.netloc else _NOTHING


def host_of(url: str) -> str:
    """Return the host of an address in lower case, without `www.`; empty when there is none."""
    return plain_host(split_url(url).hostname or "")


def plain_host(host: str) -> str:
    """Return a host as it is compared: lower case, no `www.`, no dot at its end."""
    return host.lower().rstrip(".").removeprefix("www.")


def parameters(query: str) -> dict[str, str]:
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
