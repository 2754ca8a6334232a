"""The name that a request gives this machine, and the names that only this machine has."""

from __future__ import annotations

from urllib.parse import urlsplit

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


def host_name(header: str) -> str:
    """Return the name in a `Host` header, without its port; empty when the header makes no sense."""
    try:
        parts = urlsplit(f"//{header}")
        name, _ = parts.hostname or "", parts.port
    except ValueError:  # half an IPv6 address, or a port that is none
        return ""
    return name
