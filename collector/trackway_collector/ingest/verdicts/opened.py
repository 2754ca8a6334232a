"""
The one-pass way of batches whose envelopes are right, though the plan has something to say about their properties.

`fast` says yes to a batch as a whole; the careful way (`judge`) looks at each event's envelope and at what of the event
may be kept. In between stands the most usual trouble: our own client, the newest plan, and a property that is wrong in
event after event. There the envelopes are checked in one pass, as in `fast`, and only the properties one by one.

Whatever is unusual beside the properties takes the careful way; a test holds both against each other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from trackway_collector.ingest.rules.sources import Limits
from trackway_collector.ingest.verdicts.fast import Stamps, context_type, envelopes_are_right
from trackway_collector.ingest.verdicts.judge import DOCTOR_EVENT, said_of
from trackway_collector.ingest.verdicts.judges import Judges
from trackway_collector.ingest.verdicts.sizes import all_small
from trackway_collector.spool.record import EventVerdict
from trackway_plan import Action, Release

_DOCTOR = DOCTOR_EVENT.encode()
_CHANGING = (Action.STRIP, Action.REJECT)


class OpenedWay:
    """Opens a source's batches that carry the stamp of the newest release."""

    def __init__(self, judges: Judges, source: str, limits: Limits) -> None:
        release = judges.newest.validator.release
        self._validator = judges.newest.validator
        self._source = source
        self._limits = limits
        self._hash = release.hash.encode()
        self._stamps = Stamps(context_type(release))
        event = msgspec.defstruct(
            "OpenedTrack",
            [
                ("type", Literal["track"]),
                ("event", Annotated[str, msgspec.Meta(min_length=1)]),
                ("messageId", Annotated[str, msgspec.Meta(min_length=1, max_length=limits.message_id_chars)]),
                ("userId", str | None, None),
                ("anonymousId", str | None, None),
                ("timestamp", Annotated[datetime, msgspec.Meta(tz=True)]),
                ("properties", dict[str, Any]),
                ("context", msgspec.Raw),
            ],
            kw_only=True,
            gc=False,
        )
        batch: Any = msgspec.defstruct("OpenedBatch", [("batch", list[event])], gc=False)  # type: ignore[valid-type]
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(batch)

    @classmethod
    def of(cls, judges: Judges, source: str, limits: Limits) -> OpenedWay | None:
        """Return the way of a source; None where something of an event may have to go, which takes the careful way."""
        keeps_all = judges.strictest.idle and not _changes(judges.newest.validator.release)
        return cls(judges, source, limits) if keeps_all else None

    def opened(self, body: bytes) -> list[Any] | None:
        """Return the events of a batch, of which only the properties remain to be judged, else None; never raises."""
        # What msgspec skips over it does not look into, so whatever needs looking into takes the careful way.
        if self._hash not in body or b"traits" in body or _DOCTOR in body:
            return None
        escapes = b"\\" in body
        if escapes and (b"\\ud" in body or b"\\uD" in body or b"\\u00" in body):
            return None
        try:
            if not body.isascii():
                body.decode()
            batch: list[Any] = self._decoder.decode(body).batch
            self._stamps.check(batch)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if not envelopes_are_right(batch, self._limits):
            return None
        small = len(body) <= self._limits.event_bytes or all_small(body, len(batch), self._limits, escapes=escapes)
        return batch if small else None

    def verdict(self, event: Any) -> EventVerdict | None:
        """Return the verdict on one of the events that were `opened`; None for one that is right."""
        return said_of(self._validator.check_decoded(event.event, event.properties, self._source))


def _changes(release: Release) -> bool:
    """Whether an event may be refused or lose a property by some policy of the plan."""
    policies = [release.on_violation]
    policies += [source.on_violation for source in release.sources.values()]
    policies += [event.on_violation for event in release.events.values()]
    return any(action in _CHANGING for policy in policies for action in policy.values())
