"""
The one-pass way: a whole batch decoded into a tagged union, the plan's types as its properties.

A batch that decodes so is a batch that is right and needs no redaction; anything else takes the careful way (`judge`).
The stamp is part of the type, so that a batch of the newest revision, which most are, is known by the same pass. For
others a short look at the stamps says which revision's types to try, or that none is stamped.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any, Literal, NamedTuple, Union

import msgspec

from trackway_collector.ingest.rules.sources import Limits, Policies
from trackway_collector.ingest.verdicts.judges import Judge, Judges, StampedContext
from trackway_collector.ingest.verdicts.sizes import all_small, least_bytes, least_context_bytes
from trackway_collector.outcomes import Outcome
from trackway_collector.releases import Stamp
from trackway_collector.timestamps import EARLIEST_YEAR, LATEST_YEAR
from trackway_plan import Action, EventSpec, Release, ViolationCode
from trackway_plan.redact import StoreRule, member_rules


class Fine(NamedTuple):
    """A batch of which nothing has to be said event by event."""

    events: int
    rev: int
    verdict: Outcome
    violations: tuple[str, ...] = ()
    reports_losses: bool = False
    """Whether the client tells beside the events what it lost before."""


class FastWays:
    """The one-pass decoders of some judges, for each source made when it is first needed."""

    def __init__(self, judges: Judges, policies: Policies) -> None:
        self._judges = judges
        self._policies = policies
        self._batches: dict[tuple[str, int, bool], FastBatch | None] = {}

    def fine(self, body: bytes, source: str) -> Fine | None:
        """What a batch is as a whole if all of its events are right as they are, else None; never raises."""
        judges = self._judges
        newest = judges.newest
        if fine := self._fine(body, source, newest, stamped=True):
            return fine
        if newest.validator.release.hash.encode() in body:
            return None  # some event has the newest stamp, so not all of them have another, or none
        shared, stamp = _shared_stamp(body)
        if not shared:
            return None
        judge, known = judges.for_stamp(stamp)
        if not known:
            return self._fine(body, source, newest, stamped=False)
        if judge is not newest:
            return self._fine(body, source, judge, stamped=True)
        return None

    def prepare(self, sources: list[str]) -> None:
        """Make the decoders that most requests need, before the first one asks."""
        for source in sources:
            self._batch(source, self._judges.newest, stamped=True)

    def _fine(self, body: bytes, source: str, judge: Judge, *, stamped: bool) -> Fine | None:
        batch = self._batch(source, judge, stamped=stamped)
        return batch.fine(body) if batch is not None else None

    def _batch(self, source: str, judge: Judge, *, stamped: bool) -> FastBatch | None:
        key = (source, judge.rev, stamped)
        if key not in self._batches:
            limits = self._policies.of(source).limits
            self._batches[key] = FastBatch.of(judge, source, limits, stamped=stamped)
        return self._batches[key]


class Stamps:
    """
    Whether all events of a batch carry the stamp of one release.

    Args:
        context: the type of a context with that stamp.
    """

    def __init__(self, context: type) -> None:
        one: Any = context
        self._context: Callable[[Any], Any] = msgspec.json.Decoder(one).decode
        self._contexts: Callable[[Any], Any] = msgspec.json.Decoder(list[one]).decode

    def check(self, batch: list[Any]) -> None:
        """Raise what msgspec raises when an event has not the stamp it should have."""
        if not batch:
            return
        # Clients send the same context with event after event, so it is decoded once, by itself.
        contexts = list(map(_context, batch))
        if contexts.count(contexts[0]) == len(contexts):
            self._context(contexts[0])
        else:
            self._contexts(b"[" + b",".join(contexts) + b"]")


class FastBatch:
    """The one-pass decoder of one source's planned events, by one release."""

    def __init__(
        self,
        types: dict[str, type],
        checks: dict[type, Callable[[Any], bool]],
        limits: Limits,
        context: type | None,
        found: Fine,
        *,
        least_context: int,
        traits: bool,
    ) -> None:
        message_id = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.message_id_chars)]
        members = []
        for number, (event, properties) in enumerate(types.items()):
            fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
                # In the order our SDK writes them: msgspec looks for the next field first.
                ("type", Literal["track"]),
                ("messageId", message_id),
                ("userId", str | None, None),
                ("anonymousId", str | None, None),
                ("timestamp", Annotated[datetime, msgspec.Meta(tz=True)]),
                ("properties", properties),
            ]
            if context is not None:
                fields.append(("context", msgspec.Raw))
            options: Any = {"tag_field": "event", "tag": event, "kw_only": True, "gc": False}
            members.append(msgspec.defstruct(f"Track{number}", fields, **options))
        tracks: Any = Union[tuple(members)]  # noqa: UP007
        losses = ("losses", msgspec.Raw, None)
        batch: Any = msgspec.defstruct("FastBatch", [("batch", list[tracks]), losses], gc=False)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(batch)
        self._stamps = Stamps(context) if context is not None else None
        self._checks = checks
        self._limits = limits
        self._least_bytes = least_context + min(least_bytes(event, properties) for event, properties in types.items())
        self._rev, self._verdict, self._violations = found.rev, found.verdict, found.violations
        self._traits = traits

    @classmethod
    def of(cls, judge: Judge, source: str, limits: Limits, *, stamped: bool) -> FastBatch | None:
        """Return the decoder for what a source may send, or None when the plan gives it nothing to say yes to."""
        validator = judge.validator
        release = validator.release
        if not stamped and _unstamped_action(release, source) not in (Action.ALLOW, Action.FLAG):
            return None
        types: dict[str, type] = {}
        checks: dict[type, Callable[[Any], bool]] = {}
        for event in validator.fast_events(source):
            properties = validator.properties_type(event, redacted=True)
            spec = release.events.get(event)
            if properties is None or spec is None or not _redacted_by_its_own(judge, spec):
                continue
            if not stamped and ViolationCode.UNSTAMPED in spec.on_violation:
                continue
            types[event] = properties
            check = validator.extra_check(event, redacted=True)
            if check is not None:
                checks[properties] = check
        if not types:
            return None
        context, least_context = (context_type(release), least_context_bytes(release)) if stamped else (None, 0)
        flagged = not stamped and _unstamped_action(release, source) != Action.ALLOW
        found = Fine(0, judge.rev, Outcome.OK)
        if flagged:
            found = Fine(0, judge.rev, Outcome.FLAGGED, (ViolationCode.UNSTAMPED.value,))
        traits = bool(judge.redactor.traits)
        return cls(types, checks, limits, context, found, least_context=least_context, traits=traits)

    def fine(self, body: bytes) -> Fine | None:
        """Say what the batch is when all of its events are right, else None; never raises on bad input."""
        escapes = b"\\" in body
        # What msgspec skips over it does not look into, so text that needs looking into takes the careful way.
        if escapes and (b"\\ud" in body or b"\\uD" in body):
            return None
        if self._traits and (b"traits" in body or b"\\u00" in body):
            return None  # traits, which may hold what is not to be stored, and may be written with escapes
        try:
            if not body.isascii():
                body.decode()
            found = self._decoder.decode(body)
            if self._stamps is not None:
                self._stamps.check(found.batch)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        batch = found.batch
        if not self._are_right(batch) or not self._are_small(body, len(batch), escapes=escapes):
            return None
        return Fine(len(batch), self._rev, self._verdict, self._violations, found.losses is not None)

    def _are_right(self, batch: list[Any]) -> bool:
        if not envelopes_are_right(batch, self._limits):
            return False
        if not (checks := self._checks):
            return True
        for event in batch:
            check = checks.get(type(event.properties))
            if check is not None and not check(event.properties):
                return False
        return True

    def _are_small(self, body: bytes, events: int, *, escapes: bool) -> bool:
        """Say whether no event is over the limit."""
        over = len(body) - self._limits.event_bytes
        # An event over the limit would leave less than `over` bytes to the others, who need more than that.
        return (
            over <= 0
            or (events - 1) * self._least_bytes >= over
            or all_small(body, events, self._limits, escapes=escapes)
        )


