"""
What the collector can be told, and where each value came from.

Arguments win over the environment, the environment over `trackway.toml` in the working directory.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trackway_collector.errors import ConfigError
from trackway_collector.ingest.privacy.addresses import TrustedProxies
from trackway_plan.redact import read_hash_key

FILE_NAME = "trackway.toml"


@dataclass(frozen=True, slots=True)
class Settings:
    """The collector's settings; `load_settings` makes them."""

    data_dir: Path = Path("trackway-data")
    """Where spool, engine and keys live. Environment: TRACKWAY_DATA_DIR."""
    warehouse: str = ""
    """Warehouse URL; empty: `chdb://<data_dir>/chdb`. Environment: TRACKWAY_WAREHOUSE."""
    plan: str = ""
    """A release file, or a plan directory all of whose releases are live. Environment: TRACKWAY_PLAN."""
    listen: str = "127.0.0.1"
    """Address the collector listens on. Environment: TRACKWAY_LISTEN."""
    port: int = 8077
    """Port of the collector. Environment: TRACKWAY_PORT."""
    console_port: int = 8078
    """Port of the console, always on loopback. Environment: TRACKWAY_CONSOLE_PORT."""
    query_port: int = 8079
    """Port of ClickHouse's HTTP protocol over the embedded engine, loopback. Environment: TRACKWAY_QUERY_PORT."""
    write_keys: Mapping[str, str] = field(default_factory=dict)
    """Source → write key. Environment: TRACKWAY_WRITE_KEYS, as `web=KEY,api=KEY`."""
    hash_key: str = field(default="", repr=False)
    """Key of `store: hash`, 16 characters or more. Environment: TRACKWAY_HASH_KEY."""
    max_backlog_mib: int = 8192
    """The collector answers 503 while this much waits for the loader, MiB. Environment: TRACKWAY_MAX_BACKLOG_MIB."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose X-Forwarded-For is believed. Environment: TRACKWAY_TRUSTED_PROXIES."""
    geoip: str = ""
    """A GeoIP database (.mmdb). Environment: TRACKWAY_GEOIP."""
    spool_grace_s: int = 900
    """Loaded segments are kept this long, seconds. Environment: TRACKWAY_SPOOL_GRACE_S."""

    @property
    def warehouse_url(self) -> str:
        """The warehouse URL in force."""
        return self.warehouse or f"chdb://{(self.data_dir / 'chdb').absolute()}"

    @property
    def spool_dir(self) -> Path:
        """The directory with one spool per ingest worker."""
        return self.data_dir / "spool"

    @property
    def store_file(self) -> Path:
        """Where the store process says how to reach it."""
        return self.data_dir / "store.json"


def load_settings(
    arguments: Mapping[str, Any], environ: Mapping[str, str] | None = None, directory: Path | None = None
) -> tuple[Settings, dict[str, str]]:
    """
    Return the settings and, for each, where its value came from.

    Args:
        arguments: name → value; None means not given.

    Raises:
        ConfigError: a value cannot be read, or trackway.toml names a setting that does not exist.
    """
    environ = os.environ if environ is None else environ
    file = _read_file((directory or Path.cwd()) / FILE_NAME)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for setting in dataclasses.fields(Settings):
        variable = f"TRACKWAY_{setting.name.upper()}"
        if arguments.get(setting.name) not in (None, (), {}):
            given, origin = arguments[setting.name], "argument"
        elif environ.get(variable):
            given, origin = environ[variable], variable
        elif setting.name in file:
            given, origin = file[setting.name], FILE_NAME
        else:
            origins[setting.name] = "default"
            continue
        values[setting.name] = _read_value(setting.name, given, origin)
        origins[setting.name] = origin
    return Settings(**values), origins


def describe_settings(settings: Settings, origins: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return (name, value, origin) of each setting; keys and passwords are not shown."""
    rows = []
    for setting in dataclasses.fields(Settings):
        value = getattr(settings, setting.name)
        if setting.name == "write_keys":
            value = ", ".join(f"{source}=…" for source in value) or "(none)"
        elif setting.name == "hash_key":
            value = "…" if value else "(none)"
        elif setting.name == "warehouse":
            value = _without_password(settings.warehouse_url)
        rows.append((setting.name, str(value), origins[setting.name]))
    return rows


def _without_password(url: str) -> str:
    from trackway_collector.warehouse import WarehouseUrl

    return str(WarehouseUrl.parse(url))


def _read_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path}: is not valid TOML: {error}"
        raise ConfigError(message) from error
    known = {setting.name for setting in dataclasses.fields(Settings)}
    if unknown := sorted(set(values) - known):
        message = f"{path}: unknown settings {', '.join(unknown)}.\n  Known: {', '.join(sorted(known))}."
        raise ConfigError(message)
    return values


def _read_value(name: str, given: Any, origin: str) -> Any:
    if name == "write_keys":
        return _read_keys(given, origin)
    if name.endswith(("port", "_mib", "_s")):
        try:
            number = int(given)
        except (TypeError, ValueError):
            number = -1
        if number < 0 or (name.endswith("port") and number > 65_535):
            most = " up to 65535" if name.endswith("port") else ""
            message = f"`{name}` from {origin} is `{given}`.\n  Write a whole number{most}."
            raise ConfigError(message)
        return number
    if name == "trusted_proxies":
        parts = given.split(",") if isinstance(given, str) else given if isinstance(given, list | tuple) else [given]
        networks = tuple(str(part).strip() for part in parts)
        TrustedProxies(networks)
        return networks
    if name == "hash_key":
        return _read_hash_key(given, origin)
    if name == "data_dir" and isinstance(given, Path):
        return given
    if not isinstance(given, str):
        message = f"`{name}` from {origin} is not text."
        raise ConfigError(message)
    return Path(given) if name == "data_dir" else given


def _read_hash_key(given: Any, origin: str) -> str:
    try:
        read_hash_key(given)
    except (ValueError, TypeError, AttributeError) as error:
        why = error if isinstance(error, ValueError) else "it is not text"
        message = f"`hash_key` from {origin} cannot be used: {why}."
        raise ConfigError(message) from None
    return str(given)


def _read_keys(given: Any, origin: str) -> dict[str, str]:
    if isinstance(given, Mapping):
        pairs = [(str(source), str(key)) for source, key in given.items()]
    else:
        if isinstance(given, str):
            given = given.split(",")
        items = given if isinstance(given, (list, tuple)) else [""]
        parts = [str(item).strip().partition("=") for item in items]
        pairs = [(source, key) for source, _, key in parts]
    keys = dict(pairs)
    if not all(source and key for source, key in pairs) or len(set(keys.values())) < len(pairs):
        # The value is a secret or nearly one, so the message does not repeat it.
        message = f"`write_keys` from {origin} cannot be read.\n  Write SOURCE=KEY for each source, every key once."
        raise ConfigError(message)
    return keys
