"""
What a program may say about all of a tracker's events: consent, super-properties, and which of them to delete.

Nothing here raises, as no call of a tracker does; what cannot be used is logged and left out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from trackway._events.arguments import is_given
from trackway._events.matching import as_sent, matcher

if TYPE_CHECKING:
    import threading

    from trackway._delivery.outbox import Outbox
    from trackway._delivery.sending import Sending
    from trackway._events.gates import Gates

    Id = str | int

log = logging.getLogger("trackway")


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge has deleted, and what it could not reach."""

    events: int
    """Deleted from memory, and from the disk queue where there is one."""
    in_flight: int
    """
    On their way to the collector at that moment. If the answer says that they have not arrived they are deleted, too,
    and `stats()` counts them as purged; else they are the collector's.
    """


class Controlled:
    """The part of a tracker that is about all of its events."""

    _gates: Gates
    _gated: bool
    _lock: threading.RLock
    _outbox: Outbox
    _sending: Sending

    def consent(self, decisions: Mapping[str, bool | None] | None = None, /, **categories: bool | None) -> None:
        """
        Say which categories of events may be sent, from now on, for all that no scope says otherwise about.

            tracker.consent(analytics=True, advertising=False)
            tracker.consent({"C0002": True})

        None takes a decision back: `consent_default` decides again. What is queued already was allowed when it was
        tracked, and is sent unless it is purged.
        """
        said = {**_mapping("decisions", decisions), **categories}
        with self._lock:
            self._gates.consent.say(said)  # type: ignore[arg-type]
            self._gated = self._gates.needed

    def register(self, properties: Mapping[str, object]) -> None:
        """Have every later track, page and screen carry these properties; those of the event or a scope win."""
        added = {str(name): value for name, value in _mapping("properties", properties).items()}
        with self._lock:
            self._gates.super_properties = {**self._gates.super_properties, **added}
            self._gated = self._gates.needed

    def unregister(self, *names: str) -> None:
        """Have later events not carry these properties any longer."""
        with self._lock:
            carried = self._gates.super_properties
            self._gates.super_properties = {name: value for name, value in carried.items() if name not in names}
            self._gated = self._gates.needed

    def purge(
        self,
        person: Id | UnsetType | None = UNSET,
        *,
        user_id: Id | UnsetType | None = UNSET,
        anonymous_id: Id | UnsetType | None = UNSET,
        category: str | UnsetType | None = UNSET,
    ) -> Purged:
        """
        Delete what is queued and not sent: of a person, of a category of consent, or all of it; returns how many.

        `person` is looked for as user id and as anonymous id; with `user_id` and `anonymous_id` an event goes that has
        either. With a category as well, only its events of that person go. An alias goes when one of its ids is the
        person's. An argument that is given and empty (None, "", NaN) deletes nothing: a missing id must not delete
        everybody's events.

        Raises:
            OSError: the disk queue could not be overwritten; what is on disk may still be there. Call it again.
        """
        given = [value for value in (person, user_id, anonymous_id, category) if value is not UNSET]
        if not all(map(is_given, given)):
            log.warning("purge() was given an empty id or category, and deletes nothing.")
            return Purged(0, 0)
        matches = matcher(
            user_ids=_ids(person, user_id),
            anonymous_ids=_ids(person, anonymous_id),
            category=None if category is UNSET else str(category),
            category_of=self._gates.consent.category,
        )
        with self._lock:
            events, in_flight = self._outbox.purge(matches)
        self._sending.progressed()
        self._tell()
        return Purged(events, in_flight)

    def _tell(self) -> None:
        raise NotImplementedError


def _ids(*given: object) -> frozenset[str]:
    return frozenset(as_sent(value) for value in given if value is not UNSET)


def _mapping(name: str, given: object) -> Mapping[str, object]:
    if isinstance(given, Mapping):
        return given
    if given is not None:
        log.warning("`%s` is a %s and is ignored; write a mapping.", name, type(given).__name__)
    return {}
