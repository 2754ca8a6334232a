"""The client's address behind trusted proxies, and what may be kept of an address."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from trackway_collector.errors import ConfigError
from trackway_collector.ingest.privacy.policy import AddressRule

Address = IPv4Address | IPv6Address
_HASHED = re.compile(r"hmac-sha256:[0-9a-f]{64}")
_KEPT_BITS = {4: 24, 6: 48}


class TrustedProxies:
    """
    Finds the client's address in X-Forwarded-For.

    Every proxy appends the address that it was asked from, so the list is read from its end: the first address that is
    no trusted proxy's is the client's. What stands before it was written by the client, who can write anything.

    Args:
        networks: addresses or networks of the proxies, `127.0.0.1` or `10.0.0.0/8`.

    Raises:
        ConfigError: one of them is neither.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [_network(text) for text in networks]

    def client(self, peer: str | None, forwarded_for: Iterable[str]) -> str:
        """
        Return the client's address; empty when it is not known.

        Args:
            peer: who the connection is from.
            forwarded_for: the values of the X-Forwarded-For headers, in their order.
        """
        address = parsed(peer or "")
        if not self._networks or address is None or not self._trusts(address):
            return str(address or "")
        hops = [hop.strip() for value in forwarded_for for hop in value.split(",")]
        for hop in reversed(hops):
            found = parsed(hop)
            if found is None:
                break  # what stands before it cannot be trusted either
            address = found
            if not self._trusts(found):
                break
        return str(address or "")

    def trusts(self, peer: str | None) -> bool:
        """Say whether a connection is from a trusted proxy."""
        address = parsed(peer or "")
        return address is not None and self._trusts(address)

    def _trusts(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._networks)


@lru_cache(maxsize=4096)
def parsed(text: str) -> Address | None:
    """Return the address of a text, with or without a port; None when it is none. IPv4 in IPv6 is IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def kept(address: str, rule: AddressRule, key: bytes | None) -> str:
    """
    Return what of an address may be kept; empty when that is nothing.

    Args:
        key: the operator's, for `hash`.
    """
    if rule in ("keep", "as_sent") or (rule == "hash" and _HASHED.fullmatch(address)):
        return address
    found = parsed(address)
    if found is None or rule == "remove":
        return ""  # what is no address is not kept in the place of one
    if rule == "truncate":
        return str(ip_network((found, _KEPT_BITS[found.version]), strict=False).network_address)
    if key is None:
        return ""
    return "hmac-sha256:" + hmac.new(key, f"ip\0{found}".encode(), hashlib.sha256).hexdigest()


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        message = f"`trusted_proxies` names `{text}`.\n  Write addresses or networks: 127.0.0.1, 10.0.0.0/8."
        raise ConfigError(message) from None
