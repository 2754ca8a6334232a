"""
The write keys of a data directory, hashed: `trackway collector keys` edits them, the ingest workers read them.

    write_key.py   what a key looks like, and its hash
    file.py        keys.json: read, and edited by one at a time
    edits.py       create, rotate, revoke
    origins.py     which pages may send with a key
    first_keys.py  the key that `trackway up` makes by itself, and key files of early versions
    command.py     the command
"""

from trackway_collector.keystore.file import KeyStore, StoredKey, edit_store, read_store
from trackway_collector.keystore.write_key import hash_key, make_key

__all__ = ["KeyStore", "StoredKey", "edit_store", "hash_key", "make_key", "read_store"]
