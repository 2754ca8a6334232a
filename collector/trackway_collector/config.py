"""
What the collector can be told, and where each value came from.

Arguments win over the environment, the environment over `trackway.toml`: the one in the working directory, or the file
that --config or TRACKWAY_CONFIG names.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trackway_collector.errors import ConfigError
from trackway_collector.ingest.privacy.addresses import TrustedProxies
from trackway_collector.ingest.rules.sources import Policies, SourcePolicy
from trackway_collector.ingest.rules.tables import describe
from trackway_collector.ingest.webhooks.settings import read_tables
from trackway_plan.near import near
from trackway_plan.redact import read_hash_key

FILE_NAME = "trackway.toml"
LOG_FORMATS = ("text", "json")
RANGES = {"workers": (1, 256), "max_inflight_mib": (1, sys.maxsize)}
"""Least and greatest of numbers that are not simply 0 or more."""
RELOADED = ("write_keys", "sources", "webhooks")
"""What changes while the collector runs, when the file does; every other setting waits for the next start."""

MAX_CONNECTIONS = 4096
CONNECTION_TIMEOUT_S = 75


@dataclass(frozen=True, slots=True)
class Settings:
    """The collector's settings; `load_settings` makes them."""

    config: Path = Path(FILE_NAME)
    """The file with settings. Environment: TRACKWAY_CONFIG."""
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
    channels: str = ""
    """A YAML file with channel rules of your own, tried before GA4's. Environment: TRACKWAY_CHANNELS."""
    session_gap_s: int = 1800
    """Seconds without an event that end a session; 0: no sessions. Environment: TRACKWAY_SESSION_GAP_S."""
    spool_grace_s: int = 900
    """Loaded segments are kept this long, seconds. Environment: TRACKWAY_SPOOL_GRACE_S."""
    workers: int = 1
    """Ingest processes that share the port, each with spools of its own. Environment: TRACKWAY_WORKERS."""
    max_inflight_mib: int = 64
    """Bytes of requests that one worker may have in hand, MiB. Environment: TRACKWAY_MAX_INFLIGHT_MIB."""
    soft_backlog_mib: int = 0
    """From this much waiting on, some requests are asked to come later, MiB; 0: three quarters of `max_backlog_mib`.
    Environment: TRACKWAY_SOFT_BACKLOG_MIB."""
    soft_free_mib: int = 512
    """Below this much free disk, some requests are asked to come later, MiB. Environment: TRACKWAY_SOFT_FREE_MIB."""
    hard_free_mib: int = 128
    """Below this much free disk, the collector answers 503, MiB. Environment: TRACKWAY_HARD_FREE_MIB."""
    drain_grace_s: int = 0
    """Go on serving so long after `/ready` has said no, seconds. Environment: TRACKWAY_DRAIN_GRACE_S."""
    stop_timeout_s: int = 30
    """A process that has not stopped this long after the grace ends itself, seconds. Environment:
    TRACKWAY_STOP_TIMEOUT_S."""
    log_format: str = "text"
    """How logs are written: `text` or `json`. Environment: TRACKWAY_LOG_FORMAT."""
    max_connections: int = MAX_CONNECTIONS
    """Connections that a worker keeps open at a time. Environment: TRACKWAY_MAX_CONNECTIONS."""
    connection_timeout_s: int = CONNECTION_TIMEOUT_S
    """Seconds in which a connection must finish a request. Environment: TRACKWAY_CONNECTION_TIMEOUT_S."""
    metrics_token: str = field(default="", repr=False)
    """Bearer token of /metrics; empty: only this machine may read them. Environment: TRACKWAY_METRICS_TOKEN."""
    sources: Mapping[str, Any] = field(default_factory=dict)
    """What is allowed and done for each source, as tables. Environment: TRACKWAY_SOURCES, as JSON."""
    webhooks: Mapping[str, Any] = field(default_factory=dict)
    """Who may call `/v1/webhook/NAME`, as tables. Environment: TRACKWAY_WEBHOOKS, as JSON."""
    given: tuple[str, ...] = field(default=(), metadata={"internal": True})
    """The settings that an argument or the environment decides: what the file says of them does not count."""

    @property
    def policies(self) -> Policies:
        """What is allowed and done for each source."""
        return Policies.of_tables(self.sources, "settings")

    @property
    def warehouse_url(self) -> str:
        """The warehouse URL in force."""
        return self.warehouse or f"chdb://{(self.data_dir / 'chdb').absolute()}"

    @property
    def worker_names(self) -> list[str]:
        """The names of the ingest workers, which are also those of their spools."""
        return [f"w{number}" for number in range(self.workers)]

    @property
    def stop_within_s(self) -> int:
        """How long a process may take to stop, seconds: the load balancer's grace and the time for the rest."""
        return self.drain_grace_s + self.stop_timeout_s

    @property
    def metrics_dir(self) -> Path:
        """Where each process leaves its counters for the others."""
        return self.data_dir / "metrics"

    @property
    def spool_dir(self) -> Path:
        """The directory with one spool per ingest worker."""
        return self.data_dir / "spool"

    @property
    def store_file(self) -> Path:
        """Where the store process says how to reach it."""
        return self.data_dir / "store.json"


SETTINGS = tuple(setting for setting in dataclasses.fields(Settings) if "internal" not in setting.metadata)
"""The settings that a person can give."""


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
    path, config_origin = _config_path(arguments, environ, directory or Path.cwd())
    file = read_file(path)
    values: dict[str, Any] = {"config": path}
    origins = {"config": config_origin}
    given_names = []
    for setting in SETTINGS[1:]:
        variable = f"TRACKWAY_{setting.name.upper()}"
        if arguments.get(setting.name) not in (None, (), {}):
            given, origin = arguments[setting.name], "argument"
        elif environ.get(variable):
            given, origin = environ[variable], variable
        elif setting.name in file:
            given, origin = file[setting.name], path.name
        else:
            origins[setting.name] = "default"
            continue
        values[setting.name] = _read_value(setting.name, given, origin)
        origins[setting.name] = origin
        if origin != path.name:
            given_names.append(setting.name)
    return Settings(**values, given=tuple(given_names)), origins


