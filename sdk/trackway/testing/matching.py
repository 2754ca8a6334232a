"""Whether an event carries what a test expects, and if not, where it differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

import msgspec

from trackway._events.payloads import object_body
from trackway.testing.events import shortened

if TYPE_CHECKING:
    from trackway.testing.events import TrackedEvent


class _Missing:
    def __repr__(self) -> str:
        return "missing"


MISSING = _Missing()
_PLAIN = (str, int, float, bool)


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where an event is not as expected."""

    path: str
    """Names joined by dots, list positions in brackets."""
    expected: object
    found: object

    def __str__(self) -> str:
        if self.found is MISSING:
            return f"{self.path}: expected {shown(self.expected)}, is missing"
        return f"{self.path}: expected {shown(self.expected)}, found {shown(self.found)}"


def differences(expected: Mapping[str, object], event: TrackedEvent) -> list[Difference]:
    """
    Return where the event does not carry what is expected; it may carry more.

    An expected mapping is part of the one found, at any depth; a list has the same length. Values compare as they are
    sent: a `Decimal`, a `UUID`, an `Enum` or a `datetime` equals the text it becomes. Whatever knows how to be equal,
    `pytest.approx` or `unittest.mock.ANY`, may stand for a value.
    """
    return _in_mapping(expected, event.properties, "")


def shown(value: object) -> str:
    """Return a value for a message."""
    return shortened(repr(value))


def _in_mapping(expected: Mapping[str, object], found: Mapping[str, object], path: str) -> list[Difference]:
    result = []
    for name, wanted in expected.items():
        where = f"{path}.{name}" if path else str(name)
        if name in found:
            result += _in_value(wanted, found[name], where)
        else:
            result.append(Difference(where, wanted, MISSING))
    return result


def _in_value(expected: object, found: object, path: str) -> list[Difference]:
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return _in_mapping(expected, found, path)
    if _is_list(expected) and _is_list(found) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [item for place, (wanted, had) in pairs for item in _in_value(wanted, had, f"{path}[{place}]")]
    if _equal(expected, found):
        return []
    if expected is not None and type(expected) not in _PLAIN:
        sent = msgspec.json.decode(object_body({"value": expected}))["value"]
        if sent == found:
            return []
        if isinstance(sent, dict) and isinstance(found, Mapping):  # of a dataclass, say
            return _in_mapping(sent, found, path)
    return [Difference(path, expected, found)]


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _equal(expected: object, found: object) -> bool:
    # To Python, True equals 1; to whoever counts events, it does not.
    if isinstance(expected, bool | int | float) and isinstance(expected, bool) is not isinstance(found, bool):
        return False
    return bool(expected == found)
