"""`[webhooks.NAME]` of trackway.toml, and what the tables name: secrets and mappings, read and ready for use."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackway_collector.errors import ConfigError
from trackway_collector.ingest.rules.keys import Grant
from trackway_collector.ingest.rules.tables import Table, check_names, wrong_value
from trackway_collector.ingest.webhooks.signatures import Encoding, Scheme, Signature
from trackway_plan.environments import ENVIRONMENTS, PRODUCTION

if TYPE_CHECKING:
    from trackway_collector.mapping import EventMapping

MIN_SECRET_CHARS = 8

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class WebhookTable(Table, frozen=True, kw_only=True):
    """One webhook, as the file has it."""

    scheme: Scheme
    """How the provider signs: `stripe`, `github`, `shopify`, or `hmac-sha256` with what follows."""
    mapping: str
    """The mapping file, from where trackway.toml is."""
    source: str = ""
    """The source of the events; empty: the webhook's name."""
    environment: str = PRODUCTION
    """What the events are counted in: one of `ENVIRONMENTS`."""
    secret_env: str = ""
    """The environment variable that has the secret."""
    secret_file: str = ""
    """The file that has the secret, or several, one on each line, while one is changed for another."""
    headers: tuple[str, ...] | None = None
    """Headers that the mapping may read, as `$_headers.x-name`; the schemes of providers know theirs."""
    header: str = ""
    """`hmac-sha256`: the header with the signature."""
    encoding: Encoding = "hex"
    """`hmac-sha256`: `hex` or `base64`."""
    prefix: str = ""
    """`hmac-sha256`: what stands before the signature in its header, `sha256=`."""
    timestamp_header: str = ""
    """`hmac-sha256`: the header with the time of signing, seconds since 1970; empty: the time is not signed."""
    signed: str = ""
    """`hmac-sha256`: what is signed; empty: `{body}`, or `{timestamp}.{body}` with a `timestamp_header`."""
    tolerance_s: int = 300
    """How far the time of signing may be from ours, seconds."""


_HEADERS: dict[str, tuple[str, ...]] = {
    "github": ("X-GitHub-Event", "X-GitHub-Delivery"),
    "shopify": ("X-Shopify-Topic", "X-Shopify-Event-Id", "X-Shopify-Shop-Domain", "X-Shopify-Triggered-At"),
}


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook, ready for use."""

    grant: Grant
    signature: Signature = field(repr=False)
    mapping: EventMapping
    headers: tuple[str, ...]
    """Headers that the mapping may read."""


Files = Mapping[Path, tuple[int, int] | None]
"""What the tables name, with what changes when it does."""


def open_webhooks(tables: Mapping[str, Any], config: Path) -> dict[str, Webhook]:
    """
    Return the webhooks of the tables, by name.

    Args:
        config: the file that the tables are from; relative paths start beside it.

    Raises:
        ConfigError: a table makes no sense, or a secret or mapping cannot be read; secrets are never in the message.
    """
    return {name: _open(name, table, config) for name, table in read_tables(tables, config.name).items()}


def read_tables(tables: Any, origin: str) -> dict[str, WebhookTable]:
    """
    Return the tables as they are written, by name.

    Raises:
        ConfigError: one of them makes no sense.
    """
    if not isinstance(tables, Mapping):
        message = f"`webhooks` from {origin} is no table.\n  Write `[webhooks.NAME]`."
        raise ConfigError(message)
    found = {}
    for name, table in tables.items():
        where = f"{origin}: [webhooks.{name}"
        if not _NAME.fullmatch(name):
            message = f"{where}]: the name is part of a URL: letters, digits, `.`, `_` and `-`, 64 at most."
            raise ConfigError(message)
        check_names(table, WebhookTable, where)
        try:
            found[name] = msgspec.convert(table, WebhookTable)
        except msgspec.ValidationError as error:
            message = f"{where}]: {wrong_value(error, WebhookTable)}\n  docs/webhooks.md has a table for each provider."
            raise ConfigError(message) from error
        if found[name].environment not in ENVIRONMENTS:
            message = f"{where}]: `environment` is one of {', '.join(ENVIRONMENTS)}."
            raise ConfigError(message)
        if bool(found[name].secret_env) == bool(found[name].secret_file):
            message = f"{where}]: say once where the secret is: `secret_env` or `secret_file`."
            raise ConfigError(message)
        if found[name].scheme == "hmac-sha256" and not found[name].header:
            message = f"{where}]: `hmac-sha256` needs the name of the `header` with the signature."
            raise ConfigError(message)
    return found


def files_of(tables: Mapping[str, Any], config: Path) -> Files:
    """Return the files that the tables name, as they are on the disk at the moment."""
    paths = [
        config.parent / path
        for table in read_tables(tables, config.name).values()
        for path in (table.mapping, table.secret_file)
        if path
    ]
    return {path: _signature(path) for path in paths}


def _signature(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _open(name: str, table: WebhookTable, config: Path) -> Webhook:
    # Here, because every command reads settings, and YAML is needed by those with webhooks only.
    from trackway_collector.mapping import MappingError, load_mapping

    where = f"{config.name}: [webhooks.{name}]"
    try:
        mapping = load_mapping(config.parent / table.mapping)
    except MappingError as error:
        message = f"{where}: the mapping cannot be used.\n{error}"
        raise ConfigError(message) from error
    headers = table.headers if table.headers is not None else _HEADERS.get(table.scheme, ())
    source = table.source or mapping.source or name
    return Webhook(Grant(source, table.environment), _how(table, _secrets(table, config, where)), mapping, headers)


def _how(table: WebhookTable, secrets: list[bytes]) -> Signature:
    if table.scheme == "stripe":
        signed = "{timestamp}.{body}"
        return Signature(secrets, "Stripe-Signature", signed=signed, tolerance_s=table.tolerance_s, listed=True)
    if table.scheme == "github":
        return Signature(secrets, "X-Hub-Signature-256", prefix="sha256=")
    if table.scheme == "shopify":
        return Signature(secrets, "X-Shopify-Hmac-Sha256", encoding="base64")
    signed = table.signed or ("{timestamp}.{body}" if table.timestamp_header else "{body}")
    return Signature(
        secrets, table.header, table.encoding, table.prefix, table.timestamp_header, signed, table.tolerance_s
    )


def _secrets(table: WebhookTable, config: Path, where: str) -> list[bytes]:
    if table.secret_env:
        text, place = os.environ.get(table.secret_env, ""), f"the environment variable {table.secret_env}"
    else:
        path = config.parent / table.secret_file
        place = str(path)
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"{where}: the secret cannot be read: {place}: {getattr(error, 'strerror', 'not UTF-8 text')}."
            raise ConfigError(message) from None
    secrets = [line.strip() for line in text.splitlines() if line.strip()]
    if not secrets or min(map(len, secrets)) < MIN_SECRET_CHARS:
        what = "has a secret that is too short to keep anybody out" if secrets else "has no secret"
        message = f"{where}: {place} {what}.\n  Put there what the provider shows as the webhook's signing secret."
        raise ConfigError(message)
    return [secret.encode() for secret in secrets]
