"""
What a write key looks like: `tw_`, 32 random characters, 6 of a checksum.

The prefix lets secret scanners find one that got into a repository (`tw_[0-9A-Za-z]{38}`), and the checksum lets them
tell it from a text that only looks so. A key carries 190 random bits and no meaning; what it allows is in the keystore.
"""

from __future__ import annotations

import hashlib
import secrets
import string
import zlib

PREFIX = "tw_"
RANDOM_CHARS = 32
CHECKSUM_CHARS = 6

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase


def make_key() -> str:
    """Return a new write key."""
    body = "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_CHARS))
    return PREFIX + body + _checksum(body)


def is_well_formed(text: str) -> bool:
    """Say whether a text is a key of ours: right prefix, right length, right checksum. Old keys are not."""
    body, checksum = text[len(PREFIX) : -CHECKSUM_CHARS], text[-CHECKSUM_CHARS:]
    return text.startswith(PREFIX) and len(body) == RANDOM_CHARS and checksum == _checksum(body)


def hash_key(key: str, pepper: bytes) -> bytes:
    """
    Return the 32 bytes under which a key is kept.

    A fast hash is the right one: 190 random bits cannot be guessed however fast a guess is, while a slow hash, made
    for passwords, would let anybody burn the collector's time by sending unknown keys. The pepper is the keystore's
    own, so that one key in two stores does not look like one.
    """
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=32, key=pepper).digest()


def _checksum(body: str) -> str:
    number, characters = zlib.crc32(body.encode()), []
    for _ in range(CHECKSUM_CHARS):
        number, digit = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(characters)
