"""
A YAML file as entries that own their comments, so that an entry can be moved and its comments go with it.

    text ─ nodes with marks, comments between tokens ─▶ Block of Entry(lead, key, value, aside) …

A comment on its own line belongs to the entry below it, one at the end of a line to the entry on that line, and
what stands below the last entry, at its depth, to the block. Libraries that keep comments while editing hang them
on the entry above, which is where they are wrong as soon as keys change their order.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from ..loading.yaml_file import SafeLoader


class LayoutError(Exception):
    """A file that cannot be laid out anew without a risk to its meaning; says why."""


@dataclass
class Comment:
    """One comment, with its `#`."""

    text: str
    line: int
    column: int
    index: int
    own_line: bool
    gap: bool
    """Whether a blank line stands above it."""


@dataclass
class Scalar:
    """A value that is written as it was."""

    node: ScalarNode
    source: str
    """The very text, with quotes and tag; of a block scalar with its header."""


@dataclass
class Block:
    """A mapping or a list."""

    entries: list[Entry]
    mapping: bool
    flow: bool
    tail: list[Comment] = field(default_factory=list)
    """Comments below the last entry."""
    head: list[Comment] = field(default_factory=list)
    """Comments at the top of a file that are about all of it."""


@dataclass
class Entry:
    """One key with its value, or one item."""

    value: Scalar | Block
    key: Scalar | None = None
    lead: list[Comment] = field(default_factory=list)
    aside: Comment | None = None
    """The comment at the end of its line."""
    gap: bool = False
    """Whether a blank line stands above it and its comments."""
    below_gap: bool = False
    """Whether a blank line stands between its comments and itself."""

    @property
    def name(self) -> str:
        """The key, or "" of an item."""
        return str(self.key.node.value) if self.key else ""


def read_tree(text: str, root: Node) -> tuple[Block | Scalar, list[Comment]]:
    """
    The tree of a file and the comments before and behind everything.

    Raises:
        LayoutError: it has something whose layout is part of its meaning, such as a key that is a list.
    """
    return _Builder(text).build(root)


class _Builder:
    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.comments = comments(text)
        self.next = 0
        self.limit = len(text)
        """Where the flow collection ends that is being read: comments behind it belong to what holds it."""
        self.depth_below = _depth_of_next(self.lines)

    def build(self, root: Node) -> tuple[Block | Scalar, list[Comment]]:
        value = self._value(root)
        rest = self.comments[self.next :]
        if isinstance(value, Block) and not value.flow and value.entries:
            value.head = self._of_the_file(value.entries[0])
            value.tail += rest
            rest = []
        return value, rest

    @staticmethod
    def _of_the_file(first: Entry) -> list[Comment]:
        """Take the comments above the first entry that a blank line parts from it: they are about the whole file."""
        gaps = [comment.gap for comment in first.lead[1:]] + [first.below_gap]
        count = len(gaps) - gaps[::-1].index(True) if first.lead and True in gaps else 0
        taken, first.lead = first.lead[:count], first.lead[count:]
        first.gap = first.gap or bool(taken)
        return taken

    def _value(self, node: Node) -> Block | Scalar:
        if isinstance(node, ScalarNode):
            return Scalar(node, self.text[node.start_mark.index : node.end_mark.index])
        tag = "tag:yaml.org,2002:" + ("map" if isinstance(node, MappingNode) else "seq")
        if node.tag != tag or self.text[node.start_mark.index : node.start_mark.index + 1] == "!":
            message = "a mapping or list with a tag"
            raise LayoutError(message)
        return self._block(node)

    def _block(self, node: Node) -> Block:
        mapping = isinstance(node, MappingNode)
        block = Block([], mapping, _is_flow(node))
        # A single pair in a flow list, `[a: b]`, is a mapping without a bracket of its own.
        bracketed = block.flow and self.text[node.start_mark.index] in "[{"
        outside, self.limit = self.limit, min(self.limit, node.end_mark.index) if bracketed else self.limit
        for item in node.value:
            key, value = item if mapping else (None, item)
            block.entries.append(self._entry(key, value))
        self.limit = outside
        if bracketed:
            block.tail = self._until(node.end_mark.index)
        elif block.entries and not block.flow:
            block.tail = self._below(node.start_mark.column)
        return block

    def _entry(self, key: Node | None, value: Node) -> Entry:
        if key is not None and (not isinstance(key, ScalarNode) or "\n" in self._source(key)):
            message = "a key that is not text on one line"
            raise LayoutError(message)
        first = key or value
        lead = self._until(first.start_mark.index)
        line = first.start_mark.line
        blank = self._blank_above(line)
        gap = lead[0].gap if lead and lead[0].own_line else blank
        written = Scalar(key, self._source(key)) if isinstance(key, ScalarNode) else None
        entry = Entry(self._nothing(value), written, lead, gap=gap, below_gap=blank)
        if isinstance(value, ScalarNode):
            # Comments between `key:` and a value on a later line.
            entry.lead += self._until(value.start_mark.index)
            entry.value = self._scalar(value, entry)
            entry.aside = self._aside(self._last_line(value))
        elif _is_flow(value):
            entry.lead += self._until(value.start_mark.index)
            entry.value = self._value(value)
            entry.aside = self._aside(value.end_mark.line)
        else:
            if key is not None:
                entry.aside = self._aside(key.end_mark.line)
            entry.value = self._value(value)
        return entry

    @staticmethod
    def _nothing(node: Node) -> Scalar:
        empty = ScalarNode("tag:yaml.org,2002:null", "", node.start_mark, node.start_mark)
        return Scalar(empty, "")

    def _scalar(self, node: ScalarNode, entry: Entry) -> Scalar:
        source = self._source(node)
        if node.style in ("|", ">"):
            # A comment behind the `|` moves above the key: beside it, it would look like a part of the text.
            entry.lead += self._until(node.end_mark.index)
            header, newline, lines = source.partition("\n")
            source = header.partition("#")[0].rstrip() + newline + lines
        return Scalar(node, source)

    def _source(self, node: Node) -> str:
        return self.text[node.start_mark.index : node.end_mark.index]

    def _last_line(self, node: ScalarNode) -> int:
        # A block scalar ends where the next thing begins; nothing can stand beside it.
        return -1 if node.style in ("|", ">") else node.end_mark.line

    def _blank_above(self, line: int) -> bool:
        return line > 0 and not self.lines[line - 1].strip()

    def _until(self, index: int) -> list[Comment]:
        """Take the comments before an index."""
        first = self.next
        while self.next < len(self.comments) and self.comments[self.next].index < index:
            self.next += 1
        return self.comments[first : self.next]

    def _aside(self, line: int) -> Comment | None:
        """Take the comment at the end of a line."""
        if self.next < len(self.comments):
            comment = self.comments[self.next]
            if comment.line == line and not comment.own_line and comment.index < self.limit:
                self.next += 1
                return comment
        return None

    def _below(self, column: int) -> list[Comment]:
        """Take the comments below the last entry of a block that stand as deep as its entries."""
        first = self.next
        while self.next < len(self.comments):
            comment = self.comments[self.next]
            follows = self.depth_below[comment.line]
            deep = comment.column >= column > 0
            if not comment.own_line or not deep or (follows is not None and follows >= column):
                break
            self.next += 1
        return self.comments[first : self.next]


def _is_flow(node: Node) -> bool:
    return isinstance(node, CollectionNode) and bool(node.flow_style)


def _depth_of_next(lines: list[str]) -> list[int | None]:
    """For each line, how deep the next line below it stands that is neither blank nor a comment."""
    depths: list[int | None] = []
    depth: int | None = None
    for line in reversed(lines):
        depths.append(depth)
        bare = line.lstrip(" ")
        if bare.strip() and not bare.startswith("#"):
            depth = len(line) - len(bare)
    return depths[::-1]


def comments(text: str) -> list[Comment]:
    """Every comment of a file: between two tokens there is nothing but space and comments."""
    lines = text.split("\n")
    found: list[Comment] = []
    end = 0
    line, start_of_line = 0, 0
    for token in yaml.scan(text, Loader=SafeLoader) if "#" in text else ():
        at = token.start_mark.index
        if at > end:
            found += _in_gap(text, end, at)
        end = max(end, token.end_mark.index)
        if getattr(token, "style", None) in ("|", ">"):
            header = text.find("\n", at)
            found += _in_gap(text, at, end if header == -1 else header)
    found += _in_gap(text, end, len(text)) if end else []
    # Marks count characters; lines are counted once for all comments.
    done = 0
    for comment in found:
        line += text.count("\n", done, comment.index)
        start_of_line = text.rfind("\n", 0, comment.index) + 1
        done = comment.index
        comment.line, comment.column = line, comment.index - start_of_line
        comment.own_line = not text[start_of_line : comment.index].strip()
        comment.gap = line > 0 and not lines[line - 1].strip()
    return found


def _in_gap(text: str, start: int, end: int) -> list[Comment]:
    found = []
    at = text.find("#", start, end)
    while at != -1:
        stop = text.find("\n", at, end)
        stop = end if stop == -1 else stop
        found.append(Comment(text[at:stop].rstrip(), 0, 0, at, False, False))
        at = text.find("#", stop, end)
    return found


def same_meaning(one: Node, other: Node) -> bool:
    """Whether two nodes hold the same data; the order of keys does not count, that of items does."""
    if type(one) is not type(other) or one.tag != other.tag:
        return False
    if isinstance(one, MappingNode) and isinstance(other, MappingNode):
        if len(one.value) != len(other.value):
            return False
        mine, theirs = _by_key(one), _by_key(other)
        return mine.keys() == theirs.keys() and all(same_meaning(mine[key], theirs[key]) for key in mine)
    if isinstance(one, SequenceNode):
        pairs = zip(one.value, other.value, strict=False)
        return len(one.value) == len(other.value) and all(same_meaning(mine, theirs) for mine, theirs in pairs)
    return bool(one.value == other.value)


def _by_key(node: MappingNode) -> dict[tuple[str, str, int], Node]:
    found: dict[tuple[str, str, int], Node] = {}
    for key, value in node.value:
        number = sum(each[:2] == (key.tag, key.value) for each in found) if isinstance(key.value, str) else 0
        found[key.tag, str(key.value), number] = value
    return found
