"""
Values as YAML text that people like to read: one-line `{key: value}` where it fits, lines where it does not.

    {"type": "choice", "choices": ["card", "wallet"]} ─ flow ─▶ {type: choice, choices: [card, wallet]}

Text is written plain only where YAML 1.1 and 1.2 and our loader all read it as that very text; all else is in
double quotes. `Raw` is for numbers that must keep their spelling, such as the bounds of a decimal.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WIDTH = 120
"""The longest line that holds a mapping or list in one piece."""

# Words that mean themselves in every YAML, one space apart; the first begins with a letter.
_FIRST_WORD = re.compile(r"[^\W\d][\w./%+-]*")
_WORD = re.compile(r"[\w.(/%+-][\w./%+()'-]*")
_OTHER_WORDS = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null")
_MUST_ESCAPE = re.compile("[\x00-\x1f\x7f-\xa0\xad\u2028\u2029\ufeff\ufffe\uffff]|[\ud800-\udfff]")


class Raw(str):
    """Text that is written as it stands, without quotes."""

    __slots__ = ()


def scalar(value: Any, *, flow: bool = True) -> str:
    """One scalar; `flow` when it stands inside `{…}` or `[…]`, where fewer characters may stand bare."""
    if isinstance(value, Raw):
        return str(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    return _text(str(value), flow)


def _float(value: float) -> str:
    """A float with a dot, because YAML 1.1 takes `1e+22` for text."""
    if not math.isfinite(value):
        message = f"{value} has no place in a plan."
        raise ValueError(message)
    text = repr(value)
    digits, mark, exponent = text.partition("e")
    return text if not mark or "." in digits else f"{digits}.0e{exponent}"


def _text(text: str, flow: bool) -> str:
    if _is_plain(text, "" if flow else ",;") and not _OTHER_WORDS.fullmatch(text) and not _MUST_ESCAPE.search(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return _MUST_ESCAPE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _is_plain(text: str, may_follow: str) -> bool:
    first, *words = [word[:-1] if word[-1:] and word[-1] in may_follow else word for word in text.split(" ")]
    return _FIRST_WORD.fullmatch(first) is not None and all(map(_WORD.fullmatch, words))


def flow(value: Any) -> str:
    """A value in one line: `{type: list, of: [int, string]}`."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def block(mapping: Mapping[str, Any], *, opened: frozenset[str] = frozenset()) -> str:
    """
    A file's mapping, one key a line; what is too long for its line goes on below it, indented.

    Keys in `opened` are never put on one line: `properties:` has a line for each property.
    """
    return "".join(f"{line}\n" for line in _lines(mapping, 0, opened))


def _lines(mapping: Mapping[str, Any], depth: int, opened: frozenset[str]) -> Iterator[str]:
    pad = "  " * depth
    for key, value in mapping.items():
        name = scalar(key)
        nested = isinstance(value, Mapping | list | tuple) and bool(value)
        line = f"{pad}{name}: {flow(value) if nested or not _is_text(value) else scalar(value, flow=False)}"
        if not nested or (key not in opened and len(line) <= WIDTH):
            yield line
        else:
            yield f"{pad}{name}:"
            yield from _below(value, depth + 1, opened)


def _below(value: Any, depth: int, opened: frozenset[str]) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _lines(value, depth, opened)
        return
    pad = "  " * depth
    for item in value:
        line = f"{pad}- {flow(item)}"
        if len(line) <= WIDTH or not isinstance(item, Mapping) or not item:
            yield line
            continue
        inner = list(_lines(item, depth + 1, opened))
        yield f"{pad}- {inner[0].lstrip()}"
        yield from inner[1:]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, Raw)
