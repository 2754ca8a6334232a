"""
What can go wrong with a plan before any event is looked at.

    PlanError                      anything this package raises on purpose
    ├── PlanErrors                 the YAML cannot be loaded: all its problems at once
    ├── ReleaseError               a release file is damaged, edited by hand, or of another format
    └── ReleaseExistsError         a release of that number has been written before

An event that breaks the plan is not an exception: it is a `Verdict` (see `validate`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass


class PlanError(Exception):
    """Anything this package raises on purpose; the message says what, where and how to mend it."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in one place; `str()` gives `file:line:column: message` and the hint."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: {self.message}"
        return where + "".join(f"\n  {line}" for line in self.hint.splitlines())

    def to_dict(self) -> dict[str, str | int]:
        """The same as a flat dictionary, for `--format json`."""
        return asdict(self)


class PlanErrors(PlanError):
    """A plan that cannot be loaded, with every problem found, in the order of files and lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ReleaseError(PlanError):
    """A release file that must not be used; `path` is where it was read from, if it was read from a file."""

    def __init__(self, message: str, path: str = "") -> None:
        self.path = path
        super().__init__(f"{path}: {message}" if path else message)


class ReleaseExistsError(PlanError):
    """A release that would overwrite another; releases are immutable."""
