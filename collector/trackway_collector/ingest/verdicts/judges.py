"""Who judges an event: the validator and the redactor of each live release, and the one that an event's stamp names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from trackway_collector.releases import LiveReleases, Stamp
from trackway_plan import Release, Validator
from trackway_plan.lasting import Lasting
from trackway_plan.redact import Redactor
from trackway_plan.renames import meant_at


class _Protocols(msgspec.Struct, gc=False):
    plan: Any = None
    rev: Any = None
    hash: Any = None


class StampedContext(msgspec.Struct, gc=False):
    """The part of a context that holds the stamp."""

    protocols: _Protocols | None = None

    @property
    def stamp(self) -> Stamp | None:
        """The stamp, None without one."""
        found = self.protocols
        return None if found is None else Stamp(found.plan, found.rev, found.hash)


_context = msgspec.json.Decoder(StampedContext)


def stamp_of(context: bytes | msgspec.Raw | msgspec.UnsetType) -> Stamp | None:
    """The stamp in a context; None when there is none, or none that could be one."""
    if context is msgspec.UNSET or not context:
        return None
    try:
        return _context.decode(context).stamp
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class Judge:
    """One live release at work."""

    validator: Validator
    redactor: Redactor
    """By this release, by the newest, and by whichever knew a name last: what one of them forbids is not stored."""

    @property
    def rev(self) -> int:
        """The revision whose verdicts it gives."""
        return self.validator.release.rev


class Judges:
    """
    The judges of some live releases, each made when it is first needed; safe to share between threads.

    Args:
        earlier: judges that were at work before, whose validators still hold.
    """

    def __init__(self, live: LiveReleases, hash_key: bytes | None = None, earlier: Judges | None = None) -> None:
        self.live = live
        self._hash_key = hash_key
        self._validators: dict[int, Validator] = dict(earlier._validators) if earlier else {}
        self._judges: dict[int, Judge] = {}
        self._lasting = Lasting.of(live.by_rev.values())
        then = [meant_at(live.newest, rev) for rev in live.by_rev]
        self.strictest = Redactor([*live.by_rev.values(), *then], hash_key, self._lasting)
        """What redacts an event of which not even the stamp can be read."""
        self.newest = self._judge(live.newest)

    def for_stamp(self, stamp: Stamp | None) -> tuple[Judge, bool]:
        """The judge of an event and whether its stamp says so; the newest for a stamp that is missing or unknown."""
        release = self.live.stamped(stamp)
        return (self.newest, False) if release is None else (self._judge(release), True)

    def _judge(self, release: Release) -> Judge:
        known = self._judges.get(release.rev)
        if known is None:
            validator = self._validators.get(release.rev)
            if validator is None:
                validator = self._validators[release.rev] = Validator(release)
            newest = meant_at(self.live.newest, release.rev)
            both = [release] if release is newest else [release, newest]
            redactor = Redactor(both, self._hash_key, self._lasting)
            known = self._judges[release.rev] = Judge(validator, redactor)
        return known


class OneForAll(Judges):
    """
    One release judges every event, whatever the event is stamped with: how a replay does it.

    The stamp still says what a name means that was used again since (`formerly` with `through`).

    Args:
        others: the other releases of the plan; what they forbid to store counts as it does for events that come today.
    """

    def __init__(self, release: Release, hash_key: bytes | None = None, others: Iterable[Release] = ()) -> None:
        super().__init__(LiveReleases.of([release]), hash_key)
        every = LiveReleases.of([*others, release])
        self._release, self._last = release, every.newest
        self._lasting = Lasting.of(every.by_rev.values())
        self.newest = Judge(self.newest.validator, self._redactor(release, release.rev))
        self.strictest = Redactor(every.by_rev.values(), hash_key)
        self._as_of: dict[int, Judge] = {}

    def for_stamp(self, stamp: Stamp | None) -> tuple[Judge, bool]:
        """The one judge, as if the event's stamp named it."""
        if stamp is None or stamp.plan != self._release.name or type(stamp.rev) is not int:
            return self.newest, True
        if not 0 < stamp.rev < self._release.rev:
            return self.newest, True
        if stamp.rev not in self._as_of:
            meant = meant_at(self._release, stamp.rev)
            same = meant is self._release
            self._as_of[stamp.rev] = self.newest if same else Judge(Validator(meant), self._redactor(meant, stamp.rev))
        return self._as_of[stamp.rev], True

    def _redactor(self, release: Release, rev: int) -> Redactor:
        return Redactor([release, meant_at(self._last, rev)], self._hash_key, self._lasting)
