"""`trackway collector keys`: create, list, rotate and revoke write keys; running workers follow within a second."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trackway_collector.command_settings import command_settings
from trackway_collector.config import Settings
from trackway_collector.errors import ConfigError
from trackway_collector.keystore import edits
from trackway_collector.keystore.file import KEYS_FILE, Edit, StoredKey, edit_store, read_store
from trackway_collector.keystore.first_keys import take_over_plain
from trackway_collector.keystore.origins import read_origin
from trackway_plan.environments import ENVIRONMENTS, PRODUCTION

EXIT_CANNOT_LOAD = 3

_DURATION = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

environment_option = click.option(
    "--environment",
    type=click.Choice(ENVIRONMENTS),
    default=PRODUCTION,
    show_default=True,
    help="What the key's events are for; questions count one environment.",
)


@click.group(epilog="Example: trackway collector keys --data-dir /var/lib/trackway list")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Where spool, engine and keys live.")
@click.option("--config", metavar="FILE", help="The file with settings [./trackway.toml].")
@click.pass_context
def keys(context: click.Context, /, **arguments: Any) -> None:
    """Write keys: make them, list them, replace them with an overlap, end them."""
    context.obj, _ = command_settings(arguments)


@keys.command(epilog="Example: trackway collector keys create web --origin https://shop.example")
@click.argument("source")
@environment_option
@click.option("--origin", "origins", multiple=True, metavar="ORIGIN", help="A page that may send with it; repeat.")
@click.option("--expires", metavar="WHEN", help="After 90d, 12h …, or on a day, 2027-01-31.")
@click.pass_obj
def create(settings: Settings, source: str, environment: str, origins: tuple[str, ...], expires: str | None) -> None:
    """Make a key for SOURCE and print it: this once, since only its hash is kept."""
    now = datetime.now(UTC)
    with _editing(settings) as edit:
        allowed = tuple(read_origin(origin) for origin in origins)
        end = None if expires is None else _end(expires, now)
        made = edits.create(edit.store, source, now, environment=environment, origins=allowed, expires_at=end)
        edit.store = made.store
    _print_key(made)


@keys.command(epilog="Example: trackway collector keys rotate web --overlap 24h")
@click.argument("source")
@environment_option
@click.option("--overlap", default="24h", show_default=True, metavar="TIME", help="How long the old one stays valid.")
@click.pass_obj
def rotate(settings: Settings, source: str, environment: str, overlap: str) -> None:
    """Make a key in the place of those of SOURCE (or of one, by its id), which expire after the overlap."""
    now = datetime.now(UTC)
    with _editing(settings) as edit:
        done = edits.rotate(edit.store, source, now, environment=environment, overlap=_duration(overlap))
        edit.store = done.made.store
    _print_key(done.made)
    for key in done.ending:
        click.echo(f"{key.id} is valid until {_day(key.expires_at)}.", err=True)


@keys.command(epilog="Example: trackway collector keys revoke web-1a2b3c4d")
@click.argument("key_id")
@click.pass_obj
def revoke(settings: Settings, key_id: str) -> None:
    """End the key with this id now. `list` shows ids."""
    with _editing(settings) as edit:
        edit.store, key = edits.revoke(edit.store, key_id, datetime.now(UTC))
    click.echo(f"{key.id} is revoked since {_day(key.revoked_at)}; running collectors refuse it within a second.")


@keys.command("list", epilog="Example: trackway collector keys list")
@click.pass_obj
def list_keys(settings: Settings) -> None:
    """List the keys: ids and what each grants, never the keys themselves."""
    now = datetime.now(UTC)
    try:
        store = read_store(settings.data_dir / KEYS_FILE)
    except ConfigError as error:
        _fail(error)
    table = Table(box=None)
    for column in ("id", "source", "environment", "origins", "made", "valid until", "state"):
        table.add_column(column, overflow="fold", no_wrap=column == "id")
    for key in store.keys:
        origins = "\n".join(key.origins) or "any"
        row = (key.id, key.source, key.environment, origins, _day(key.created_at), _until(key), key.state(now))
        table.add_row(*map(escape, row))
    for source in settings.write_keys:
        table.add_row(f"settings:{escape(source)}", escape(source), PRODUCTION, "any", "", "", "active")
    if not table.rows:
        click.echo("There are no keys.\n  Write: trackway collector keys create SOURCE")
        return
    Console().print(table)


@contextmanager
def _editing(settings: Settings) -> Iterator[Edit]:
    try:
        take_over_plain(settings.data_dir)
        with edit_store(settings.data_dir) as edit:
            yield edit
    except ConfigError as error:
        _fail(error)


def _print_key(made: edits.Made) -> None:
    """Print the key alone to standard output, so that a script can catch it; the rest is for people."""
    click.echo(made.text)
    key = made.key
    origins = f" from {', '.join(key.origins)}" if key.origins else ""
    until = f", valid until {_day(key.expires_at)}" if key.expires_at else ""
    click.echo(f"{key.id}: sends as {key.source}, {key.environment}{origins}{until}.", err=True)
    click.echo("It is shown this once. Keep it where your secrets are; running collectors know it now.", err=True)


def _end(text: str, now: datetime) -> datetime:
    if _DURATION.fullmatch(text):
        return now + _duration(text)
    try:
        end = datetime.fromisoformat(text)
    except ValueError:
        message = f"`{text}` is no time.\n  Write 90d, 12h, 30m, or a day such as 2027-01-31."
        raise ConfigError(message) from None
    return end.replace(tzinfo=UTC) if end.tzinfo is None else end.astimezone(UTC)


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if found is None:
        message = f"`{text}` is no length of time.\n  Write 24h, 30m, 7d, 0s."
        raise ConfigError(message)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _until(key: StoredKey) -> str:
    return _day(key.revoked_at or key.expires_at)


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def _fail(error: Exception) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]{escape(str(error))}[/]")
    sys.exit(EXIT_CANNOT_LOAD)
