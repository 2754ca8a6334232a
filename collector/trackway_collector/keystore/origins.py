"""
Which pages may send with a key: `https://shop.example`, or `https://*.shop.example` for all of its subdomains.

It keeps other people's pages from sending with a key that anybody can read in ours. Programs can claim any origin and
need not claim one, so this is no protection from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from trackway_collector.errors import ConfigError

_ORIGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>(?:\*\.)?[a-z0-9_.:\[\]-]*[a-z0-9_\]-]|)")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def read_origin(text: str) -> str:
    """
    Return an origin as browsers write it: lower case, without a default port.

    Raises:
        ConfigError: the text is none, such as one with a path.
    """
    origin = text.strip().lower().removesuffix("/")
    found = _ORIGIN.fullmatch(origin)
    if found is None or not found["host"] or "*" in found["host"].removeprefix("*."):
        message = (
            f"`{text}` is no origin.\n"
            "  Write scheme and host, and the port if it is not the usual one: https://shop.example,"
            " https://*.shop.example, http://localhost:3000."
        )
        raise ConfigError(message)
    return origin.removesuffix(_DEFAULT_PORTS.get(found["scheme"], "\n"))


def allows(origins: Iterable[str], origin: str) -> bool:
    """Say whether a page of this origin, as its browser states it, may send."""
    for allowed in origins:
        if allowed == origin:
            return True
        scheme, wildcard, domain = allowed.partition("://*.")
        if wildcard and origin.startswith(f"{scheme}://") and origin.endswith(f".{domain}"):
            # `https://.shop.example` is no host, and what stands before the dot is one or more labels.
            label = origin[len(scheme) + 3 : -len(domain) - 1]
            if label and "/" not in label and "@" not in label:
                return True
    return False
