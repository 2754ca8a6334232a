r"""
Patterns: a subset of regular expressions that means the same in Python and JavaScript and cannot run away.

    text        any character except . ^ $ * + ? ( ) [ ] { } | \ /; those after a backslash
    .           any character except a line break
    [a-z_]      one of these; [^a-z] none of these; inside, \d \w and escaped ^ - ] \
    \d \w       ASCII digit; ASCII letter, digit or underscore
    (…|…)       a group (also written (?:…)) and alternatives
    * + ? {2} {2,} {2,5}      how often the character, class or group before it

A pattern matches the whole value; `^` at its start and `$` at its end are allowed and change nothing. Left
out because the two languages differ: \s \b \D \W \S \p, look-around, back references, lazy and possessive
quantifiers.

Both languages match by backtracking: `^(a+)+$` on 27 characters took 3 s. So a group that repeats may hold
neither another repetition nor alternatives, at most one repetition may be able to match what follows it as
well, and a value of more than 1,000 characters matches no pattern. That bounds the work by the square of the
value's length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

LONGEST_VALUE = 1000
LONGEST_PATTERN = 500
MOST_REPEATS = 1000
MOST_FREE_CHOICES = 3
"""Alternatives or optional parts that begin alike: each doubles the work."""

Ranges = tuple[tuple[int, int], ...]

_END = 0x10FFFF
_SYNTAX = "^$\\.*+?()[]{}|/"
_ESCAPES: dict[str, Ranges] = {
    "d": ((0x30, 0x39),),
    "w": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
}


class PatternError(ValueError):
    """A pattern outside the subset; the message says which part and why."""


@dataclass(frozen=True)
class _Group:
    branches: tuple[tuple[_Piece, ...], ...]


@dataclass(frozen=True)
class _Piece:
    atom: Ranges | _Group
    least: int = 1
    most: int | None = 1

    @property
    def varies(self) -> bool:
        return self.least != self.most

    @property
    def repeats(self) -> bool:
        return self.most is None or self.most > 1


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> Callable[[str], bool]:
    """
    A function that says whether a whole text matches the pattern.

    Raises:
        PatternError: the pattern is outside the subset this module's docstring describes.
    """
    branches = _Parser(pattern).parse()
    _refuse_runaways(branches)
    compiled = re.compile(_python(branches))

    def matches(text: str) -> bool:
        return len(text) <= LONGEST_VALUE and compiled.fullmatch(text) is not None

    return matches


@dataclass
class _Parser:
    pattern: str
    at: int = 0
    end: int = field(init=False)

    def parse(self) -> tuple[tuple[_Piece, ...], ...]:
        if len(self.pattern) > LONGEST_PATTERN:
            raise PatternError(f"it is longer than {LONGEST_PATTERN} characters")  # noqa: EM102
        self.end = len(self.pattern)
        anchored = self._strip_anchors()
        branches = self._alternatives()
        if self.at < self.end:
            self._refuse("`)` without its `(`")
        if anchored and len(branches) > 1:
            self._refuse(
                "`^` and `$` beside `|` bind to one alternative only; leave them out",
                at=0,
            )
        return branches

    def _strip_anchors(self) -> bool:
        starts, ends = self.pattern.startswith("^"), False
        self.at = int(starts)
        body = self.pattern[self.at :]
        if body.endswith("$"):
            escapes = len(body) - 1 - len(body[:-1].rstrip("\\"))
            ends = escapes % 2 == 0
            self.end -= int(ends)
        return starts or ends

    def _alternatives(self) -> tuple[tuple[_Piece, ...], ...]:
        branches: list[tuple[_Piece, ...]] = []
        pieces: list[_Piece] = []
        while self.at < self.end and self.pattern[self.at] != ")":
            if self.pattern[self.at] == "|":
                self.at += 1
                branches.append(tuple(pieces))
                pieces = []
            else:
                pieces.append(self._quantified(self._atom()))
        return (*branches, tuple(pieces))

    def _atom(self) -> Ranges | _Group:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == ".":
            return _complement(((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)))
        if char == "\\":
            return self._escape("")
        if char in "^$":
            self._refuse(f"`{char}` in the middle; a pattern always matches the whole value")
        if char in "*+?{":
            self._refuse(f"`{char}` with nothing to repeat")
        if char in _SYNTAX:
            self._refuse(f"`{char}` has a meaning of its own; write `\\{char}` for the character")
        return ((ord(char), ord(char)),)

    def _group(self) -> _Group:
        opened = self.at - 1
        if self.pattern.startswith("?", self.at):
            if not self.pattern.startswith("?:", self.at):
                self._refuse("only plain groups `(…)` and `(?:…)` are known, no look-around or named groups")
            self.at += 2
        branches = self._alternatives()
        if self.at >= self.end:
            self._refuse("`(` without its `)`", at=opened)
        self.at += 1
        return _Group(branches)

    def _escape(self, extra: str) -> Ranges:
        if self.at >= self.end:
            self._refuse("a backslash at the end")
        char = self._next()
        if char in _ESCAPES:
            return _ESCAPES[char]
        if char not in _SYNTAX + extra:
            self._refuse(f"`\\{char}` is not part of the subset; known: \\d, \\w and \\ before {_SYNTAX}")
        return ((ord(char), ord(char)),)

    def _class(self) -> Ranges:
        opened = self.at - 1
        negated = self.pattern.startswith("^", self.at)
        self.at += int(negated)
        ranges: list[tuple[int, int]] = []
        while True:
            if self.at >= self.end:
                self._refuse("`[` without its `]`", at=opened)
            char = self._next()
            if char == "]":
                break
            low = self._escape("-") if char == "\\" else self._member(char)
            if self.pattern.startswith("-", self.at) and not self.pattern.startswith("-]", self.at):
                self.at += 1
                char = self._next() if self.at < self.end else "]"
                high = self._escape("-") if char == "\\" else self._member(char)
                if low[0][0] != low[-1][1] or high[0][0] != high[-1][1] or low[0][0] > high[0][0]:
                    self._refuse("a range in `[…]` must go from one character up to another")
                low = ((low[0][0], high[0][0]),)
            ranges.extend(low)
        if not ranges:
            self._refuse("an empty `[]`", at=opened)
        return _complement(_merged(ranges)) if negated else _merged(ranges)

    def _member(self, char: str) -> Ranges:
        if char in "[]":
            self._refuse(f"`{char}` inside `[…]`; write `\\{char}`")
        return ((ord(char), ord(char)),)

    def _quantified(self, atom: Ranges | _Group) -> _Piece:
        found = re.compile(r"[*+?]|\{([0-9]{1,4})(?:(,)([0-9]{1,4})?)?\}").match(self.pattern, self.at, self.end)
        if found is None:
            if self.pattern.startswith("{", self.at):
                self._refuse("`{` must be a count such as {2}, {2,} or {2,5}")
            return _Piece(atom)
        self.at = found.end()
        if self.at < self.end and self.pattern[self.at] in "*+?{":
            self._refuse("a quantifier after a quantifier; lazy and possessive ones are not known")
        simple = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if found[0] in simple:
            least, most = simple[found[0]]
            return _Piece(atom, least, most)
        least = int(found[1])
        most = least if found[2] is None else int(found[3]) if found[3] is not None else None
        if most is not None and not (least <= most <= MOST_REPEATS and most > 0):
            self._refuse(f"a count must rise and be at most {MOST_REPEATS}")
        if least > MOST_REPEATS:
            self._refuse(f"a count must be at most {MOST_REPEATS}")
        return _Piece(atom, least, most)

    def _next(self) -> str:
        char = self.pattern[self.at]
        self.at += 1
        return char

    def _refuse(self, message: str, at: int | None = None) -> None:
        where = (self.at - 1 if at is None else at) + 1
        raise PatternError(f"{message} (character {max(where, 1)})")  # noqa: EM102


def _refuse_runaways(branches: tuple[tuple[_Piece, ...], ...]) -> None:
    runs, choices = _free(branches, ())
    if runs > 1:
        msg = (
            "more than one repetition could also match what follows it, so matching could take very long; "
            "put a character between them that the repetition leaves out"
        )
        raise PatternError(msg)
    if choices > MOST_FREE_CHOICES:
        msg = f"over {MOST_FREE_CHOICES} alternatives or optional parts begin alike; put that first"
        raise PatternError(msg)


def _free(branches: tuple[tuple[_Piece, ...], ...], follow: Ranges) -> tuple[int, int]:
    """How many repetitions, and how many alternatives and optional parts, leave the matcher a choice."""
    firsts = [_merged([*_first(branch), *(follow if _empty(branch) else ())]) for branch in branches]
    runs, choices = 0, sum(_overlap(a, b) for i, a in enumerate(firsts) for b in firsts[:i])
    for branch in branches:
        after = follow
        for piece in reversed(branch):
            first = _first((piece,))
            if piece.varies and _overlap(first, after):
                runs, choices = runs + piece.repeats, choices + (not piece.repeats)
            if isinstance(piece.atom, _Group):
                if piece.repeats:
                    _refuse_nesting(piece.atom)
                else:
                    inner = _free(piece.atom.branches, after)
                    runs, choices = runs + inner[0], choices + inner[1]
            after = _merged([*first, *after]) if _empty((piece,)) else first
    return runs, choices


def _refuse_nesting(group: _Group) -> None:
    if len(group.branches) > 1 or not group.branches[0]:
        raise PatternError("a group that repeats may not hold alternatives or be empty")  # noqa: EM101
    for piece in group.branches[0]:
        if piece.varies:
            raise PatternError("a group that repeats may not hold another repetition or optional part")  # noqa: EM101
        if isinstance(piece.atom, _Group):
            _refuse_nesting(piece.atom)


def _empty(pieces: tuple[_Piece, ...]) -> bool:
    return all(
        piece.least == 0 or (isinstance(piece.atom, _Group) and any(_empty(branch) for branch in piece.atom.branches))
        for piece in pieces
    )


def _first(pieces: tuple[_Piece, ...]) -> Ranges:
    """The characters a match of these pieces can begin with."""
    found: list[tuple[int, int]] = []
    for piece in pieces:
        if isinstance(piece.atom, _Group):
            found.extend(span for branch in piece.atom.branches for span in _first(branch))
        else:
            found.extend(piece.atom)
        if not _empty((piece,)):
            break
    return _merged(found)


def _merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def _complement(ranges: Ranges) -> Ranges:
    gaps, start = [], 0
    for low, high in ranges:
        if start < low:
            gaps.append((start, low - 1))
        start = high + 1
    return tuple([*gaps, (start, _END)] if start <= _END else gaps)


def _overlap(a: Ranges, b: Ranges) -> bool:
    return any(low <= top and bottom <= high for low, high in a for bottom, top in b)


def _python(branches: tuple[tuple[_Piece, ...], ...]) -> str:
    return "|".join("".join(_python_piece(piece) for piece in branch) for branch in branches)


def _python_piece(piece: _Piece) -> str:
    if isinstance(piece.atom, _Group):
        atom = f"(?:{_python(piece.atom.branches)})"
    else:
        atom = "[" + "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in piece.atom) + "]"
    if (piece.least, piece.most) == (1, 1):
        return atom
    return f"{atom}{{{piece.least},{'' if piece.most is None else piece.most}}}"
