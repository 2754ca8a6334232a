"""What can go wrong with a mapping: the file itself, or one record."""

from __future__ import annotations

from collections.abc import Iterable

from trackway_collector.errors import CollectorError
from trackway_plan.errors import Problem


class MappingError(CollectorError):
    """A mapping file that cannot be used; the message has every problem with file, line and column."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Unmappable(CollectorError):
    """
    A record that the mapping cannot make an event of.

    The message names the part of the event and the field of the record, never the value: it may be personal, and the
    message goes into reports and logs.
    """

    def __init__(self, reason: str, target: str = "") -> None:
        self.reason = reason
        self.target = target
        super().__init__(f"{target}: {reason}" if target else reason)

    def within(self, name: str) -> Unmappable:
        """The same, with the part of the event it happened in named more exactly."""
        dot = "." if self.target and not self.target.startswith("[") else ""
        return Unmappable(self.reason, f"{name}{dot}{self.target}")
