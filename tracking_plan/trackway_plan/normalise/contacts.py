"""E-mail addresses and telephone numbers."""

from __future__ import annotations

import re

_MAX_CHARS = 320
_EMAIL = re.compile(r"[^\s@<>\",;:\\()\[\]]+@([^\s@<>\",;:\\()\[\]]+\.[^\s@<>\",;:\\()\[\].]+)\.?")
# What older and newer rules for international names write differently: only the mail system can tell which is meant.
_UNCERTAIN = re.compile("[\u00df\u03c2\u200c\u200d]")
_PHONE = re.compile(r"(?:tel:)?\+(?P<rest>[0-9][0-9\s().\-/\u2010-\u2013]*)", re.ASCII | re.IGNORECASE)
_TRUNK = re.compile(r"\(0\)")
_NO_DIGIT = re.compile(r"[^0-9]")
_MIN_DIGITS = 8
_MAX_DIGITS = 15


def email(text: str) -> str:
    """
    Return an e-mail address in lower case, without spaces around it, its domain in ASCII (`xn--…`).

    The part before the `@` is lowered too: by the letter of the standard it may differ by case, and no provider that
    people use makes use of that. Dots and `+labels` stay, since they are different addresses in most places.
    """
    bare = text.strip()
    found = _EMAIL.fullmatch(bare) if len(bare) <= _MAX_CHARS else None
    if found is None:
        return text
    local, _, domain = bare.lower().removesuffix(".").rpartition("@")
    if not domain.isascii():
        if _UNCERTAIN.search(domain):
            return text
        try:
            domain = domain.encode("idna").decode("ascii").lower()
        except UnicodeError:
            return text
    return f"{local}@{domain}"


def phone(text: str) -> str:
    """
    Return a telephone number as E.164, `+` and digits, if it says its country: `+49 (0) 30 901820` is `+4930901820`.

    A number without `+` stays as it is: which country it belongs to, nobody can tell for certain, and `00` or `011`
    before a country's code mean that only in some countries.
    """
    found = _PHONE.fullmatch(text.strip())
    if found is None:
        return text
    digits = _NO_DIGIT.sub("", _TRUNK.sub("", found["rest"]))
    certain = _MIN_DIGITS <= len(digits) <= _MAX_DIGITS and digits[0] != "0"
    return f"+{digits}" if certain else text
