"""Who a request speaks for: a write key, from Basic auth or from the body, gives a source and an environment."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trackway_collector.errors import RequestRefused
from trackway_collector.spool.record import PRODUCTION


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


class Keys:
    """
    The write keys and what they grant.

    Args:
        grants: key → what it grants.
    """

    def __init__(self, grants: Mapping[str, Grant]) -> None:
        self._by_key = dict(grants)
        # The header of a well-behaved client is one of a few strings, so it is looked up whole.
        self._by_header = {_basic(key + ":"): grant for key, grant in grants.items()}

    @classmethod
    def of_sources(cls, keys: Mapping[str, str]) -> Keys:
        """The keys of a simple set-up, as source → key: production, from any origin."""
        return cls({key: Grant(source) for source, key in keys.items()})

    @property
    def sources(self) -> Iterable[str]:
        """The sources that somebody may send as."""
        return sorted({grant.source for grant in self._by_key.values()})

    def of_header(self, authorization: str | None) -> Grant | None:
        """
        Return what an Authorization header grants, or None when there is no header.

        Raises:
            RequestRefused: 401, the key is unknown or the header is no Basic auth.
        """
        if authorization is None:
            return None
        grant = self._by_header.get(authorization)
        return grant if grant is not None else self.of_key(_user_name(authorization))

    def of_key(self, key: object) -> Grant:
        """
        Return what a write key grants.

        Raises:
            RequestRefused: 401, no such key. The message never repeats the key.
        """
        grant = self._by_key.get(key) if isinstance(key, str) else None
        if grant is None:
            message = (
                "The write key is missing or unknown. Send it as the user name of Basic auth, or as `writeKey` in the"
                " body; the collector's keys are set with --write-key or [write_keys] in trackway.toml."
            )
            raise RequestRefused(401, "unknown_write_key", message)
        return grant


def _basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


def _user_name(authorization: str) -> str | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[0]
    except ValueError:  # no base64, no ASCII, or no UTF-8 behind it
        return None
