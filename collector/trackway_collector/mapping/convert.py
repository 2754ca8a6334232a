"""
Conversions: `as:` and what belongs to it. Each takes a value that is there and returns another, or raises Unmappable.

Nothing is guessed: `1,5` is no number until the mapping says what the comma is, `03/04/2026` no day until it says which
comes first. What has the type already passes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, TypeVar

from trackway_collector.mapping.errors import Unmappable

Convert = Callable[[Any], Any]
N = TypeVar("N", int, float)

EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
"""Format → microseconds in one unit."""

_TRUE = frozenset({"true", "yes", "y", "on", "1", "t"})
_FALSE = frozenset({"false", "no", "n", "off", "0", "f"})
_WORDS = _TRUE | _FALSE
_PLAIN_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_DIGITS = 400
_LONGEST_INT64 = 21
_EXACT_IN_FLOAT = 2**53


def text(value: Any) -> str:
    """Return a value as text; a whole float without its `.0`, lists and objects as JSON."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is float and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return str(value)


def number_from(decimal: str = ".", grouping: str = "", divide_by: int | float | None = None) -> Convert:
    """Return the conversion to a number: whole where it is whole, else a float."""
    divided = None if divide_by is None else decimal_from(decimal, grouping, divide_by)
    usual = decimal == "." and not grouping

    def convert(value: Any) -> int | float:
        if divided is not None:
            plain = divided(value)
        elif type(value) is str:
            plain = value if usual and _PLAIN_NUMBER.fullmatch(value) else _plain(value, decimal, grouping)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            return _finite(value)
        elif isinstance(value, Decimal):
            plain = str(value)
        else:
            return _no_number()
        if plain.lstrip("+-").isdigit() and len(plain) <= _LONGEST_INT64 and -(2**63) <= (whole := int(plain)) < 2**64:
            return whole  # ids of 19 digits are common, and a float would round them
        number = float(plain)
        if number.is_integer() and -_EXACT_IN_FLOAT < number < _EXACT_IN_FLOAT:
            return int(number)
        return _finite(number)

    return convert


def int_from(decimal: str = ".", grouping: str = "", divide_by: int | float | None = None) -> Convert:
    """Return the conversion to a whole number; one with a fraction is refused."""
    convert_number = number_from(decimal, grouping, divide_by)

    def convert(value: Any) -> int:
        if type(value) is int and divide_by is None:
            return value
        found = convert_number(value)
        if isinstance(found, float) and not found.is_integer():
            message = "has a fraction, and a whole number is wanted"
            raise Unmappable(message)
        return int(found)

    return convert


def decimal_from(decimal: str = ".", grouping: str = "", divide_by: int | float | None = None) -> Convert:
    """Return the conversion to a decimal in text, which is exact: what properties of type `decimal` hold."""
    divisor = None if divide_by is None else Decimal(str(divide_by))

    def convert(value: Any) -> str:
        if type(value) is str:
            plain = _plain(value, decimal, grouping)
        elif type(value) in (int, float) or isinstance(value, Decimal):
            plain = str(value)
        else:
            return _no_number()
        try:
            found = Decimal(plain) if divisor is None else Decimal(plain) / divisor
        except InvalidOperation:
            return _no_number()
        return format(found, "f") if found.is_finite() else _no_number()

    return convert


def _plain(value: str, decimal: str, grouping: str) -> str:
    """The number's text as programs write it."""
    plain = value.strip()
    if grouping:
        plain = plain.replace(grouping, "")
    if decimal != ".":
        # A point is no part of such a number, unless it groups.
        plain = "" if "." in plain else plain.replace(decimal, ".")
    return plain if len(plain) <= _MAX_DIGITS and _PLAIN_NUMBER.fullmatch(plain) else _no_number()


