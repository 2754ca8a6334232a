"""
Where a value stands in a record: `amount`, `customer.address.city`, `items[0].sku`, `"First.name"`, `` (all of it).

A part between dots is the name of a member, spaces and all; in double quotes it may hold dots and brackets. `[n]` is
the n-th of a list from 0, from the end when negative. What is not there is None, and so is what stands in the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Get = Callable[[Any], Any]
Path = tuple[str | int, ...]

_PART = re.compile(r'"(?P<quoted>[^"]+)"|\[(?P<index>-?[0-9]{1,6})\]|(?P<name>[^.\[\]"]+)')


def parse_path(text: str) -> Path:
    """
    Return the parts of a path; no parts stand for the whole record.

    Raises:
        ValueError: the text is no path; the message says why.
    """
    parts: list[str | int] = []
    at = 0
    while at < len(text):
        found = _PART.match(text, at)
        if found is None:
            message = f"`{text}` is no path: character {at + 1} does not fit"
            raise ValueError(message)
        if found["index"] is not None:
            parts.append(int(found["index"]))
        else:
            parts.append(found["quoted"] or found["name"].strip())
        at = found.end()
        if text[at : at + 1] == ".":
            at += 1
            if at == len(text):
                message = f"`{text}` is no path: it ends with a dot"
                raise ValueError(message)
        elif at < len(text) and text[at] != "[":
            message = f"`{text}` is no path: after character {at} a dot or a bracket belongs"
            raise ValueError(message)
    return tuple(parts)


def show_path(path: Path) -> str:
    """Return the path as one writes it."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = not re.search(r'[.\[\]"]', part)
            text += ("." if text else "") + (part if plain else f'"{part}"')
    return text or "the record"


class Member:
    """Fetches a member of the record itself: by far the most usual path, which others may take a short way to."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, record: Any) -> Any:
        """The member; None without it."""
        return record.get(self.name)


def getter(path: Path) -> Get:
    """Return the function that fetches the value at a path; None where there is none."""
    if not path:
        return lambda record: record
    if len(path) == 1 and isinstance(path[0], str):
        return Member(path[0])
    return lambda record: _walk(record, path)


def _walk(value: Any, path: Path) -> Any:
    for part in path:
        if isinstance(part, str):
            if not isinstance(value, dict):
                return None
            value = value.get(part)
        elif isinstance(value, list) and -len(value) <= part < len(value):
            value = value[part]
        else:
            return None
        if value is None:
            return None
    return value