def envelopes_are_right(batch: list[Any], limits: Limits) -> bool:
    """Say whether there are not too many events, and each has what types cannot say: a person, a year to be stored."""
    if not 0 < len(batch) <= limits.batch_events:
        return False
    # `map` and `attrgetter` stay in C: this is the one thing done for each event beside the decoding.
    if not all(map(_user_id, batch)) and not all(event.userId or event.anonymousId for event in batch):
        return False
    # In the first and the last year the zone decides; the careful way looks at it.
    years: set[int] = set(map(_year, batch))
    return min(years) > EARLIEST_YEAR and max(years) < LATEST_YEAR


class _StampedEvent(msgspec.Struct, gc=False):
    context: StampedContext | None = None


class _StampedBatch(msgspec.Struct, gc=False):
    batch: list[_StampedEvent]
    context: StampedContext | None = None


_context = attrgetter("context")
_user_id = attrgetter("userId")
_year = attrgetter("timestamp.year")
_stamped_batch = msgspec.json.Decoder(_StampedBatch)


def _shared_stamp(body: bytes) -> tuple[bool, Stamp | None]:
    """Whether all events of a batch have one stamp, or all have none; and which."""
    try:
        found = _stamped_batch.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False, None
    of_all = found.context.stamp if found.context else None
    first: Stamp | None = None
    for number, event in enumerate(found.batch):
        stamp = (event.context.stamp if event.context else None) or of_all
        if not number:
            first = stamp
        elif stamp != first:
            return False, None
    return True, first


def context_type(release: Release) -> type:
    """A context that carries the stamp of this very release."""
    stamp: list[tuple[str, Any]] = [
        (name, Literal[getattr(release, attribute)])
        for name, attribute in (("plan", "name"), ("rev", "rev"), ("hash", "hash"))
    ]
    protocols = msgspec.defstruct("Protocols", stamp, gc=False)
    return msgspec.defstruct("Context", [("protocols", protocols)], gc=False)


def _unstamped_action(release: Release, source: str) -> str:
    sender = release.sources.get(source)
    policy = sender.on_violation if sender and ViolationCode.UNSTAMPED in sender.on_violation else release.on_violation
    return policy.get(ViolationCode.UNSTAMPED, Action.FLAG)


def _redacted_by_its_own(judge: Judge, event: EventSpec) -> bool:
    """
    Whether nothing of this event is forbidden beyond what its own release forbids, which made the types.

    What the event does not have does not count: the types refuse it.
    """
    rules = judge.redactor.events.get(event.name, StoreRule()).members
    return {name: rule for name, rule in rules.items() if name in event.properties} == member_rules(event.properties)
