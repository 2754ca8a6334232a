"""
Layout: a plan's files in one order and one style, so that a review sees what changed and nothing else.

    text ─ tree ─▶ entries with their comments ─ order, writer ─▶ text

Nothing is trusted to the writer alone: what it wrote is read again, must hold the same data and the same comments,
and must stay as it is when it is laid out once more. Otherwise the file is left as it was.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from yaml.nodes import Node

from ..errors import Problem
from ..loading.yaml_file import parse_text, read_text
from .order import shape_of
from .tree import Block, LayoutError, comments, read_tree, same_meaning
from .writer import write

__all__ = ["laid_out", "plan_files"]

_OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029]")
_HINT = "It was left as it is. Write it in simpler YAML: keys of text, no tags."


def plan_files(directory: Path) -> list[Path]:
    """The YAML files that a plan in `directory` is made of, in order."""
    patterns = ("plan.yaml", "types.yaml", "accepted.yaml", "groups/*.yaml", "traits/*.yaml", "events/*/*.yaml")
    return sorted(path for pattern in patterns for path in directory.glob(pattern) if path.is_file())


def laid_out(path: Path, directory: Path, problems: list[Problem]) -> tuple[str, str] | None:
    """A file's text as it is and as `fmt` writes it; None and a problem if it cannot be parsed."""
    whole = read_text(path, str(path), problems)
    text = None if whole is None else whole.replace("\r\n", "\n")
    root = None if text is None else parse_text(text, str(path), problems)
    if whole is None or text is None or root is None:
        return None
    name = path.relative_to(directory).as_posix()
    try:
        new = _formatted(text, root, name)
        _prove(text, root, new, name)
    except LayoutError as why:
        problems.append(Problem(str(path), 1, 1, f"the file cannot be laid out: {why}.", _HINT))
        return None
    return whole, new


def _formatted(text: str, root: Node, name: str) -> str:
    if _OTHER_BREAKS.search(text):
        message = "it has line breaks of another kind"
        raise LayoutError(message)
    tree, rest = read_tree(text, root)
    if not isinstance(tree, Block) or rest or tree.flow:
        message = "it is not a block of `key: value` lines"
        raise LayoutError(message)
    return write(tree, shape_of(name))


def _root(text: str) -> Node:
    root = parse_text(text, "", [])
    if root is None:
        message = "it is not YAML any more"
        raise LayoutError(message)
    return root


def _prove(text: str, root: Node, new: str, name: str) -> None:
    after = _root(new)
    if not same_meaning(root, after):
        message = "its meaning would change"
        raise LayoutError(message)
    if Counter(each.text for each in comments(text)) != Counter(each.text for each in comments(new)):
        message = "a comment would be lost"
        raise LayoutError(message)
    if _formatted(new, after, name) != new:
        message = "it would look different each time"
        raise LayoutError(message)
