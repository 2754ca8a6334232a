"""What a write key grants: by its hash, until it expires or is revoked, for the origins it allows."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from trackway_collector.errors import ConfigError, RequestRefused
from trackway_collector.ingest.rules.keys import REMEMBERED_HEADERS, Keys
from trackway_collector.keystore import KeyStore, edits
from trackway_collector.keystore.origins import allows, read_origin
from trackway_collector.keystore.write_key import is_well_formed, make_key

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def basic(key: str, password: str = "") -> str:
    return "Basic " + base64.b64encode(f"{key}:{password}".encode()).decode()


def refused(keys: Keys, key: str) -> str:
    with pytest.raises(RequestRefused) as caught:
        keys.of_header(basic(key))
    assert caught.value.status == 401
    assert key not in caught.value.message
    return caught.value.code


def test_a_key_says_what_it_is() -> None:
    """`tw_`, 38 letters and digits, no two alike; the checksum tells a key from a text that looks like one."""
    keys = {make_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(is_well_formed(key) and len(key) == 41 for key in keys)
    key = keys.pop()
    other = "B" if key[5] != "B" else "C"
    assert not is_well_formed(key[:5] + other + key[6:])


def test_a_key_grants_source_environment_and_origins() -> None:
    """From the header and from the body alike; the store has only its hash."""
    made = edits.create(KeyStore.empty(), "web", NOW, environment="staging", origins=("https://shop.example",))
    keys = Keys({}, made.store, NOW)
    grant = keys.of_header(basic(made.text))
    assert grant == keys.of_key(made.text) == keys.of_header(basic(made.text, "any password"))
    assert grant is not None
    assert (grant.source, grant.environment, grant.key_id) == ("web", "staging", made.key.id)
    assert made.text[3:] not in msgspec.json.encode(made.store).decode()
    assert list(keys.sources) == ["web"]


@pytest.mark.parametrize("key", [None, 3, "", "\ud800", "tw_" + "A" * 38, ["x"], {}])
def test_anything_else_is_unknown(key: object) -> None:
    """Whatever stands where a key should: 401."""
    made = edits.create(KeyStore.empty(), "web", NOW, environment="production")
    with pytest.raises(RequestRefused, match="missing or unknown"):
        Keys({"api": "api-key"}, made.store, NOW).of_key(key)


def test_a_key_ends() -> None:
    """When it expires or is revoked, whoever has it is told which, and of which key; others hear nothing of it."""
    made = edits.create(KeyStore.empty(), "web", NOW, environment="production", expires_at=NOW + DAY)
    keys = Keys({}, made.store, NOW)
    assert keys.next_end == NOW + DAY
    assert keys.of_header(basic(made.text))
    assert refused(Keys({}, made.store, NOW + DAY), made.text) == "expired_write_key"
    store, _ = edits.revoke(made.store, made.key.id, NOW)
    assert refused(Keys({}, store, NOW), made.text) == "revoked_write_key"
    assert refused(Keys({}, store, NOW), made.text + "x") == "unknown_write_key"
    assert list(Keys({}, store, NOW).sources) == []
    assert Keys({}, store, NOW).next_end is None


def test_revoked_is_revoked() -> None:
    """Also when the settings still name the key."""
    made = edits.create(KeyStore.empty(), "web", NOW, environment="production")
    store, _ = edits.revoke(made.store, made.key.id, NOW)
    assert refused(Keys({"web": made.text}, store, NOW), made.text) == "revoked_write_key"


def test_rotation_overlaps() -> None:
    """The new key grants what the old one grants, and both are valid until the overlap has passed."""
    old = edits.create(KeyStore.empty(), "web", NOW, environment="staging", origins=("https://shop.example",))
    other = edits.create(old.store, "web", NOW, environment="production")
    done = edits.rotate(other.store, "web", NOW, environment="staging", overlap=DAY)
    store = done.made.store
    assert [key.id for key in done.ending] == [old.key.id]
    for moment, valid in ((NOW, 3), (NOW + DAY, 2)):
        assert len(store.active(moment)) == valid
    both = Keys({}, store, NOW)
    assert both.of_key(old.text).source == both.of_key(done.made.text).source
    assert both.of_key(done.made.text).origins == ("https://shop.example",)
    assert refused(Keys({}, store, NOW + DAY), old.text) == "expired_write_key"
    assert Keys({}, store, NOW + DAY).of_key(done.made.text).environment == "staging"
    assert Keys({}, store, NOW + DAY).of_key(other.text).environment == "production"


def test_rotation_does_not_lengthen_a_life() -> None:
    """A key that would expire during the overlap still does."""
    made = edits.create(KeyStore.empty(), "web", NOW, environment="production", expires_at=NOW + DAY / 2)
    done = edits.rotate(made.store, made.key.id, NOW, environment="production", overlap=DAY)
    assert done.ending[0].expires_at == NOW + DAY / 2


def test_rotation_says_what_it_cannot_do() -> None:
    """An unknown source, another environment, keys that differ: each is named."""
    made = edits.create(KeyStore.empty(), "web", NOW, environment="staging")
    for what, message in (("wbe", "Did you mean `web`"), ("web", "it has for staging: --environment")):
        with pytest.raises(ConfigError, match=message):
            edits.rotate(made.store, what, NOW, environment="production", overlap=DAY)
    two = edits.create(made.store, "web", NOW, environment="staging", origins=("https://a.example",))
    with pytest.raises(ConfigError, match=f"{made.key.id}, {two.key.id}"):
        edits.rotate(two.store, "web", NOW, environment="staging", overlap=DAY)


def test_only_headers_with_a_valid_key_are_remembered_and_not_without_end() -> None:
    """Neither unknown keys nor the passwords that may come with a known one fill the memory."""
    keys = Keys.of_sources({"web": "web-key"})
    for number in range(REMEMBERED_HEADERS + 10):
        assert keys.of_header(basic("web-key", str(number)))
        with pytest.raises(RequestRefused):
            keys.of_header(basic(f"wrong-{number}"))
    assert 0 < len(keys._by_header) <= REMEMBERED_HEADERS


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://Shop.Example/", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://*.shop.example", "https://*.shop.example"),
        ("http://[::1]:80", "http://[::1]"),
        ("capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_an_origin_is_read_as_browsers_write_it(text: str, origin: str) -> None:
    """Lower case, no path, no default port."""
    assert read_origin(text) == origin


@pytest.mark.parametrize(
    "text", ["shop.example", "https://", "https://shop.example/x", "*", "https://a.*.b", "null", ""]
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    """The message shows what one looks like."""
    with pytest.raises(ConfigError, match=r"https://shop\.example"):
        read_origin(text)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://shop.example", True),
        ("https://a.tea.example", True),
        ("https://a.b.tea.example", True),
        ("https://tea.example", False),
        ("https://.tea.example", False),
        ("https://eviltea.example", False),
        ("http://a.tea.example", False),
        ("https://a.tea.example:8443", False),
        ("https://a.tea.example.evil.example", False),
        ("https://evil.example/.tea.example", False),
        ("https://shop.example.evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_other_pages_are_refused(origin: str, allowed: bool) -> None:
    """Exactly the origin, or a subdomain where a wildcard says so; a key without origins takes any."""
    assert allows(("https://shop.example", "https://*.tea.example"), origin) is allowed
    made = edits.create(KeyStore.empty(), "web", NOW, environment="production")
    Keys({}, made.store, NOW).of_key(made.text).check_origin(origin)
