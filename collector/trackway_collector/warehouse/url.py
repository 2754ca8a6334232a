"""
Where a warehouse is: `chdb:///directory`, or `clickhouse://user:password@host:8123/database?secure=1`.

A password is held apart from everything that can be printed: `repr`, `str` and every error show `***`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from trackway_collector.warehouse.errors import WarehouseUrlError

DEFAULT_DATABASE = "trackway"
_EXAMPLES = "Write `chdb:///directory` or `clickhouse://user:password@host:8123/database`."
_DATABASE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SWITCH = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True, slots=True)
class WarehouseUrl:
    """A warehouse's address, taken apart and checked."""

    scheme: Literal["chdb", "clickhouse"]
    database: str = DEFAULT_DATABASE

    path: Path | None = None
    """`chdb` only: the engine's directory, absolute."""

    host: str = ""
    port: int = 0
    user: str = "default"
    password: str = field(default="", repr=False)
    secure: bool = False
    """`clickhouse` only: HTTPS, with the certificate checked unless `verify=0`."""

    verify: bool = True
    connect_timeout_s: float = 10.0
    query_timeout_s: float = 300.0
    """How long to wait for the next bytes of an answer before the outcome counts as unknown."""

    @classmethod
    def parse(cls, text: str) -> WarehouseUrl:
        """
        The address that `text` writes.

        Raises:
            WarehouseUrlError: says which part is wrong and what is known; never shows the password.
        """
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            message = f"warehouse URL: {_without_password(str(error), text)}. {_EXAMPLES}"
            raise WarehouseUrlError(message) from None
        if parts.scheme == "chdb":
            return _embedded(parts)
        if parts.scheme == "clickhouse":
            return _server(parts, port)
        what = f"scheme `{parts.scheme}` is not known" if parts.scheme else "there is no scheme"
        message = f"warehouse URL: {what}. {_EXAMPLES}"
        raise WarehouseUrlError(message)

    def __str__(self) -> str:
        """The URL with `***` for the password."""
        if self.scheme == "chdb":
            suffix = "" if self.database == DEFAULT_DATABASE else f"?database={self.database}"
            return f"chdb://{self.path}{suffix}"
        login = quote(self.user, safe="") + (":***" if self.password else "")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"clickhouse://{login}@{host}:{self.port}/{self.database}" + ("?secure=1" if self.secure else "")

    def redact(self, text: str) -> str:
        """
        `text` without this URL's password where a login stands: `:password@`, `password=`, `Basic …`.

        Not everywhere: of the password `a` nothing else would be left to read.
        """
        if not self.password:
            return text
        login = b64encode(f"{self.user}:{self.password}".encode()).decode()
        either = "|".join(re.escape(written) for written in (self.password, quote(self.password, safe="")))
        text = text.replace(f"Basic {login}", "Basic ***")
        text = re.sub(rf"(:)(?:{either})(?=@)", r"\1***", text)
        return re.sub(rf"(password\s?[=:]\s?['\"]?)(?:{either})(?![\w%])", r"\1***", text, flags=re.IGNORECASE)


def _embedded(parts: SplitResult) -> WarehouseUrl:
    # chdb:///absolute, chdb://relative/to/here and chdb:relative/to/here.
    directory = unquote(parts.netloc + parts.path)
    if not directory:
        message = "warehouse URL: `chdb:` names no directory. Write `chdb:///directory`."
        raise WarehouseUrlError(message)
    options = _options(parts, known=("database",))
    return WarehouseUrl(
        "chdb",
        database=_database(options.get("database", DEFAULT_DATABASE)),
        path=Path(directory).expanduser().resolve(),
    )


def _server(parts: SplitResult, port: int | None) -> WarehouseUrl:
    if not parts.hostname:
        message = f"warehouse URL: it names no host. {_EXAMPLES}"
        raise WarehouseUrlError(message)
    options = _options(parts, known=("secure", "verify", "connect_timeout_s", "query_timeout_s"))
    secure = _switch(options, "secure", default=False)
    return WarehouseUrl(
        "clickhouse",
        database=_database(unquote(parts.path.strip("/")) or DEFAULT_DATABASE),
        host=parts.hostname,
        port=port or (8443 if secure else 8123),
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        secure=secure,
        verify=_switch(options, "verify", default=True),
        connect_timeout_s=_seconds(options, "connect_timeout_s", default=10.0),
        query_timeout_s=_seconds(options, "query_timeout_s", default=300.0),
    )


def _options(parts: SplitResult, known: tuple[str, ...]) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in known:
            message = f"warehouse URL: option `{name}` is not known to `{parts.scheme}`. Known: {', '.join(known)}."
            raise WarehouseUrlError(message)
    return options


def _database(name: str) -> str:
    if not _DATABASE_NAME.match(name):
        message = f"warehouse URL: database `{name}` must be letters, digits and `_`, not starting with a digit."
        raise WarehouseUrlError(message)
    return name


def _switch(options: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = options.get(name)
    if value is None:
        return default
    if value not in _SWITCH:
        message = f"warehouse URL: `{name}={value}` is neither 1 nor 0."
        raise WarehouseUrlError(message)
    return _SWITCH[value]


def _seconds(options: Mapping[str, str], name: str, *, default: float) -> float:
    value = options.get(name)
    if value is None:
        return default
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 86_400:
        message = f"warehouse URL: `{name}={value}` is not a number of seconds between 0 and 86400."
        raise WarehouseUrlError(message)
    return seconds


def _without_password(message: str, url: str) -> str:
    # urlsplit quotes the part it stumbles over; with a stray "/" or ":" in a password that part is the
    # password.
    _, at, _ = url.rpartition("@")
    return (
        "the part before the host cannot be read; percent-encode `/`, `:`, `@`, `#` and `?` in a password"
        if at
        else message
    )
