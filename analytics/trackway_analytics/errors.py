"""
What can go wrong with a question.

```
AnalyticsError
├─ QuestionError          the question cannot be asked: nothing was sent to the warehouse
│  └─ WhereError          a `where` expression cannot be read; `.expression`, `.position`
└─ InputFileError         `trackway try`: the file cannot be read as events
```

What the warehouse reports are the `WarehouseError`s of `trackway_collector.warehouse`; they pass through
unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class AnalyticsError(Exception):
    """Anything Trackway's analytics reports."""


class QuestionError(AnalyticsError, ValueError):
    """
    The question makes no sense as it is put; the message says which option, what is known, what to write.
    """


class WhereError(QuestionError):
    """A `where` expression that cannot be read. `position` counts from 0 in `expression`."""

    def __init__(self, expression: str, position: int, problem: str, cure: str) -> None:
        self.expression = expression
        self.position = position
        caret = " " * position + "^"
        super().__init__(f"where: {problem}, at character {position + 1}:\n  {expression}\n  {caret}\n  {cure}")


class InputFileError(AnalyticsError):
    """A file of events that cannot be read; the message says where and what to write instead."""


def near(name: str, known: Iterable[str]) -> str:
    """Return ' Did you mean `x`?' for a misspelt `name`, or ''."""
    match = get_close_matches(name, list(known), n=1)
    return f" Did you mean `{match[0]}`?" if match else ""


def one_of(option: str, value: object, known: Iterable[str]) -> str:
    """
    Return `value` if it is one of `known`.

    Raises:
        QuestionError: it is not; the message lists what is known.
    """
    choices = list(known)
    if isinstance(value, str) and value in choices:
        return value
    listed = ", ".join(f'"{choice}"' for choice in choices)
    message = f"{option}={value!r} is not known.{near(str(value), choices)}\n  Known: {listed}."
    raise QuestionError(message)
