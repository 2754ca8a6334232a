"""
Make a value fit the typed path it would be stored in, or set it aside.

One value that does not fit its typed path fails the whole insert, a fraction in an integer path is cut off without a
word, and a number too large becomes another number. So whatever does not fit exactly never enters the JSON column: it
goes to `misfits`, as the JSON text it was.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from trackway_collector.timestamps import parse_timestamp_us
from trackway_collector.warehouse.plan_columns import MAX_DEPTH

_INT64 = range(-(2**63), 2**63)
# Beyond 2^53 not every integer has a Float64 of its own.
_EXACT_IN_FLOAT = 2**53
_MISFIT = object()
_encode = msgspec.json.Encoder().encode

Fit = Callable[[Any], Any]


def fits_for(types: Mapping[str, str]) -> dict[str, Fit]:
    """
    Return, for each property with a typed path, the function that gives the value to store or refuses it.

    Args:
        types: typed path → ClickHouse type; a dot in a property's name is `%2E` in its path.
    """
    return {path.replace("%2E", "."): fit for path, kind in types.items() if (fit := _fit_for(kind)) is not None}


def shape(values: Mapping[str, Any], fits: Mapping[str, Fit]) -> tuple[dict[str, Any], dict[str, str]]:
    """
    Return what can be stored as JSON, and the misfits as path → JSON text.

    Nulls are left out of both: an absent value and a null one read the same.
    """
    shaped: dict[str, Any] = {}
    misfits: dict[str, str] = {}
    for name, value in values.items():
        if value is None:
            continue
        fit = fits.get(name)
        stored = fit(value) if fit is not None else _any(value)
        if stored is _MISFIT:
            misfits[name] = json_text(value)
        else:
            shaped[name] = stored
    return shaped, misfits


def json_text(value: Any) -> str:
    """Return a value as JSON text."""
    return _encode(value).decode()


def _fit_for(kind: str) -> Fit | None:
    kind = re.sub(r"^(?:LowCardinality|Nullable)\((.*)\)$", r"\1", kind)
    kind = re.sub(r"^(?:LowCardinality|Nullable)\((.*)\)$", r"\1", kind)
    if kind.startswith("Decimal"):
        numbers = re.findall(r"\d+", kind.partition("(")[2])
        return _decimal(int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else None
    if kind.startswith("DateTime64"):
        return _timestamp
    return _FITS.get(kind)


def _int(value: Any) -> Any:
    if type(value) is float and value.is_integer() and abs(value) <= _EXACT_IN_FLOAT:
        value = int(value)
    return value if type(value) is int and value in _INT64 else _MISFIT


def _float(value: Any) -> Any:
    if type(value) is int and abs(value) <= _EXACT_IN_FLOAT:
        return value
    return value if type(value) is float and math.isfinite(value) else _MISFIT


def _text(value: Any) -> Any:
    return value if type(value) is str else _MISFIT


def _bool(value: Any) -> Any:
    return value if type(value) is bool else _MISFIT


def _timestamp(value: Any) -> Any:
    return value if parse_timestamp_us(value) is not None else _MISFIT


def _date(value: Any) -> Any:
    try:
        return value if type(value) is str and 1970 <= date.fromisoformat(value).year <= 2261 else _MISFIT
    except ValueError:
        return _MISFIT


def _decimal(precision: int, scale: int) -> Fit:
    limit = Decimal(10) ** (precision - scale)

    def fit(value: Any) -> Any:
        if type(value) is not str:
            return _MISFIT
        try:
            number = Decimal(value)
        except InvalidOperation:
            return _MISFIT
        exponent = number.as_tuple().exponent
        exact = isinstance(exponent, int) and -exponent <= scale and abs(number) < limit
        return value if exact else _MISFIT

    return fit


def _any(value: Any, depth: int = 0) -> Any:
    # The engine's JSON type holds integers up to UInt64 exactly, and refuses a block with very deep objects.
    kind = type(value)
    if kind is int:
        return value if -(2**63) <= value < 2**64 else _MISFIT
    if kind is float:
        return value if math.isfinite(value) else _MISFIT
    if kind is dict or kind is list:
        inner = value.values() if kind is dict else value
        if depth >= MAX_DEPTH or any(_any(item, depth + 1) is _MISFIT for item in inner):
            return _MISFIT
    return value


def _list_of(fit: Fit) -> Fit:
    def each(value: Any) -> Any:
        if type(value) is not list:
            return _MISFIT
        shaped = [fit(item) for item in value]
        return _MISFIT if any(item is _MISFIT for item in shaped) else shaped

    return each


_FITS: dict[str, Fit] = {
    "Int64": _int,
    "Float64": _float,
    "String": _text,
    "Bool": _bool,
    "Date32": _date,
    "Date": _date,
}
_FITS |= {f"Array({kind})": _list_of(fit) for kind, fit in tuple(_FITS.items())}
