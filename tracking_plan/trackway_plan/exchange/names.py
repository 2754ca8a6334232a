"""Names of other tools as names that the plan language takes: on one line, at most 200 long, without spaces around."""

from __future__ import annotations

import re
from collections.abc import Container

LONGEST_NAME = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]+")


def is_name(text: str) -> bool:
    """Whether the plan language takes this as a name as it stands."""
    return bool(text) and text == text.strip() and len(text) <= LONGEST_NAME and not _CONTROL.search(text)


def plan_name(text: str, taken: Container[str] = (), instead: str = "unnamed") -> str:
    """The nearest name that the plan language takes and that is not `taken`."""
    base = _CONTROL.sub(" ", text).strip()[:LONGEST_NAME].strip() or instead
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base[: LONGEST_NAME - 6]} {number}"
    return name


def event_name(text: str, taken: Container[str] = ()) -> str:
    """As `plan_name`; names that begin with `$` are kept for Trackway, so the sign goes."""
    return plan_name(text.lstrip("$ "), taken, "event")


def property_path(path: str, name: str) -> str:
    """The path of a property inside another: `cart` and `total` give `cart.total`."""
    return f"{path}.{name}" if path else name
