"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    NOTE = "note"
    """Nothing is wrong, but there is something to know."""
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    check: str
    status: Status
    message: str
    """What was found, without keys and without values that may be personal."""
    mend: str = ""
    """What to do about it."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """The same for programs: `--format json` has them."""


class UnreachableError(Exception):
    """There is no way to a collector, so that the checks behind it cannot be made."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(finding.message)


def ok(check: str, message: str, **facts: object) -> Finding:
    """Return that all is well."""
    return Finding(check, Status.OK, message, "", facts)


def note(check: str, message: str, mend: str = "", **facts: object) -> Finding:
    """Return something to know."""
    return Finding(check, Status.NOTE, message, mend, facts)


def problem(check: str, message: str, mend: str, **facts: object) -> Finding:
    """Return something that has to be mended."""
    return Finding(check, Status.PROBLEM, message, mend, facts)


def skipped(check: str, message: str) -> Finding:
    """Return that a check was not made, and why."""
    return Finding(check, Status.SKIPPED, message)
