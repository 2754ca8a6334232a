"""The client's address behind proxies, and what is kept of one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway_collector.errors import ConfigError
from trackway_collector.ingest.privacy.addresses import TrustedProxies, kept

KEY = b"0123456789abcdef"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.2", [], "10.0.0.2"),
        ("10.0.0.2", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["198.51.100.1, 10.0.0.7"], "198.51.100.1"),
        ("10.0.0.2", ["198.51.100.1", "10.0.0.7"], "198.51.100.1"),
        ("10.0.0.2", ["198.51.100.1, rubbish"], "10.0.0.2"),
        ("10.0.0.2", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.2", ["[2001:db8::5]:4711"], "2001:db8::5"),
        ("::ffff:10.0.0.2", ["2001:db8::5"], "2001:db8::5"),
        ("10.0.0.2", ["10.0.0.7, 10.0.0.8"], "10.0.0.7"),
        (None, ["198.51.100.1"], ""),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str | None, forwarded: list[str], client: str) -> None:
    """The list is read from its end up to the first address that is no trusted proxy's; what precedes is hearsay."""
    assert TrustedProxies(["10.0.0.0/8"]).client(peer, forwarded) == client


def test_without_proxies_the_header_says_nothing() -> None:
    """Who names no proxy gets the connection's own address, whatever the header claims."""
    assert TrustedProxies([]).client("203.0.113.9", ["6.6.6.6"]) == "203.0.113.9"


@given(st.lists(st.text(max_size=40), max_size=5))
def test_no_header_breaks_it(forwarded: list[str]) -> None:
    """Whatever a client writes into the header, an answer comes out."""
    TrustedProxies(["10.0.0.0/8"]).client("10.0.0.2", forwarded)


def test_a_proxy_that_is_no_address_is_an_error() -> None:
    """The message names the value and what to write."""
    with pytest.raises(ConfigError, match=r"`nginx`.*\n.*10\.0\.0\.0/8"):
        TrustedProxies(["nginx"])


@pytest.mark.parametrize(
    ("address", "cut"),
    [
        ("198.51.100.77", "198.51.100.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("::ffff:198.51.100.77", "198.51.100.0"),
        ("somebody", ""),
        ("", ""),
    ],
)
def test_addresses_are_cut(address: str, cut: str) -> None:
    """An IPv4 address keeps 24 bits and an IPv6 one 48; what is no address is not kept in its place."""
    assert kept(address, "truncate", None) == cut


def test_hashes_need_the_operators_key() -> None:
    """One address has one hash under one key, another under another, and none without a key."""
    assert kept("198.51.100.77", "hash", KEY) == kept("::ffff:198.51.100.77", "hash", KEY)
    assert kept("198.51.100.77", "hash", KEY) != kept("198.51.100.77", "hash", b"another key here")
    assert kept("198.51.100.77", "hash", KEY).startswith("hmac-sha256:")
    assert kept("198.51.100.77", "hash", None) == ""
    assert kept("198.51.100.77", "remove", KEY) == ""
