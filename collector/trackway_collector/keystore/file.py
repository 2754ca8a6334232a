"""
`keys.json` in the data directory: what each write key grants, and of the key itself only a hash.

Workers read the file, and read it again when it has changed. Whoever edits it holds `keys.lock` from reading to
writing, so that two edits at once are both kept, and replaces it as a whole, so that readers see one or the other.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from trackway_collector.errors import ConfigError
from trackway_collector.keystore.write_key import hash_key
from trackway_collector.private_file import write_private
from trackway_plan.environments import PRODUCTION

KEYS_FILE = "keys.json"
LOCK_FILE = "keys.lock"

State = Literal["active", "expired", "revoked"]


class StoredKey(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One write key, as it is kept."""

    id: str
    """Names the key wherever it has to be named: in lists, logs and metrics."""
    source: str
    hash: str
    """`hash_key` of the key, hexadecimal."""
    created_at: datetime
    environment: str = PRODUCTION
    origins: tuple[str, ...] = ()
    """Pages that may send with it; empty: any. See `origins`."""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> State:
        """Say whether the key opens anything."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


class KeyStore(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All write keys of a data directory, in the order in which they were made."""

    pepper: str
    """Hexadecimal; part of every hash in this file."""
    keys: tuple[StoredKey, ...] = ()
    format: Literal[1] = 1

    @classmethod
    def empty(cls) -> KeyStore:
        """A store without keys."""
        return cls(secrets.token_hex(16))

    def hash(self, key: str) -> str:
        """Return the hash under which this store keeps a key."""
        return hash_key(key, bytes.fromhex(self.pepper)).hex()

    def active(self, now: datetime) -> list[StoredKey]:
        """The keys that open something."""
        return [key for key in self.keys if key.state(now) == "active"]


def read_store(path: Path) -> KeyStore:
    """
    Return what a key file says; no keys when there is none. A file of an early version, source → key, is read, too.

    Raises:
        ConfigError: the file cannot be read, or is no key file. The message repeats nothing of what is in it.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return KeyStore.empty()
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}."
        raise ConfigError(message) from error
    if (plain := plain_keys(content)) is not None:
        return hashed(plain)
    try:
        store = msgspec.json.decode(content, type=KeyStore)
        bytes.fromhex(store.pepper + "".join(key.hash for key in store.keys))
    except (msgspec.MsgspecError, ValueError) as error:
        what = str(error) if isinstance(error, msgspec.ValidationError) else "it is not the JSON that was written"
        message = f"{path}: is no key file: {what}.\n  Take it back from a backup, or delete it and make new keys."
        raise ConfigError(message) from None
    return store


def plain_keys(content: bytes) -> dict[str, str] | None:
    """Return source → key of a file as early versions wrote it; None for any other."""
    try:
        found = msgspec.json.decode(content, type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return found if "pepper" not in found else None


def hashed(plain: dict[str, str]) -> KeyStore:
    """Return a store with these keys, source → key."""
    store, now = KeyStore.empty(), datetime.now(UTC)
    keys = [StoredKey(key_id(source), source, store.hash(key), now) for source, key in plain.items()]
    return msgspec.structs.replace(store, keys=tuple(keys))


def key_id(source: str) -> str:
    """Return a name for a new key of a source."""
    return f"{source}-{secrets.token_hex(4)}"


class Edit:
    """What `edit_store` gives: put the new store in the place of the old one."""

    def __init__(self, store: KeyStore) -> None:
        self.store = store


@contextlib.contextmanager
def edit_store(data_dir: Path) -> Iterator[Edit]:
    """
    Give the store to be changed, and write it when the block ends well; nobody else edits it meanwhile.

    Raises:
        ConfigError: the file cannot be read or written.
    """
    path = data_dir / KEYS_FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with open(data_dir / LOCK_FILE, "a", opener=_private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            edit = Edit(read_store(path))
            before = edit.store
            yield edit
            if edit.store is not before:
                write_private(path, msgspec.json.format(msgspec.json.encode(edit.store), indent=1) + b"\n")
    except OSError as error:
        message = (
            f"{error.filename or path}: {error.strerror}.\n  Keys are edited by the user that the collector runs as, in"
            " its data directory: trackway collector keys --data-dir DIR …"
        )
        raise ConfigError(message) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
