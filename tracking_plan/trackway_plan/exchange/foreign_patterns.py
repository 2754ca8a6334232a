"""
Patterns of JSON Schema, which look for a match anywhere, as patterns of the plan, which match the whole value, and
back.

    Lawyer Morty|Evil Morty   ⇄   .*(Lawyer Morty|Evil Morty).*
    ^[A-Z]{3}$                ⇄   ^[A-Z]{3}$
"""

from __future__ import annotations

from collections.abc import Iterator

from ..verdict.patterns import matcher


def to_plan(pattern: str) -> str:
    """
    The plan's pattern for one of JSON Schema.

    Raises:
        PatternError: it needs what the plan's patterns leave out, such as `\\s` or look-around.
    """
    found = _whole("".join(_slashes_escaped(pattern)))
    matcher(found)
    return found


def _slashes_escaped(pattern: str) -> Iterator[str]:
    """A `/` is escaped in the plan's patterns, as in a JavaScript literal."""
    backslash = False
    for char in pattern:
        yield "\\/" if char == "/" and not backslash else char
        backslash = char == "\\" and not backslash


def _whole(pattern: str) -> str:
    inner = _inside_anchored_group(pattern)
    if inner is not None:
        return inner
    branches = _branches(pattern)
    if len(branches) == 1:
        return pattern if _ends(pattern) == (True, True) else _completed(pattern)
    if not any(any(_ends(branch)) for branch in branches):
        return f".*({pattern}).*"
    return "|".join(_completed(branch) for branch in branches)


def from_plan(pattern: str) -> str:
    """The pattern of JSON Schema for one of the plan."""
    if len(_branches(pattern)) == 1 and _ends(pattern) == (True, True) and _inside_anchored_group(pattern) is None:
        return pattern
    return f"^(?:{pattern})$"


def _ends(branch: str) -> tuple[bool, bool]:
    """Whether a branch is tied to the start and to the end of the value."""
    backslashes = len(branch) - 1 - len(branch[:-1].rstrip("\\"))
    return branch.startswith("^"), branch.endswith("$") and backslashes % 2 == 0


def _completed(branch: str) -> str:
    start, end = _ends(branch)
    body = branch[start : len(branch) - end]
    return ("" if start else ".*") + body + ("" if end else ".*")


def _inside_anchored_group(pattern: str) -> str | None:
    """What is in the brackets of `^(?:…)$`, where that is the whole pattern."""
    if not (pattern.startswith("^(?:") and pattern.endswith(")$")):
        return None
    depth = 0
    for index, char in _bare(pattern):
        depth += (char == "(") - (char == ")")
        if depth == 0 and char == ")":
            return pattern[4:-2] if index == len(pattern) - 2 else None
    return None


def _branches(pattern: str) -> list[str]:
    """The alternatives at the top: `a|b` has two, `(a|b)` one."""
    found, depth, start = [], 0, 0
    for index, char in _bare(pattern):
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            found.append(pattern[start:index])
            start = index + 1
    return [*found, pattern[start:]]


def _bare(pattern: str) -> list[tuple[int, str]]:
    """The characters that may be syntax, with their places: not escaped and not in `[…]`."""
    found, escaped, in_class = [], False, False
    for index, char in enumerate(pattern):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
        else:
            found.append((index, char))
    return found
