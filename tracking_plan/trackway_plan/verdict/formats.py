"""
What a text may look like: one function for each format, used by the fast way and by jsonschema alike.

msgspec has types of its own for dates, UUIDs and decimals. They accept more than the plan means (a date-time
without a zone, a UUID without hyphens, a Decimal from a number), so the fast way decodes text and asks here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from ..model import PropertySpec
from .patterns import matcher

Check = Callable[[str], bool]

DECIMAL_DIGITS = 38
"""Digits a decimal may have in all: what a ClickHouse Decimal(38, s) holds."""

# RFC 3339 with the zone required; up to nanoseconds; digits are ASCII only.
_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,38}(?:\.\d{1,37})?", re.ASCII)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]{1,63}(?:\.[^@\s.]{1,63}){1,8}")
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_URL = re.compile(r"https?://[^\s/?#]+(?:[/?#]\S*)?", re.IGNORECASE)
_HOSTNAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)


def is_timestamp(text: str) -> bool:
    """Whether this is an RFC 3339 date-time with a zone, of a day that exists (`2026-02-30…` does not)."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        return False
    try:
        datetime.fromisoformat(found[1])
    except ValueError:
        return False
    return True


def is_date(text: str) -> bool:
    """Whether this is a day that exists, as YYYY-MM-DD."""
    if _DATE.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_decimal(text: str) -> bool:
    """Whether this is a plain decimal number of at most 38 digits: no exponent, no plus, no spaces."""
    # Digits are only counted where there could be too many: this runs for every event with a price.
    return _DECIMAL.fullmatch(text) is not None and (
        len(text) <= DECIMAL_DIGITS or sum(map(str.isdigit, text)) <= DECIMAL_DIGITS
    )


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return "%" not in text


def _whole(pattern: re.Pattern[str]) -> Check:
    return lambda text: pattern.fullmatch(text) is not None


FORMATS: dict[str, tuple[Check, str]] = {
    "email": (_whole(_EMAIL), "an e-mail address"),
    "uuid": (_whole(_UUID), "a UUID with its hyphens"),
    "url": (_whole(_URL), "a URL that begins with http:// or https://"),
    "hostname": (_whole(_HOSTNAME), "a host name"),
    "ipv4": (_is_ipv4, "an IPv4 address"),
    "ipv6": (_is_ipv6, "an IPv6 address"),
}
"""What `format:` can name: the check, and how a message calls it."""

KIND_FORMATS: dict[str, tuple[Check, str]] = {
    "timestamp": (is_timestamp, 'a timestamp with its zone, such as "2026-03-01T09:30:00Z"'),
    "date": (is_date, 'a date, such as "2026-03-01"'),
    "decimal": (is_decimal, 'a decimal written as text, such as "12.50"'),
}
"""Kinds that are text with a shape of their own."""


@lru_cache(maxsize=4096)
def _exact(bound: str) -> Decimal:
    return Decimal(bound)


def decimal_at_least(text: str, bound: str) -> bool:
    """Whether a decimal is not below `bound`; what is no decimal is not this function's business."""
    return not is_decimal(text) or Decimal(text) >= _exact(bound)


def decimal_at_most(text: str, bound: str) -> bool:
    """Whether a decimal is not above `bound`; what is no decimal is not this function's business."""
    return not is_decimal(text) or Decimal(text) <= _exact(bound)


def text_check(spec: PropertySpec) -> Check | None:
    """What a text of this property must pass beyond its length and choices, or None if that is all."""
    checks: list[Check] = []
    if spec.kind in KIND_FORMATS:
        checks.append(KIND_FORMATS[spec.kind][0])
    if spec.format is not None:
        checks.append(FORMATS[spec.format][0])
    if spec.pattern is not None:
        checks.append(matcher(spec.pattern))
    if spec.kind == "decimal" and spec.min is not None:
        lower = str(spec.min)
        checks.append(lambda text: decimal_at_least(text, lower))
    if spec.kind == "decimal" and spec.max is not None:
        upper = str(spec.max)
        checks.append(lambda text: decimal_at_most(text, upper))
    if not checks:
        return None
    return checks[0] if len(checks) == 1 else lambda text: all(check(text) for check in checks)
