"""
Consent by category: which events may be queued at all. What is blocked is neither queued nor written to disk.

An event belongs to one category. What was said about that category decides, the scope's word before the tracker's, and
where nothing was said, `consent_default`. Only True is a yes: a cookie's "false" is a text, and texts are true.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Literal

log = logging.getLogger("trackway")

ConsentDefault = Literal["grant", "deny"]
DEFAULT_CATEGORY = "analytics"
OTHERS = "*"
"""Stands for all events that are not named, and in decisions for all categories that are not."""


class Consent:
    """What may be sent, and what people said about it."""

    def __init__(self, default: ConsentDefault, categories: Mapping[str, str]) -> None:
        self._granted_unsaid = default == "grant"
        by_event = dict(categories)
        self._others = by_event.pop(OTHERS, DEFAULT_CATEGORY)
        self._categories = by_event
        self._reported = False
        self.said: Mapping[str, bool] = {}
        """What was said tracker-wide. Replaced, never changed, so that it can be read without a lock."""

    def category(self, event: str) -> str:
        """Return the category of an event."""
        return self._categories.get(event, self._others)

    def say(self, decisions: Mapping[str, bool | None]) -> None:
        """Enter decisions that hold tracker-wide; None takes one back. Called under the tracker's lock."""
        said = {**self.said, **self._read({name: word for name, word in decisions.items() if word is not None})}
        self.said = {name: word for name, word in said.items() if decisions.get(name, word) is not None}

    def preferences(self, scoped: Mapping[str, bool | None]) -> Mapping[str, bool]:
        """
        Return what was said, the scope's decisions over the tracker's. A scope that decides about all others leaves the
        tracker those that it names without a word.
        """
        if not scoped:
            return self.said
        said = self.said
        if scoped.get(OTHERS) is not None:
            said = {name: word for name, word in said.items() if name in scoped}
        return {**said, **self._read(scoped)}

    def allows(self, event: str, preferences: Mapping[str, bool]) -> bool:
        """Return whether an event may be sent."""
        said = preferences.get(self.category(event))
        return preferences.get(OTHERS, self._granted_unsaid) if said is None else said

    def _read(self, decisions: Mapping[str, object]) -> dict[str, bool]:
        strange = [word for word in decisions.values() if word is not None and not isinstance(word, bool)]
        if strange and not self._reported:
            self._reported = True
            kind = type(strange[0]).__name__
            log.warning("A consent decision is of type %s and taken as a no; write True or False.", kind)
        return {str(name): word is True for name, word in decisions.items() if word is not None}
