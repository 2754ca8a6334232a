"""Whose address a request came from: the peer's, or behind proxies what the trusted ones among them wrote down."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

IpPolicy = Literal["full", "truncated", "none"]

MAX_CHARS = 4096
"""So much of a forwarding header is read, from its end: there stands what the trusted proxies wrote."""
_KEPT_BITS = {4: 24, 6: 48}
_FORWARDED_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*(?:"([^"]*)"|([^\s;,"]*))', re.IGNORECASE)
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d+)?|([^:]*):\d+")


def client_address(peer: str | None, forwarded: str, trusted_proxies: int, *, rfc7239: bool = False) -> str | None:
    """
    Return the client's address, canonical, or None if it is not known.

    Every proxy appends the address that connected to it, and the client may send a beginning of its own making: the
    entry that the outermost of `trusted_proxies` wrote is that many from the end, and nothing before it is believed.

    Args:
        peer: the address that is connected to this server: the innermost proxy's, or the client's.
        forwarded: value of the header that the proxies append to; several lines joined by commas.
        trusted_proxies: how many proxies of your own every request passes; 0 looks at the peer alone.
        rfc7239: whether the header has the syntax of `Forwarded` rather than that of `X-Forwarded-For`.
    """
    entries = _entries(forwarded, rfc7239) if trusted_proxies > 0 else []
    if not entries:
        return _canonical(peer or "")
    return _canonical(entries[-min(trusted_proxies, len(entries))])


def shown(address: str | None, policy: IpPolicy) -> str | None:
    """Return the address as the policy lets it be sent; truncated, it stands for 256 neighbours (IPv6: a /48)."""
    if address is None or policy == "none":
        return None
    if policy == "full":
        return address
    bits = _KEPT_BITS[ip_address(address).version]
    return str(ip_network(f"{address}/{bits}", strict=False).network_address)


def _entries(forwarded: str, rfc7239: bool) -> list[str]:
    cut = len(forwarded) > MAX_CHARS
    parts = forwarded[-MAX_CHARS:].split(",")
    if cut:
        parts[0] = "unknown"  # it may be the rest of an address
    if not rfc7239:
        return [entry for part in parts if (entry := part.strip())]
    # An element without `for` counts, too: leaving it out would move trust to the one before it.
    found = [_FORWARDED_FOR.search(part.strip()) for part in parts if part.strip()]
    return [(match[1] or match[2] or "") if match else "" for match in found]


def _canonical(entry: str) -> str | None:
    """Return an address without port, brackets and zone; None for `unknown`, `_hidden` and what is no address."""
    text = entry.strip().strip('"')
    with_port = _WITH_PORT.fullmatch(text)
    if with_port is not None:
        text = with_port[1] if with_port[1] is not None else with_port[2]
    try:
        address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)