def boolean(value: Any) -> bool:
    """Return the truth value that a value or a usual word for it stands for."""
    if type(value) is bool:
        return value
    word = value if type(value) is str and value in _WORDS else text(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    message = "is neither true nor false"
    raise Unmappable(message)


def timestamp_from(form: str = "iso", zone: tzinfo = UTC) -> Convert:
    """
    Return the conversion to a time in UTC.

    Args:
        form: `iso`, `epoch_s`, `epoch_ms`, `epoch_us`, or a pattern of strptime.
        zone: where a clock without a zone stands. An hour that comes twice in autumn is the first of the two.
    """
    if form in EPOCHS:
        return _from_epoch(EPOCHS[form])
    read = datetime.fromisoformat if form == "iso" else _reader(form)

    def convert(value: Any) -> datetime:
        try:
            if type(value) is str:
                at = read(value.strip())
            elif isinstance(value, datetime):
                at = value
            elif isinstance(value, date):
                at = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the zone comes below
            else:
                raise Unmappable(_TIME_HINT)
            return at.replace(tzinfo=zone).astimezone(UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise Unmappable(f"is no time written as `{form}`") from error  # noqa: EM102

    return convert


_TIME_HINT = "is a number; say what of: `format: epoch_s`, `epoch_ms` or `epoch_us`"


def _reader(form: str) -> Callable[[str], datetime]:
    """Return what reads a time by a pattern; one of digits alone needs no strptime, which takes five times as long."""
    pattern, names = "", []
    for literal, directive in _DIRECTIVE.findall(form):
        if directive and directive not in _DIGITS:
            return lambda value: datetime.strptime(value, form)  # noqa: DTZ007 - its zone, else the mapping's, counts
        name, digits = _DIGITS.get(directive, ("", ""))
        pattern += re.escape(literal) if literal else digits
        names += [name] if name else []
    if len(set(names)) < len(names) or not {"year", "month", "day"} <= set(names):
        return lambda value: datetime.strptime(value, form)  # noqa: DTZ007
    compiled = re.compile(pattern)

    def read(value: str) -> datetime:
        found = compiled.fullmatch(value)
        if found is None:
            raise ValueError(form)
        parts = dict(zip(names, found.groups(), strict=True))
        if "microsecond" in parts:
            parts["microsecond"] = parts["microsecond"].ljust(6, "0")
        return datetime(**{name: int(digits) for name, digits in parts.items()})  # type: ignore[arg-type]  # noqa: DTZ001

    return read


_DIRECTIVE = re.compile(r"([^%]+)|%(.)", re.DOTALL)
_DIGITS = {
    "Y": ("year", "([0-9]{4})"),
    "m": ("month", "([0-9]{1,2})"),
    "d": ("day", "([0-9]{1,2})"),
    "H": ("hour", "([0-9]{1,2})"),
    "M": ("minute", "([0-9]{1,2})"),
    "S": ("second", "([0-9]{1,2})"),
    "f": ("microsecond", "([0-9]{1,6})"),
}


def _from_epoch(unit_us: int) -> Convert:
    def convert(value: Any) -> datetime:
        if isinstance(value, datetime):
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        try:
            if type(value) is int:
                return _EPOCH + timedelta(microseconds=value * unit_us)
            count = Decimal(value.strip() if type(value) is str else str(value))
            return _EPOCH + timedelta(microseconds=int(count * unit_us))
        except (ValueError, OverflowError, InvalidOperation) as error:
            raise Unmappable("is no number of seconds, or a part of them, since 1970") from error  # noqa: EM101

    return convert


def date_from(form: str = "iso", zone: tzinfo = UTC) -> Convert:
    """Return the conversion to a day, `2026-11-23`; of a time it is the day in the zone."""
    to_time = timestamp_from(form, zone)

    def convert(value: Any) -> str:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value.isoformat()
        at: datetime = to_time(value)
        return at.astimezone(zone).date().isoformat()

    return convert


def parsed_json(value: Any) -> Any:
    """Return what a JSON text stands for."""
    try:
        return json.loads(value, parse_constant=_refuse_constant) if type(value) is str else value
    except (ValueError, RecursionError) as error:
        raise Unmappable("is not JSON") from error  # noqa: EM101


def table(values: dict[str, Any], *, strict: bool) -> Convert:
    """Return the conversion by a table, looked up by the value's text; what is not in it passes, unless `strict`."""

    def convert(value: Any) -> Any:
        key = text(value)
        if key in values:
            return values[key]
        if strict:
            raise Unmappable("is none of the values in the table")  # noqa: EM101
        return value

    return convert


def split(separator: str) -> Convert:
    """Return the conversion of a text to the list of its parts, without space around them and without empty ones."""
    return lambda value: [part.strip() for part in text(value).split(separator) if part.strip()]


def _finite(value: N) -> N:
    return value if math.isfinite(value) else _no_number()


def _no_number() -> NoReturn:
    message = "is no number"
    raise Unmappable(message)


def _refuse_constant(word: str) -> Any:
    raise ValueError(word)


SIMPLE: dict[str, Convert] = {
    "text": text,
    "bool": boolean,
    "json": parsed_json,
    "lower": lambda value: text(value).lower(),
    "upper": lambda value: text(value).upper(),
    "strip": lambda value: text(value).strip(),
}
"""Conversions without options."""

NUMBERS: dict[str, Callable[..., Convert]] = {"number": number_from, "int": int_from, "decimal": decimal_from}
TIMES: dict[str, Callable[..., Convert]] = {"timestamp": timestamp_from, "date": date_from}
