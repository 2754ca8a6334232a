"""
Names of a plan as identifiers: `Order Completed` → `order_completed`, and never two names as one.

A name that is its own identifier keeps it; others that would collide get `_2`, `_3` … in the order of the
names, so the result depends on the set of names alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable

from ..naming import CASES, words

LONGEST = 40
"""Characters of an identifier; longer ones are cut, so that generated lines keep their length."""


def identifiers(
    names: Iterable[str], case: str, prefix: str, reserved: Collection[str], allowed: Callable[[str], bool]
) -> dict[str, str]:
    """
    Each name with an identifier of its own.

    Args:
        case: a style of `naming.CASES`: snake, camel or pascal.
        prefix: what comes before a name that begins with a digit or has no letters: `event`, `property`.
        reserved: identifiers that are taken; comparison is exact.
        allowed: whether the language takes an identifier (no keyword, its alphabet).
    """
    every = sorted(set(names))
    found: dict[str, str] = {}
    taken = set(reserved)
    wanted = {name: identifier(name, case, prefix) for name in every}
    own = [name for name in every if wanted[name] == name]
    for name in [*own, *(each for each in every if each not in own)]:
        plain = wanted[name]
        base = plain if allowed(plain) and plain not in reserved else f"{plain}_"
        unique, number = base, 2
        while unique in taken or not allowed(unique):
            unique, number = f"{base.rstrip('_')}_{number}", number + 1
        taken.add(unique)
        found[name] = unique
    return {name: found[name] for name in every}


def identifier(name: str, case: str, prefix: str) -> str:
    """The name in a style, with letters and digits alone; what has none is spelled by its code points."""
    # Python compares identifiers in NFKC, so two names that differ only before it are one there.
    plain = unicodedata.normalize("NFKC", name)
    parts = words("".join(each if f"a{each}".isidentifier() else " " for each in plain))
    if not parts:
        parts = [f"u{ord(each):x}" for each in name[:8]]
    if not parts[0][0].isidentifier():
        parts = [prefix, *parts]
    return unicodedata.normalize("NFKC", CASES[case](parts))[:LONGEST].rstrip("_")
