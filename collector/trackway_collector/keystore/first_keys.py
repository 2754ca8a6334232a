"""
The key that `trackway up` makes by itself, so that a first event takes two commands.

Its text is kept beside the keystore in `development_keys.json`, for its owner only: `up` shows it at each start. Key
files of early versions, which held the texts, become that file. Where nobody needs to see the keys again it can be
deleted; the keystore knows them without it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from trackway_collector.errors import ConfigError
from trackway_collector.keystore.edits import create
from trackway_collector.keystore.file import KEYS_FILE, edit_store, hashed, plain_keys
from trackway_collector.private_file import write_private
from trackway_plan.environments import PRODUCTION

DEVELOPMENT_FILE = "development_keys.json"
DEFAULT_SOURCE = "app"


def first_keys(data_dir: Path) -> dict[str, str]:
    """
    Return source → key of those keys that may be shown, after making one where a data directory has none at all.

    Raises:
        ConfigError: the files cannot be read or written.
    """
    take_over_plain(data_dir)
    with edit_store(data_dir) as edit:
        if not edit.store.keys:
            made = create(edit.store, DEFAULT_SOURCE, datetime.now(UTC), environment=PRODUCTION)
            write_private(data_dir / DEVELOPMENT_FILE, msgspec.json.encode({DEFAULT_SOURCE: made.text}))
            edit.store = made.store
        active = {key.hash for key in edit.store.active(datetime.now(UTC))}
        return {source: key for source, key in _shown(data_dir).items() if edit.store.hash(key) in active}


def take_over_plain(data_dir: Path) -> None:
    """
    Hash the keys of a key file as early versions wrote it, and keep their texts in the development file.

    Raises:
        ConfigError: the files cannot be read or written.
    """
    path = data_dir / KEYS_FILE
    if not path.exists():
        return
    with edit_store(data_dir) as edit:
        if (plain := plain_keys(path.read_bytes())) is not None:
            write_private(data_dir / DEVELOPMENT_FILE, msgspec.json.encode(plain))
            edit.store = hashed(plain)


def _shown(data_dir: Path) -> dict[str, str]:
    path = data_dir / DEVELOPMENT_FILE
    try:
        found = plain_keys(path.read_bytes())
    except FileNotFoundError:
        return {}
    if found is None:
        message = f"{path}: is not a JSON object of texts.\n  Delete it; the keys stay valid."
        raise ConfigError(message)
    return found
