"""Who a request speaks for: a write key, from Basic auth or from the body, gives a source and an environment."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from trackway_collector.errors import RequestRefused
from trackway_collector.keystore.file import KeyStore, State
from trackway_collector.keystore.origins import allows
from trackway_collector.keystore.write_key import hash_key
from trackway_plan.environments import PRODUCTION

REMEMBERED_HEADERS = 1_000
"""Headers with a valid key; a client sends the same one with each request."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a write key allows."""

    source: str
    environment: str = PRODUCTION
    """`production`, `staging`, `development`: told apart in every question."""
    key_id: str = ""
    """Names the key in logs and metrics; says nothing about the key itself."""
    origins: tuple[str, ...] = ()
    """Origins that browsers may send from, `https://shop.example`; empty: any."""

    def check_origin(self, origin: str | None) -> None:
        """
        Pass requests without an Origin, which are not a browser's or not another page's, and those from allowed pages.

        Raises:
            RequestRefused: 403, another page sends.
        """
        if origin is not None and self.origins and not allows(self.origins, origin):
            message = (
                f"The write key {self.key_id} is not for pages of this origin. Allow it with a key of its own:"
                f" trackway collector keys create {self.source} --origin …"
            )
            raise RequestRefused(403, "origin_not_allowed", message)


class Keys:
    """
    The write keys and what they grant, as of one moment; a key expires in the next `Keys`.

    Keys are looked up by their hash. That takes the same time whatever part of a key is right: the hash of a wrong key
    has nothing in common with that of the right one. Only headers whose key was found are remembered as they are.

    Args:
        plain: source → key of the settings: production, from any origin.
        store: the keystore.
        now: when that is.
    """

    def __init__(self, plain: Mapping[str, str], store: KeyStore, now: datetime) -> None:
        self._pepper = bytes.fromhex(store.pepper)
        self._by_hash: dict[bytes, _Known] = {}
        for source, text in plain.items():
            digest = hash_key(text, self._pepper)
            self._by_hash[digest] = _Known(digest, Grant(source, key_id=f"settings:{source}"), "active")
        for key in store.keys:  # after those of the settings: what is revoked is revoked
            digest = bytes.fromhex(key.hash)
            grant = Grant(key.source, key.environment, key.id, key.origins)
            self._by_hash[digest] = _Known(digest, grant, key.state(now))
        ends = [key.expires_at for key in store.active(now) if key.expires_at is not None]
        self.next_end = min(ends, default=None)
        """When the next of them expires."""
        self._by_header: dict[str, Grant] = {}

    @classmethod
    def of_sources(cls, keys: Mapping[str, str]) -> Keys:
        """The keys of a simple set-up, as source → key: production, from any origin."""
        return cls(keys, KeyStore.empty(), datetime.now(UTC))

    @property
    def sources(self) -> Iterable[str]:
        """The sources that somebody may send as."""
        return sorted({known.grant.source for known in self._by_hash.values() if known.state == "active"})

    def of_header(self, authorization: str | None) -> Grant | None:
        """
        Return what an Authorization header grants, or None when there is no header.

        Raises:
            RequestRefused: 401, the key is unknown or the header is no Basic auth.
        """
        if authorization is None:
            return None
        grant = self._by_header.get(authorization)
        if grant is None:
            grant = self.of_key(_user_name(authorization))
            if len(self._by_header) >= REMEMBERED_HEADERS:
                self._by_header.clear()
            self._by_header[authorization] = grant
        return grant

    def of_key(self, key: object) -> Grant:
        """
        Return what a write key grants.

        Raises:
            RequestRefused: 401, no such key, or it has expired or was revoked. The message never repeats the key.
        """
        known = None
        if isinstance(key, str) and key:
            digest = hash_key(key, self._pepper)
            known = self._by_hash.get(digest)
            if known is not None and not hmac.compare_digest(known.digest, digest):
                known = None
        if known is None:
            message = (
                "The write key is missing or unknown. Send it as the user name of Basic auth, or as `writeKey` in the"
                " body. On the collector `trackway collector keys list` shows which there are."
            )
            raise RequestRefused(401, "unknown_write_key", message)
        grant = known.grant
        if known.state == "expired":
            message = f"The write key {grant.key_id} of {grant.source} has expired. Use the one that took its place."
            raise RequestRefused(401, "expired_write_key", message)
        if known.state == "revoked":
            message = f"The write key {grant.key_id} of {grant.source} was revoked. Use another one."
            raise RequestRefused(401, "revoked_write_key", message)
        return grant


class _Known(NamedTuple):
    digest: bytes
    grant: Grant
    state: State


def _user_name(authorization: str) -> str | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[0]
    except ValueError:  # no base64, no ASCII, or no UTF-8 behind it
        return None
