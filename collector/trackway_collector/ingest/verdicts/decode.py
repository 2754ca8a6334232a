"""
From a request's body to a spool record.

A batch that the plan accepts as it is, is known in one pass (`fast`). A body that does not decode so is split into
events and each is judged by itself (`judge`), which also takes out what the plan forbids to store. Both give the same
verdicts; a test holds them against each other.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any, NamedTuple

import msgspec

from trackway_collector.errors import RequestRefused
from trackway_collector.ingest.privacy.policy import Kind
from trackway_collector.ingest.rules.sources import Limits, Policies
from trackway_collector.ingest.verdicts import mend
from trackway_collector.ingest.verdicts.fast import FastWays
from trackway_collector.ingest.verdicts.judge import judge
from trackway_collector.ingest.verdicts.judges import Judges, stamp_of
from trackway_collector.ingest.verdicts.redact import kept_context, kept_event
from trackway_collector.outcomes import EnvelopeFault, Outcome
from trackway_collector.releases import LiveReleases
from trackway_collector.spool.record import Client, EventVerdict, Record
from trackway_plan import Release
from trackway_plan.environments import PRODUCTION


class Envelope(msgspec.Struct, gc=False, omit_defaults=True):
    """What of a batch is kept: its events, not decoded yet, and what they share."""

    batch: list[msgspec.Raw]
    sentAt: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    context: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    integrations: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Decoded(NamedTuple):
    """What the spool shall keep of a request."""

    record: Record
    body: bytes
    may_report_losses: bool
    """Whether the body as it came may hold a report of what the client lost; False is certain."""


SLICE_BYTES = 16 * 1024
"""So much JSON is judged event by event before others have their turn: half a millisecond where all of it is wrong."""

_envelope = msgspec.json.Decoder(Envelope)
_encode = msgspec.json.Encoder().encode
_write_key = msgspec.json.Decoder(msgspec.defstruct("_Key", [("writeKey", Any, None)]))


class BatchDecoder:
    """
    Decodes and judges request bodies by the live releases of a plan; without one every event is `unplanned`.

    It never changes: when releases come live, or limits change, a `successor` takes its place, and a request at hand is
    finished by the one it began with.

    Args:
        releases: the live releases, a single one, or None.
        policies: the limits of each source.
        hash_key: the operator's key for `store: hash`.
    """

    def __init__(
        self,
        releases: LiveReleases | Release | None,
        policies: Policies | None = None,
        hash_key: bytes | None = None,
    ) -> None:
        self.policies = policies or Policies()
        self._hash_key = hash_key
        self._bench: _Bench | None = None
        if releases is not None:
            live = LiveReleases.of([releases]) if isinstance(releases, Release) else releases
            judges = Judges(live, hash_key)
            self._bench = _Bench(judges, FastWays(judges, self.policies))

    @property
    def rev(self) -> int:
        """The newest revision that events are judged by; 0 without a plan."""
        return self._bench.judges.newest.rev if self._bench else 0

    @property
    def live(self) -> LiveReleases | None:
        """The releases that events are judged by; None without a plan."""
        return self._bench.judges.live if self._bench else None

    @property
    def forbids(self) -> bool:
        """Whether a live release forbids to store something."""
        return self._bench is not None and not self._bench.judges.strictest.idle

    def kind_of(self, source: str) -> Kind:
        """Return whether the plan says that a source is a `client` or a `server`; empty when it does not."""
        found = self._bench.judges.newest.validator.release.sources.get(source) if self._bench else None
        return "client" if found and found.kind == "client" else "server" if found and found.kind == "server" else ""

    def successor(self, live: LiveReleases | None, policies: Policies, sources: Iterable[str] = ()) -> BatchDecoder:
        """
        Return a decoder with these releases and limits.

        What most requests of the `sources` need is made before it returns, so that this may run beside requests, in a
        thread of its own.
        """
        decoder = BatchDecoder(None, policies, self._hash_key)
        if live is not None:
            judges = Judges(live, self._hash_key, self._bench.judges if self._bench else None)
            ways = FastWays(judges, policies)
            ways.prepare(list(sources))
            decoder._bench = _Bench(judges, ways)
        return decoder

    def decode(
        self, body: bytes, *, call: str, source: str, received_at_us: int, environment: str = PRODUCTION
    ) -> tuple[Record, bytes]:
        """Do the whole of `slices` at once."""
        work = self.slices(body, call=call, source=source, received_at_us=received_at_us, environment=environment)
        while True:
            try:
                next(work)
            except StopIteration as done:
                decoded: Decoded = done.value
                return decoded.record, decoded.body

    def at_once(
        self, body: bytes, call: str, source: str, received_at_us: int, environment: str, client: Client | None
    ) -> Decoded | None:
        """Do the whole of `slices` for a batch that is right as it is; None for any other body; never raises."""
        if call or self._bench is None or (fine := self._bench.ways.fine(body, source)) is None:
            return None
        record = Record(
            source,
            received_at_us,
            fine.events,
            fine.verdict,
            fine.rev,
            violations=fine.violations,
            environment=environment,
            client=client,
        )
        return Decoded(record, body, fine.reports_losses)

    def slices(
        self,
        body: bytes,
        *,
        call: str,
        source: str,
        received_at_us: int,
        environment: str = PRODUCTION,
        client: Client | None = None,
        tried: bool = False,
    ) -> Generator[None, None, Decoded]:
        """
        Return the spool record of a body, and the body as the spool shall keep it; yield where others may have a turn.

        Args:
            call: the route's call (`track`, …) when the body is one event; empty when it is a batch.
            client: the person's own device, where the request came from it.
            tried: `at_once` has said None.

        Raises:
            RequestRefused: 400, the body as a whole cannot be taken.
        """
        if not tried and (fine := self.at_once(body, call, source, received_at_us, environment, client)) is not None:
            return fine
        bench = self._bench
        verdict, rev = (Outcome.OK, bench.judges.newest.rev) if bench else (Outcome.UNPLANNED, 0)
        limits = self.policies.of(source).limits
        if call:
            judged, body = self._decode_one(body, call, source, bench, limits)
            events, exceptions = 1, {0: judged} if judged else {}
        else:
            envelope, body = self._split(body, limits)
            events = len(envelope.batch)
            exceptions, body = yield from self._judge_each(envelope, body, source, bench, limits)
        record = Record(
            source,
            received_at_us,
            events,
            verdict,
            rev,
            call,
            careful=True,
            exceptions=exceptions,
            environment=environment,
            client=client,
        )
        return Decoded(record, body, not call)

    def _decode_one(
        self, body: bytes, call: str, source: str, bench: _Bench | None, limits: Limits
    ) -> tuple[EventVerdict | None, bytes]:
        judges = bench.judges if bench else None
        verdict, kept = judge(body, call=call, source=source, judges=judges, limits=limits)
        if verdict is not None and EnvelopeFault.UNDECODABLE in verdict.violations:
            redacts = judges is not None and not judges.strictest.idle
            mended = mend.event(body, rewrite=redacts)
            if mended is None:
                raise RequestRefused(400, "malformed_json", verdict.reasons[0])
            kept = kept_event(mended, judges.strictest, call) if judges else mended
        return verdict, bytes(kept)

    def _judge_each(
        self, envelope: Envelope, body: bytes, source: str, bench: _Bench | None, limits: Limits
    ) -> Generator[None, None, tuple[dict[int, EventVerdict], bytes]]:
        """Return verdicts by position, and the body without what may not be stored; yield after each slice."""
        judges = bench.judges if bench else None
        stamp = stamp_of(envelope.context) if bench else None
        exceptions: dict[int, EventVerdict] = {}
        kept: list[msgspec.Raw] = []
        judged_bytes = 0
        # Where something is forbidden the body is always written anew: what it says twice would be kept twice.
        changed = judges is not None and not judges.strictest.idle
        for position, raw in enumerate(envelope.batch):
            judged = judge(raw, call="", source=source, judges=judges, limits=limits, stamp=stamp)
            if judged.verdict is not None:
                exceptions[position] = judged.verdict
            changed = changed or judged.kept is not raw
            kept.append(msgspec.Raw(judged.kept))
            judged_bytes += memoryview(raw).nbytes
            if judged_bytes >= SLICE_BYTES:
                judged_bytes = 0
                yield
        return exceptions, _written(envelope, kept, judges) if changed else body

    def _split(self, body: bytes, limits: Limits) -> tuple[Envelope, bytes]:
        try:
            envelope = _envelope.decode(body)
        except msgspec.ValidationError as error:
            raise bad_batch(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            # One event may be to blame; it must not cost the others.
            mended = mend.batch(body, limits.batch_events)
            if mended is None:
                raise malformed(error) from error
            return self._split(mended, limits)
        events = len(envelope.batch)
        if events > limits.batch_events:
            message = f"The batch holds {events} events; the limit is {limits.batch_events}. Send smaller ones."
            raise RequestRefused(400, "too_many_events", message)
        return envelope, body


class _Bench(NamedTuple):
    """Who judges."""

    judges: Judges
    ways: FastWays


def _written(envelope: Envelope, kept: list[msgspec.Raw], judges: Judges | None) -> bytes:
    context = envelope.context
    if judges is not None and context is not msgspec.UNSET:
        try:
            context = msgspec.Raw(kept_context(context, judges.strictest))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            context = msgspec.UNSET  # nobody can say what is in it, and parts of it are forbidden
    return _encode(Envelope(kept, envelope.sentAt, context, envelope.integrations))


def bad_batch(error: Exception) -> RequestRefused:
    """Return the answer to JSON that is no batch."""
    return RequestRefused(400, "bad_batch", f'A batch is an object {{"batch": [events]}}: {error}.')


def write_key_of(body: bytes) -> object:
    """
    Return the body's `writeKey`, for clients that send no Authorization header.

    Raises:
        RequestRefused: 400, the body is not a JSON object.
    """
    try:
        return getattr(_write_key.decode(body), "writeKey", None)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # A value in one event may be to blame, as in `BatchDecoder`.
        envelope = mend.envelope(body)
        if envelope is None:
            raise malformed(error) from error
        return envelope.get("writeKey")


def malformed(error: Exception) -> RequestRefused:
    """Return the answer to a body that is no JSON."""
    what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return RequestRefused(400, "malformed_json", f"The body is not readable JSON: {what}.")
