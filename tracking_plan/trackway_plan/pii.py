"""
Personal data in a value: e-mail addresses, phone numbers, payment card numbers.

    value ─▶ every text in it, as it stands and with its escapes undone ─▶ detectors ─▶ {"email", "phone", "card"}

Texts inside lists, objects, JSON text and URLs count, percent-encoded ones too (three times over at most).
What comes out is the kind and never the value, so that a report can be shown to anybody.

A detector that cries wolf is switched off, so each errs on the side of silence: order numbers, timestamps, UUIDs,
coordinates and versions are none of these (a table in tests/tracking_plan/test_pii.py). A number that only might be
a phone number counts where the property's name says that it is one.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

MAX_CHARS = 20_000
"""Longer texts are looked at up to here."""
_MAX_DEPTH = 20
_UNFOLDED = 6
"""How many levels an escaped text counts: three foldings deep at most, since each may hold hundreds of parts."""
_MAX_PARTS = 200


class Personal(StrEnum):
    """A kind of personal data that a detector knows."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"


PII_CLASSES_FOR: dict[Personal, frozenset[str]] = {
    Personal.EMAIL: frozenset({"contact", "free_text", "special"}),
    Personal.PHONE: frozenset({"contact", "free_text", "special"}),
    Personal.CARD: frozenset({"financial"}),
}
"""Kind → the `pii` classes that say such a value may be there. `pseudonymous` does not: it says nobody is named."""

# What stands before the @ of a login in a URL (`https://user:secret@host`), of a handle and of an scp-like address.
_EMAIL = re.compile(
    r"(?<![\w.%+'@-])(?P<local>[\w.%+'-]{1,64})@(?P<domain>(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24})"
    r"(?![\w@-])"
)
_FILE_ENDINGS = ("png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico", "css", "js", "json", "html", "pdf", "zip")
_AUTHORITY = re.compile(r"://[^/\s?#\"'<>]*\Z")

_INTERNATIONAL = re.compile(r"(?<![\w+.,-])\+[1-9]\d{0,2}(?:[ .()/-]{0,2}\d){7,13}(?![\d.-]*\d)(?!\w)")
_DIALLED_00 = re.compile(r"(?<![\w.-])00[1-9]\d{0,2} (?:\(0\) ?)?[1-9]\d{1,5}(?: ?\d{2,8}){1,4}(?![\w-])")
_NORTH_AMERICAN = re.compile(
    r"(?<![\w+.-])(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}(?![\w-]|\.\d)"
)
_NATIONAL = re.compile(r"0[1-9](?:[ .]\d{2}){4}|0[1-9]\d{1,4}[ /]\d{3,4}(?: ?\d{2,5}){1,2}|\(0[1-9]\d{1,4}\) ?\d{5,8}")
_ISO_6709 = re.compile(r"[+-]\d{2,6}(?:\.\d+)?[+-]\d{3,7}(?:\.\d+)?")
_PHONE_NAME = re.compile(r"(?:^|[_.\- ])(?:phone|mobile|cell|tel|telephone|msisdn|whatsapp|fax)(?:$|[_.\- ])")
_ONLY_A_NUMBER = re.compile(r"\+?[\d ()/.-]{7,24}")

_CARD = re.compile(
    r"(?<![\w.-])(?:\d{14,16}|\d{19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|3\d{3}([ -])\d{6}\2\d{5})(?![\w-]|\.\d)"
)
# Leading digits and lengths that card schemes use (ISO/IEC 7812 issuer ranges).
_ISSUER = re.compile(
    r"4(?:\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}|62\d{14}(?:\d{3})?"
)


def personal_data(value: Any, name: str = "") -> frozenset[Personal]:
    """
    The kinds of personal data that a JSON value holds; empty if none was recognised.

    Args:
        value: text, number, list or object, as JSON decodes them.
        name: the property's name; one that speaks of phones lets bare digits count as a phone number.
    """
    found: set[Personal] = set()
    named_phone = _names_a_phone(name)
    for text in _texts(value, 0):
        found |= in_text(text)
        if named_phone and _is_number_alone(text):
            found.add(Personal.PHONE)
        if len(found) == len(Personal):
            break
    return frozenset(found)


def in_text(text: str) -> set[Personal]:
    """The kinds in a text as it stands: no escapes are undone."""
    found: set[Personal] = set()
    if "@" in text and _has_email(text):
        found.add(Personal.EMAIL)
    digits = sum(map(str.isdigit, text)) if len(text) >= 8 else 0
    if digits >= 8 and _has_phone(text):
        found.add(Personal.PHONE)
    if digits >= 14 and any(_is_card(match[0]) for match in _CARD.finditer(text)):
        found.add(Personal.CARD)
    return found


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit that ISO/IEC 7812 asks for; one random number in ten passes."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        number = int(char) * (2 if place % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def looks_like_card(value: Any) -> bool:
    """Whether a value has the length and leading digits of a card number, whatever its check digit says."""
    text = str(value) if type(value) in (int, str) else ""
    return bool(_CARD.fullmatch(text.strip()) and _ISSUER.fullmatch(re.sub(r"[ -]", "", text)))


def _has_email(text: str) -> bool:
    for match in _EMAIL.finditer(text):
        if match["domain"].rpartition(".")[2].lower() in _FILE_ENDINGS:
            continue  # logo@2x.png
        if _AUTHORITY.search(text, max(0, match.start() - 300), match.start()):
            continue  # https://user:secret@host
        if text[match.end() : match.end() + 1] == ":" and match["local"] == "git":
            continue  # git@github.com:owner/repo.git
        return True
    return False


def _has_phone(text: str) -> bool:
    for match in _INTERNATIONAL.finditer(text):
        if not _ISO_6709.match(text, match.start()):
            return True
    if _DIALLED_00.search(text) or _NORTH_AMERICAN.search(text):
        return True
    whole = text.strip()
    return len(whole) <= 24 and 9 <= sum(map(str.isdigit, whole)) <= 13 and bool(_NATIONAL.fullmatch(whole))


def _is_number_alone(text: str) -> bool:
    return bool(_ONLY_A_NUMBER.fullmatch(text.strip())) and 7 <= sum(map(str.isdigit, text)) <= 15


def _names_a_phone(name: str) -> bool:
    # phoneNumber, phone_number and phone-number alike.
    return bool(name) and bool(_PHONE_NAME.search(re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()))


def _is_card(text: str) -> bool:
    digits = re.sub(r"[ -]", "", text)
    return bool(_ISSUER.fullmatch(digits)) and passes_luhn(digits)


def _texts(value: Any, depth: int) -> Iterator[str]:
    """Every text in a value: as it stands, and what its JSON, its percent escapes and its query string spell."""
    if isinstance(value, str):
        text = value[:MAX_CHARS]
        yield text
        if depth < _MAX_DEPTH:
            for inside in _inside(text):
                yield from _texts(inside, depth + _UNFOLDED)
    elif isinstance(value, int) and not isinstance(value, bool):
        if abs(value) < 10**20:
            yield str(value)
    elif depth < _MAX_DEPTH and isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item, depth + 1)
    elif depth < _MAX_DEPTH and isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(str(key), depth + 1)
            yield from _texts(item, depth + 1)


def _inside(text: str) -> Iterator[Any]:
    if text[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):
            yield json.loads(text)
    elif "=" in text:
        # Each part by itself: `?tel=030%2F12345678` holds a number that is alone there.
        yield from (unquote(part) for part in re.split(r"[?&#=;]", text)[:_MAX_PARTS] if len(part) >= 6)
    elif "%" in text and (plain := unquote(text)) != text:
        yield plain
