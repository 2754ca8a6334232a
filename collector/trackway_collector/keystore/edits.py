"""Create, rotate, revoke: each takes a store and returns the next one."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from trackway_collector.errors import ConfigError
from trackway_collector.keystore.file import KeyStore, StoredKey, key_id
from trackway_collector.keystore.write_key import make_key
from trackway_plan.near import did_you_mean

_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Made(NamedTuple):
    """A key that was made; the text is nowhere else."""

    store: KeyStore
    key: StoredKey
    text: str


class Rotated(NamedTuple):
    """A key that was made in the place of others."""

    made: Made
    ending: tuple[StoredKey, ...]
    """The others, which expire."""


def create(
    store: KeyStore,
    source: str,
    now: datetime,
    *,
    environment: str,
    origins: tuple[str, ...] = (),
    expires_at: datetime | None = None,
) -> Made:
    """
    Make a key for a source.

    Raises:
        ConfigError: that cannot be a source's name, or the key would have expired already.
    """
    if not _SOURCE.fullmatch(source):
        message = f"`{source}` cannot be a source: use up to 64 letters, digits, `_`, `-` and `.`."
        raise ConfigError(message)
    if expires_at is not None and expires_at <= now:
        message = f"The key would have expired already, on {expires_at:%Y-%m-%d %H:%M} UTC."
        raise ConfigError(message)
    text = make_key()
    key = StoredKey(key_id(source), source, store.hash(text), now, environment, origins, expires_at)
    return Made(msgspec.structs.replace(store, keys=(*store.keys, key)), key, text)


def rotate(store: KeyStore, what: str, now: datetime, *, environment: str, overlap: timedelta) -> Rotated:
    """
    Make a key that grants what others grant, and let those expire after the overlap.

    Args:
        what: a source, whose active keys of the environment are replaced, or the id of one key.

    Raises:
        ConfigError: there is no such key, or the source's keys do not all grant the same.
    """
    active = store.active(now)
    chosen = [key for key in active if key.id == what] or [
        key for key in active if (key.source, key.environment) == (what, environment)
    ]
    if not chosen:
        raise ConfigError(_nothing_to_rotate(store, active, what, environment))
    if len({key.origins for key in chosen}) > 1:
        ids = ", ".join(key.id for key in chosen)
        message = f"The keys of `{what}` allow different origins, so name the one to be rotated: {ids}."
        raise ConfigError(message)
    newest = chosen[-1]
    made = create(store, newest.source, now, environment=newest.environment, origins=newest.origins)
    end = now + overlap
    ending = {key.id: msgspec.structs.replace(key, expires_at=min(end, key.expires_at or end)) for key in chosen}
    keys = tuple(ending.get(key.id, key) for key in made.store.keys)
    changed = msgspec.structs.replace(made.store, keys=keys)
    return Rotated(made._replace(store=changed), tuple(ending.values()))


def revoke(store: KeyStore, key: str, now: datetime) -> tuple[KeyStore, StoredKey]:
    """
    End a key now; it stays in the list, so that whoever still uses it is told why.

    Raises:
        ConfigError: no key has this id.
    """
    found = next((known for known in store.keys if known.id == key), None)
    if found is None:
        ids = [known.id for known in store.keys]
        message = f"There is no key `{key}`.{did_you_mean(key, ids)}\n  Write: trackway collector keys list"
        raise ConfigError(message)
    if found.revoked_at is not None:
        return store, found
    revoked = msgspec.structs.replace(found, revoked_at=now)
    keys = tuple(revoked if known is found else known for known in store.keys)
    return msgspec.structs.replace(store, keys=keys), revoked


def _nothing_to_rotate(store: KeyStore, active: list[StoredKey], what: str, environment: str) -> str:
    if elsewhere := sorted({key.environment for key in active if key.source == what}):
        return f"`{what}` has no active key for {environment}; it has for {', '.join(elsewhere)}: --environment"
    names = {key.source for key in store.keys} | {key.id for key in store.keys}
    create_one = f"trackway collector keys create {what}"
    return f"`{what}` is no source or key with anything active.{did_you_mean(what, names)}\n  Write: {create_one}"
