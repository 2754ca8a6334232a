"""
Python values as the text that ClickHouse reads for `{name:Type}` parameters, alike for a server and for chDB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Name:
    """
    A name as the value of an `{…:Identifier}` parameter.

    Not a `str`: the engine takes an Identifier as it comes, while the driver escapes strings, and a name with
    a quote, backtick or backslash would become another name.
    """

    text: str

    def __str__(self) -> str:
        return self.text


def exact(params: Mapping[str, object] | None) -> dict[str, object]:
    """
    The parameters as clickhouse-connect formats them without loss: a datetime as UTC text, whose microseconds
    it would cut; a set as a sorted list.

    Raises:
        ValueError: a `datetime` without time zone; the name of the parameter is in the message.
    """
    return {name: _exact(value, name) for name, value in (params or {}).items()}


def bind(params: Mapping[str, object] | None) -> dict[str, str]:
    """Parameter name → ClickHouse's text for its value, as chDB (and `param_name` over HTTP) takes it."""
    if not params:
        return {}
    from clickhouse_connect.driver.binding import format_bind_value

    return {name: str(format_bind_value(value, UTC)) for name, value in exact(params).items()}


def _exact(value: object, name: str) -> object:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            message = f"parameter `{name}`: {value!r} has no time zone. Write `tzinfo=datetime.UTC`."
            raise ValueError(message)
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, list):
        return [_exact(item, name) for item in value]
    if isinstance(value, tuple):
        return tuple(_exact(item, name) for item in value)
    if isinstance(value, dict):
        return {key: _exact(item, name) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(_exact(item, name) for item in value)  # type: ignore[type-var]
    return value
