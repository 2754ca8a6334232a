"""Which source a request speaks for: write key from Basic auth, else from the body."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from trackway_collector.errors import RequestRefused


class WriteKeys:
    """
    The write keys and their sources.

    Args:
        keys: source → write key.
    """

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._by_key = {key: source for source, key in keys.items()}
        # The header of a well-behaved client is one of a few strings, so it is looked up whole.
        self._by_header = {_basic(key + ":"): source for key, source in self._by_key.items()}

    def source_of_header(self, authorization: str | None) -> str | None:
        """
        Return the source of an Authorization header, or None when there is no header.

        Raises:
            RequestRefused: 401, the key is unknown or the header is no Basic auth.
        """
        if authorization is None:
            return None
        source = self._by_header.get(authorization)
        return source if source is not None else self.source_of_key(_user_name(authorization))

    def source_of_key(self, key: object) -> str:
        """
        Return the source of a write key.

        Raises:
            RequestRefused: 401, no such key. The message never repeats the key.
        """
        source = self._by_key.get(key) if isinstance(key, str) else None
        if source is None:
            message = (
                "The write key is missing or unknown. Send it as the user name of Basic auth, or as `writeKey` in the"
                " body; the collector's keys are set with --write-key or [write_keys] in trackway.toml."
            )
            raise RequestRefused(401, "unknown_write_key", message)
        return source


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