def reloaded(settings: Settings) -> tuple[Settings, list[str]]:
    """
    Return the settings with what the file says by now, and the names of those that only the next start would change.

    Raises:
        ConfigError: the file cannot be read, or something in it makes no sense.
    """
    file = read_file(settings.config)
    default = Settings()
    changed: dict[str, Any] = {}
    waiting = []
    for setting in SETTINGS[1:]:
        name = setting.name
        if name in settings.given:
            continue
        value = _read_value(name, file[name], settings.config.name) if name in file else getattr(default, name)
        if name in RELOADED:
            changed[name] = value
        elif value != getattr(settings, name):
            waiting.append(name)
    return dataclasses.replace(settings, **changed), waiting


def describe_settings(settings: Settings, origins: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return (name, value, origin) of each setting; keys and passwords are not shown."""
    rows = []
    for setting in SETTINGS:
        value = getattr(settings, setting.name)
        if setting.name == "sources":
            continue
        if setting.name == "write_keys":
            value = ", ".join(f"{source}=…" for source in value) or "(none)"
        elif setting.name == "webhooks":
            value = ", ".join(value) or "(none)"
        elif setting.name in ("hash_key", "metrics_token"):
            value = "…" if value else "(none)"
        elif setting.name == "warehouse":
            value = _without_password(settings.warehouse_url)
        rows.append((setting.name, str(value), origins[setting.name]))
    return [*rows, *_describe_sources(settings.policies, origins["sources"])]


def _describe_sources(policies: Policies, origin: str) -> Iterator[tuple[str, str, str]]:
    """Yield each setting of all sources, and of each source what is different there."""
    unset = SourcePolicy()
    for name, value in describe(policies.default):
        default = value == dict(describe(unset))[name]
        yield f'sources."*".{name}', value, "default" if default else origin
    for source, policy in policies.by_source.items():
        for name, value in describe(policy, policies.default):
            yield f"sources.{source}.{name}", value, origin


def _without_password(url: str) -> str:
    from trackway_collector.warehouse import WarehouseUrl

    return str(WarehouseUrl.parse(url))


def _config_path(arguments: Mapping[str, Any], environ: Mapping[str, str], directory: Path) -> tuple[Path, str]:
    """Return the file with settings and who named it; one that is named must be there."""
    for given, origin in ((arguments.get("config"), "argument"), (environ.get("TRACKWAY_CONFIG"), "TRACKWAY_CONFIG")):
        if given:
            path = directory / given
            if not path.is_file():
                message = f"{path}: no such file, and `config` from {origin} names it."
                raise ConfigError(message)
            return path, origin
    return directory / FILE_NAME, "default"


def read_file(path: Path) -> dict[str, Any]:
    """
    Return what trackway.toml says; nothing when there is none.

    Raises:
        ConfigError: it is not TOML, or names a setting that does not exist.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}."
        raise ConfigError(message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path}: is not valid TOML: {error}"
        raise ConfigError(message) from error
    known = {setting.name for setting in SETTINGS[1:]}
    if unknown := sorted(set(values) - known):
        meant = [match for name in unknown if (match := near(name, known))]
        hint = f"\n  Did you mean {', '.join(meant)}?" if meant else ""
        message = f"{path}: unknown settings {', '.join(unknown)}.{hint}\n  Known: {', '.join(sorted(known))}."
        raise ConfigError(message)
    return values


def _read_value(name: str, given: Any, origin: str) -> Any:
    if name == "write_keys":
        return _read_keys(given, origin)
    if name == "sources":
        return _read_sources(given, origin)
    if name == "webhooks":
        tables = _parsed(name, given, origin)
        read_tables(tables, origin)
        return tables
    if name.endswith(("port", "_mib", "_s", "workers", "_connections")):
        try:
            number = int(given)
        except (TypeError, ValueError):
            number = -1
        least, most = RANGES.get(name, (0, 65_535 if name.endswith("port") else sys.maxsize))
        if not least <= number <= most:
            bounds = f" from {least} on" if least else ""
            bounds += f" up to {most}" if most < sys.maxsize else ""
            message = f"`{name}` from {origin} is `{given}`.\n  Write a whole number{bounds}."
            raise ConfigError(message)
        return number
    if name == "trusted_proxies":
        parts = given.split(",") if isinstance(given, str) else given if isinstance(given, list | tuple) else [given]
        networks = tuple(str(part).strip() for part in parts)
        TrustedProxies(networks)
        return networks
    if name == "hash_key":
        return _read_hash_key(given, origin)
    if name == "log_format" and given not in LOG_FORMATS:
        message = f"`log_format` from {origin} is `{given}`.\n  Write {' or '.join(LOG_FORMATS)}."
        raise ConfigError(message)
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


def _read_sources(given: Any, origin: str) -> Mapping[str, Any]:
    given = _parsed("sources", given, origin)
    Policies.of_tables(given, origin)
    tables: Mapping[str, Any] = given
    return tables


def _parsed(name: str, given: Any, origin: str) -> Any:
    """Return tables as they are, or out of JSON."""
    try:
        return json.loads(given) if isinstance(given, str) else given
    except ValueError as error:
        message = f"`{name}` from {origin} is not JSON: {error}."
        raise ConfigError(message) from error


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
