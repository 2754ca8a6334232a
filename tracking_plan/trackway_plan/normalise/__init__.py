"""
`normalise`: the one form in which a value is stored that people write in many.

A value's verdict is on what was sent; what is stored is its one form. Both happen to the same value wherever the event
is judged, so a hash (`store: hash`) is of the one form too, in the SDK as in the collector.

Whatever a rule does not understand for certain stays as it was sent: nothing is guessed, and nothing is destroyed.
Normalising twice is normalising once.
"""

from __future__ import annotations

from collections.abc import Callable

from .codes import country, currency, timezone
from .contacts import email, phone

NORMALISERS: dict[str, Callable[[str], str]] = {
    "email": email,
    "phone": phone,
    "currency": currency,
    "country": country,
    "timezone": timezone,
}
"""Rule → what gives a text its one form."""


def normalised(rule: str, text: str) -> str:
    """
    Return a text in the one form of a rule; as it is when the rule does not understand it.

    Raises:
        KeyError: there is no such rule.
    """
    return NORMALISERS[rule](text)


__all__ = ["NORMALISERS", "normalised"]
