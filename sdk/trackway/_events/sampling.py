"""
Sampling by person: whose events are sent, where only a part is wanted.

A person is in the sample of a rate when the first eight bytes of SHA-256 over `trackway-sample:` and the person's id
(UTF-8), as a whole number, are below rate × 2^64. The person is the user id, else the anonymous id, as everywhere. No
event name goes into it: who is in at one rate is in at every higher one, in every process and on every day, so a
funnel over events of different rates is whole for everybody who is in at the lowest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackway._events.arguments import is_given

if TYPE_CHECKING:
    from collections.abc import Mapping

OTHERS = "*"
"""Stands for all events that are not named."""
WHO_PEOPLE_ARE = frozenset({"$identify", "$group", "$alias"})
"""Calls that say who somebody is. They are few, later events need them, and only a rate of their own thins them out."""


class Sampling:
    """Which events of whom are sent."""

    def __init__(self, rates: float | Mapping[str, float]) -> None:
        """Take one rate for all events, or rates by event, with `"*"` for the others."""
        import hashlib  # noqa: F401 - here, where it is known to be needed: it takes a tenth of the SDK's import

        by_event = {OTHERS: rates} if isinstance(rates, int | float) else dict(rates)
        self._others = by_event.pop(OTHERS, 1)
        self._rates = by_event

    def rate(self, event: str) -> float:
        """Return which part of the people an event is sent for, 0 to 1."""
        rate = self._rates.get(event)
        if rate is not None:
            return rate
        return 1 if event in WHO_PEOPLE_ARE else self._others


def is_in_sample(user_id: object, anonymous_id: object, rate: float) -> bool:
    """Return whether a person is in the sample of this rate; an event about nobody is, it is refused elsewhere."""
    if is_given(user_id):
        person = user_id
    elif is_given(anonymous_id):
        person = anonymous_id
    else:
        return True
    import hashlib

    digest = hashlib.sha256(b"trackway-sample:" + str(person).encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8]) < rate * 2.0**64
