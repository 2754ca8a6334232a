"""`when:` which records a rule is for: every line of it must be true."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from trackway_collector.mapping.convert import text
from trackway_collector.mapping.paths import Get

Test = Callable[[Any], bool]


def is_one_of(get: Get, values: Sequence[Any]) -> Test:
    """The field is one of these; numbers and truth values also where the record has them as text."""
    words = frozenset(text(value) for value in values if value is not None)
    missing = None in values

    def test(record: Any) -> bool:
        value = get(record)
        return missing if value is None else text(value) in words

    return test


def is_not(inner: Test) -> Test:
    """The opposite."""
    return lambda record: not inner(record)


def is_present(get: Get, *, present: bool) -> Test:
    """The field is there and neither null nor an empty text, or else it is not."""
    return lambda record: (get(record) not in (None, "")) is present


def matches(get: Get, pattern: re.Pattern[str]) -> Test:
    """The field's text, all of it, is as the pattern says."""
    return lambda record: (value := get(record)) is not None and pattern.fullmatch(text(value)) is not None
