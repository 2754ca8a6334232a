"""
Text out of plans made safe for what shows it: terminals, XML, Markdown.

Names, summaries and values come from whoever may open a pull request. They may hold any script and emoji, and
these stay; they may also hold control characters, text that runs backwards, markup and mentions, and these are
shown, not obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_BIDI = "\u202a-\u202e\u2066-\u2069"
_HIDDEN = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff{_BIDI}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BREAKS = re.compile("\r\n|[\n\r\t\u2028\u2029]")
_SPAN = re.compile("`([^`\n]+)`")
_MARKUP = re.compile(r"[\\`*\[\]<>#|~&$]|(?<!\w)_|_(?!\w)|^[-+=]|^\d+(?=[.)])")
_MENTION = re.compile(r"(?<=[@#])(?=\w)")
_LINK = re.compile(r"(?<=\w):(?=//)|(?<=\bwww)\.", re.IGNORECASE)
_PLAIN_CODE = re.compile(r"[^`|\\\n]+")


def visible(text: str) -> str:
    """Control characters, lone surrogates and marks of direction as `\\\\u202e`; line breaks become newlines."""
    return _HIDDEN.sub(_named, text.replace("\r\n", "\n").replace("\r", "\n"))


def encodable(value: Any) -> Any:
    """Data whose texts can all be written as UTF-8: a lone surrogate is shown as `\\\\ud800`, all else stays."""
    if isinstance(value, str):
        return _SURROGATE.sub(_named, value)
    if isinstance(value, Mapping):
        return {encodable(key): encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encodable(item) for item in value]
    return value


def _named(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def one_line(text: str) -> str:
    """As `visible`, with line breaks and tabs as spaces."""
    return visible(_BREAKS.sub(" ", text))


def prose(text: str) -> str:
    """
    A sentence as Markdown that shows exactly this sentence on one line, also in a cell of a table.

    What stands in backticks becomes code, as messages mean it; nothing else is markup, a link or a mention.
    """
    parts, end = [], 0
    line = one_line(text)
    for found in _SPAN.finditer(line):
        parts += [_words(line[end : found.start()]), code(found[1])]
        end = found.end()
    return "".join([*parts, _words(line[end:])])


def code(text: str) -> str:
    """Text as inline code, also in a cell of a table; "" stays "" because Markdown has no empty code."""
    line = one_line(text)
    if not line:
        return ""
    if _PLAIN_CODE.fullmatch(line) and line.strip() == line:
        return f"`{line}`"
    # A pipe ends a cell even in backticks, and a backslash before it does not help everywhere.
    return f"<code>{''.join(_entity(each) if not each.isalnum() else each for each in line)}</code>"


def _words(text: str) -> str:
    escaped = _MARKUP.sub(lambda found: "".join(map(_entity, found[0])), _MENTION.sub("\u200b", text))
    return _LINK.sub(lambda found: _entity(found[0]), escaped)


def _entity(character: str) -> str:
    """A character that Markdown reads as itself; a backslash would show where Markdown does not expect one."""
    return character if character in " \u200b" or ord(character) > 127 else f"&#{ord(character)};"
