"""
Python code as ruff and black would lay it out, by construction.

What fits the line stays on it; what does not is opened, one part a line, with a comma behind the last, which
keeps it open at any line length.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH = 88
"""Columns: the default of ruff and black. Wider settings leave the code as it is."""


@dataclass(frozen=True)
class Group:
    """`prefix(part, part)`: a call, a list, a subscript; parts are text or groups."""

    prefix: str
    parts: Sequence[str | Group]
    suffix: str
    open: bool = False
    """Opened even where it fits."""

    def flat(self) -> str:
        """On one line."""
        return self.prefix + ", ".join(_flat(part) for part in self.parts) + self.suffix

    def lines(self, indent: int = 0, before: str = "", after: str = "") -> Iterator[str]:
        """Its lines, indented; `before` and `after` stand around it on the first and last one."""
        pad = " " * indent
        one = f"{pad}{before}{self.flat()}{after}"
        if not self.parts or (len(one) <= WIDTH and not self._opened()):
            yield one
            return
        yield f"{pad}{before}{self.prefix}"
        # A comma behind the only part of a subscript would make a tuple of it.
        comma = "" if len(self.parts) == 1 and self.suffix == "]" else ","
        for part in self.parts:
            if isinstance(part, Group):
                yield from part.lines(indent + 4, after=comma)
            else:
                yield f"{pad}    {part}{comma}"
        yield f"{pad}{self.suffix}{after}"

    def _opened(self) -> bool:
        return self.open or any(isinstance(part, Group) and part._opened() for part in self.parts)


def _flat(part: str | Group) -> str:
    return part if isinstance(part, str) else part.flat()


def literal(text: str) -> str:
    """A string literal, with the quotes that need fewer escapes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    escaped = "".join(_escaped(each, quote) for each in text)
    return f"{quote}{escaped}{quote}"


def _escaped(each: str, quote: str) -> str:
    if each in ("\\", quote):
        return f"\\{each}"
    if each.isprintable():
        return each
    code = ord(each)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def prose(text: str) -> str:
    """Text on one line as it may stand in a docstring."""
    line = " ".join(text.split())
    escaped = "".join(each if each == '"' else _escaped(each, "") for each in line)
    return escaped.replace('"""', r"\"\"\"")


def docstring(paragraphs: Sequence[str | Sequence[str]], indent: int) -> Iterator[str]:
    """
    The lines of a docstring; a paragraph that is a list of items has each begin a line, with the rest indented.

    The text must have gone through `prose`.
    """
    pad = " " * indent
    filled = [_filled(paragraph, indent) for paragraph in paragraphs if paragraph]
    if len(filled) == 1 and len(filled[0]) == 1:
        line = filled[0][0]
        whole = f'{pad}"""{line}"""'
        if len(whole) <= WIDTH and not re.search(r'["\\]$', line):
            yield whole
            return
    yield f'{pad}"""'
    for number, lines in enumerate(filled):
        if number:
            yield ""
        yield from (f"{pad}{line}" for line in lines)
    yield f'{pad}"""'


def _filled(paragraph: str | Sequence[str], indent: int) -> list[str]:
    width = WIDTH - indent
    if isinstance(paragraph, str):
        return _wrap(paragraph, width, "")
    first, *items = paragraph
    lines = [first]
    for item in items:
        wrapped = _wrap(item, width - 4, "    ")
        lines += [f"    {line}" for line in wrapped]
    return lines


def _wrap(text: str, width: int, below: str) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=below, break_long_words=False, break_on_hyphens=False)
