"""
Entries to text: two spaces for each depth, one blank line at most, short things on one line as their author wrote them.

Scalars are written as they stand in the file. A flow mapping that has comments inside, or does not fit into
`WIDTH`, is written as a block.
"""

from __future__ import annotations

import json
import re

from .order import Shape
from .tree import Block, Comment, Entry, Scalar

WIDTH = 120

_PLAIN_BLOCK = re.compile(r"[|>][-+]?")


def write(block: Block, shape: Shape) -> str:
    """The text of a file."""
    head, lines = _comments(block.head, 0), _block(block, shape, 0)
    lines = [*head, "", *lines] if head else lines
    while lines and not lines[0]:
        del lines[0]
    return "\n".join(lines) + "\n"


def _block(block: Block, shape: Shape, indent: int) -> list[str]:
    lines: list[str] = []
    for entry in _ordered(block, shape):
        below = shape.under(entry.name)
        gap = entry.gap and bool(lines)
        made = _pair(entry, below, indent) if block.mapping else _item(entry, below, indent)
        lead = [*_comments(_hoisted(entry), indent)]
        while lead and not lead[0]:
            del lead[0]
        lines += [*([""] if gap else []), *lead, *made]
    return [*lines, *_comments(block.tail, indent)]


def _ordered(block: Block, shape: Shape) -> list[Entry]:
    if not block.mapping or not shape.keys:
        return block.entries
    return sorted(block.entries, key=lambda entry: shape.place(entry.name))


def _pair(entry: Entry, shape: Shape, indent: int) -> list[str]:
    assert entry.key is not None  # noqa: S101
    head = f"{' ' * indent}{entry.key.source}:"
    if entry.key.source.startswith(("?", "!")) or not entry.key.source:
        # `? key`, and keys with a tag, end in a space before the colon.
        head = f"{' ' * indent}{entry.key.source} :"
    line = _inline(entry.value, shape, len(head) + 1, indent)
    if line is not None:
        return _beside([f"{head} {line[0]}".rstrip() if line[0] else head, *line[1:]], entry.aside)
    assert isinstance(entry.value, Block)  # noqa: S101
    return [*_beside([head], entry.aside), *_block(entry.value, shape, indent + 2)]


def _item(entry: Entry, shape: Shape, indent: int) -> list[str]:
    head = f"{' ' * indent}-"
    line = _inline(entry.value, shape, len(head) + 1, indent)
    if line is not None:
        return _beside([f"{head} {line[0]}".rstrip() if line[0] else head, *line[1:]], entry.aside)
    assert isinstance(entry.value, Block)  # noqa: S101
    lines = _block(entry.value, shape, indent + 2)
    # Comments of the first entry inside stand above the dash, which is where they are read back from.
    above = [f"{' ' * indent}{line.strip()}" for line in _leading_comments(lines)]
    lines = lines[len(above) :]
    first = lines[0][indent + 2 :]
    return [*above, f"{head} {first}", *lines[1:]]


def _leading_comments(lines: list[str]) -> list[str]:
    count = 0
    while lines[count].lstrip().startswith("#") or not lines[count]:
        count += 1
    return lines[:count]


def _hoisted(entry: Entry) -> list[Comment]:
    """The comments above an entry; beside a dash there is no room for one when its item has several lines."""
    if entry.key is None and entry.aside and isinstance(entry.value, Block) and _as_block(entry.value):
        lead, entry.aside = [*entry.lead, entry.aside], None
        entry.lead = lead
    return entry.lead


def _inline(value: Scalar | Block, shape: Shape, column: int, indent: int) -> list[str] | None:
    """The lines of a value that begins beside its key, or None for a block that goes below."""
    if isinstance(value, Scalar):
        return _scalar(value, indent)
    if _as_block(value):
        return None
    text = _flow(value, shape)
    if column + len(text) > WIDTH and value.entries:
        return None
    return [text]


def _as_block(block: Block) -> bool:
    """Whether a collection must be written below its key: it was, or comments inside leave no choice."""
    return bool(block.entries) and (not block.flow or _commented(block))


def _commented(block: Block) -> bool:
    return bool(block.tail) or any(
        entry.lead
        or entry.aside
        or (isinstance(entry.value, Block) and _commented(entry.value))
        or (isinstance(entry.value, Scalar) and "\n" in entry.value.source)
        for entry in block.entries
    )


def _flow(block: Block, shape: Shape) -> str:
    parts = []
    for entry in _ordered(block, shape):
        below = shape.under(entry.name)
        value = entry.value.source if isinstance(entry.value, Scalar) else _flow(entry.value, below)
        key = f"{entry.key.source}: " if entry.key else ""
        parts.append(f"{key}{value}".rstrip())
    inside = ", ".join(parts)
    return f"{{{inside}}}" if block.mapping else f"[{inside}]"


def _scalar(scalar: Scalar, indent: int) -> list[str]:
    style, source = scalar.node.style, scalar.source
    if style in ("|", ">"):
        return _block_scalar(scalar, indent)
    first, *rest = source.split("\n")
    # Lines of plain and quoted text fold, and the space they begin with is none of the text.
    folded = [" " * (indent + 2) + line.strip(" \t") if line.strip() else "" for line in rest]
    if style == '"':
        folded = [" " * (indent + 2) + line.lstrip(" \t") if line.strip() else "" for line in rest]
    return [first if style == '"' else first.rstrip(), *folded]


def _block_scalar(scalar: Scalar, indent: int) -> list[str]:
    value = str(scalar.node.value)
    header, *lines = scalar.source.split("\n")
    if not _PLAIN_BLOCK.fullmatch(header) or "+" in header or value.startswith((" ", "\n", "\t")) or not value.strip():
        # Depth and trailing lines are part of what it says: written so that they cannot be mistaken.
        return [json.dumps(value, ensure_ascii=False)]
    depth = min(len(line) - len(line.lstrip(" ")) for line in lines if line.strip())
    while lines and not lines[-1].strip():
        del lines[-1]
    return [header, *(" " * (indent + 2) + line[depth:] if line.strip() else "" for line in lines)]


def _comments(found: list[Comment], indent: int) -> list[str]:
    lines: list[str] = []
    for comment in found:
        lines += [*([""] if comment.gap and comment.own_line else []), f"{' ' * indent}{comment.text}"]
    return lines


def _beside(lines: list[str], comment: Comment | None) -> list[str]:
    """The lines with a comment at the end of the last, in the column where it stood if there is room."""
    if comment is None:
        return lines
    *others, last = lines
    return [*others, last.ljust(max(comment.column, len(last) + 2)) + comment.text]
