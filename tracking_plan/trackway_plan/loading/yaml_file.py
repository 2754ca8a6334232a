"""
One YAML file to nodes that know their line and column, or one problem that says why it is not read.

The C parser composes nodes; nothing is ever made of a tag. What makes YAML treacherous is refused:
anchors and aliases (a bomb in 300 bytes), tabs, very large files, and nesting that ends the process.
"""

from __future__ import annotations

import re
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode

from ..errors import Problem

__all__ = ["MAX_DEPTH", "MAX_FILE_BYTES", "SafeLoader", "parse_text", "read_file", "read_text"]

MAX_FILE_BYTES = 1024 * 1024
MAX_DEPTH = 64

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML without libyaml reads the same, more slowly
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]


class SafeLoader(_SafeLoader):
    """
    PyYAML's safe loader with its resolver remembered: which tag a text has depends on the text alone.

    A plan says `type`, `int` and `none` thousands of times; asking five regular expressions each time took a fifth of
    the reading.
    """

    resolve = staticmethod(lru_cache(maxsize=20_000)(partial(_SafeLoader.resolve, _SafeLoader(""))))


_TAB_INDENT = re.compile(r"^ *\t", re.MULTILINE)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_file(path: Path, file: str, problems: list[Problem]) -> Node | None:
    """The root node of a YAML file, or None and a problem that says why there is none."""
    text = read_text(path, file, problems)
    return None if text is None else parse_text(text, file, problems)


def read_text(path: Path, file: str, problems: list[Problem]) -> str | None:
    """The text of a YAML file, or None and a problem: too large, not UTF-8, not there, or indented with tabs."""
    try:
        return _text(path)
    except _Refused as why:
        problems.append(Problem(file, *why.where, str(why), why.hint))
        return None


def parse_text(text: str, file: str, problems: list[Problem]) -> Node | None:
    """The root node of a text that `read_text` gave, or None and a problem that says why there is none."""
    try:
        return _parsed(text)
    except _Refused as why:
        problems.append(Problem(file, *why.where, str(why), why.hint))
        return None


def _text(path: Path) -> str:
    content = b""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            hint = "Split it: one event per file, shared properties in groups/, shared types in types.yaml."
            message = f"the file has {size:,} bytes; a plan file may have {MAX_FILE_BYTES:,}."
            raise _Refused(message, hint)
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        where = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        raise _Refused("this is not UTF-8 text.", "Save the file as UTF-8.", *where) from error  # noqa: EM101
    except OSError as error:
        raise _Refused(f"the file cannot be read: {error.strerror}.") from error  # noqa: EM102
    if tab := _TAB_INDENT.search(text):
        where = text.count("\n", 0, tab.start()) + 1, tab.end() - tab.start()
        raise _Refused("a tab in the indentation.", "Indent with spaces.", *where)  # noqa: EM101
    return text


def _parsed(text: str) -> Node:
    try:
        # Reading the parser's events costs half as much again: only where the text gives reason.
        if not _harmless(text):
            _refuse_treacherous(text)
        node: Node | None = yaml.compose(text, Loader=SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _Refused(f"this is not YAML: {_syntax(error)}.", _syntax_hint(error), *where) from error  # noqa: EM102
    except yaml.reader.ReaderError as error:
        found = _UNPRINTABLE.search(text)
        at = found.start() if found else 0
        message = f"the character U+{ord(text[at]):04X} may not stand in YAML."
        where = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        raise _Refused(message, "Remove it.", *where) from error
    if node is None:
        raise _Refused("the file is empty.", "Delete it, or write the part of the plan it should hold.")  # noqa: EM101
    if deep := _too_deep(node):
        raise _Refused(*_TOO_DEEP, deep.start_mark.line + 1, deep.start_mark.column + 1)
    return node


def _too_deep(root: Node) -> Node | None:
    """The first node below the limit: what reads nodes calls itself, and must not run out of stack."""
    level: list[Any] = [root]
    for _ in range(MAX_DEPTH - 1):
        # Only what holds something can go deeper: the many scalars are not carried along.
        level = [child for node in level for child in _children(node) if type(child.value) is list]
        if not level:
            return None
    return next((child for node in level for child in _children(node)), None)


def _children(node: Any) -> list[Any]:
    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, SequenceNode) else []


class _Refused(Exception):
    """Why a file is not read at all: message, hint, line, column."""

    def __init__(self, message: str, hint: str = "", line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.where = line, column
        self.hint = hint


def _harmless(text: str) -> bool:
    if "&" in text or "*" in text:
        return False
    nesting = text.count("[") + text.count("{")
    return nesting <= 500 and max(map(len, text.splitlines()), default=0) <= 1000


def _refuse_treacherous(text: str) -> None:
    """Refuse anchors, aliases and deep nesting before nodes are made of them."""
    depth = 0
    for event in yaml.parse(text, Loader=SafeLoader):
        mark = event.start_mark
        where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            what = f"the alias `*{anchor}`" if isinstance(event, yaml.AliasEvent) else f"the anchor `&{anchor}`"
            message = f"{what}: a plan has no anchors and aliases."
            raise _Refused(message, _INSTEAD, *where)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _Refused(*_TOO_DEEP, *where)


_TOO_DEEP = f"nested more than {MAX_DEPTH} deep.", "Name the inner types in types.yaml."
_INSTEAD = "Share properties in groups/ and types in types.yaml; quote text that begins with & or *."


def _syntax(error: yaml.MarkedYAMLError) -> str:
    problem = str(error.problem or error.context or "malformed").strip()
    context = f" ({error.context})" if error.context and error.problem else ""
    return f"{problem}{context}"


def _syntax_hint(error: yaml.MarkedYAMLError) -> str:
    problem = str(error.problem)
    if "mapping values are not allowed" in problem:
        return "Put text that holds `: ` in quotes."
    if "cannot start any token" in problem:
        return "Put the text in quotes; indent with spaces."
    if "expected a single document" in str(error.context):
        return "One document per file: remove the `---` line."
    return ""
