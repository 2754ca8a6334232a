"""Judge quarantined events by a later revision, and make spool records of those that fit."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import msgspec

from trackway_collector.ingest.privacy.steps import privacy_steps
from trackway_collector.ingest.rules.sources import Limits, Policies
from trackway_collector.ingest.verdicts.judge import CALLS, judge
from trackway_collector.ingest.verdicts.judges import OneForAll
from trackway_collector.mapping import EventMapping, Unmappable
from trackway_collector.outcomes import Outcome
from trackway_collector.releases import Stamp
from trackway_collector.spool import EventVerdict, Record, SpoolWriter
from trackway_collector.spool.record import encode_record
from trackway_collector.warehouse import Warehouse
from trackway_plan import Release
from trackway_plan.environments import PRODUCTION

Fix = Callable[["Waiting"], bytes]
"""Makes another event of a waiting one; raises Unmappable where it cannot."""

SPOOL = "replay"
"""The spool directory of replays; only the loader tells it from an ingest worker's."""

PAGE = 2_000
MOST_REASONS = 20

_FITS = (Outcome.OK, Outcome.FLAGGED, Outcome.UNPLANNED)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row of quarantine."""

    spool: str
    segment: int
    offset: int
    source: str
    type: str
    event: str
    message_id: str
    received_us: int
    sent_us: int | None
    payload: str
    plan_rev: int = 0
    """The revision its client stamped, on the event or on its whole batch; 0 without one."""
    environment: str = PRODUCTION


@dataclass(slots=True)
class Tally:
    """What a replay found."""

    rev: int
    fits: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(event, outcome) → events that fit now."""
    stays: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(event, violation) → events that still do not fit; one event may have several violations."""
    staying: int = 0

    @property
    def fitting(self) -> int:
        """How many events fit now."""
        return self.fits.total()


def waiting(
    warehouse: Warehouse, since: datetime, events: Sequence[str] = (), sources: Sequence[str] = ()
) -> Iterator[Waiting]:
    """
    Yield the quarantined events received since then that no replay has stored, in the order of their spools.

    Raises:
        WarehouseError: the warehouse cannot be asked.
    """
    sql = (resources.files(__package__) / "sql" / "waiting.sql").read_text("utf-8")
    after: tuple[str, int, int] = ("", 0, 0)
    while True:
        params: dict[str, object] = {
            "since": since,
            "events": list(events),
            "sources": list(sources),
            "after_spool": after[0],
            "after_segment": after[1],
            "after_offset": after[2],
            "page": PAGE,
        }
        rows = warehouse.query(sql, params).rows
        for row in rows:
            yield Waiting(*row)
        if len(rows) < PAGE:
            return
        after = rows[-1][0], rows[-1][1], rows[-1][2]


def rejudge(
    events: Iterable[Waiting],
    release: Release | None,
    tally: Tally,
    hash_key: bytes | None = None,
    others: Iterable[Release] = (),
    fix: Fix | None = None,
    policies: Policies | None = None,
) -> Iterator[tuple[bytes, bytes]]:
    """
    Yield the spool record, meta and body, of each event that fits the release; `tally` counts them all.

    What the plan forbids to store is hashed (by the operator's key) or dropped, as if the event came today.

    Args:
        release: None without a plan: then an event fits when nothing is wrong with its envelope.
        others: the other releases of the plan, which may forbid what this one does not.
        fix: what changes each event first.
        policies: whose privacy rules it must obey, as if it came today.
    """
    judges = OneForAll(release, hash_key, others) if release is not None else None
    # What was accepted once is not too large now, whatever the collector's limit was.
    limits = Limits(event_bytes=2**31)
    for event in events:
        raw = event.payload.encode()
        call = _call(event, raw) if fix is None else ""
        if fix is not None:
            try:
                raw = fix(event)
            except Unmappable as error:
                tally.staying += 1
                tally.stays[event.event, f"not fixed: {error}"] += 1
                continue
        stamp = Stamp(release.name, event.plan_rev, None) if release is not None and event.plan_rev else None
        verdict, kept = judge(raw, call=call, source=event.source, judges=judges, limits=limits, stamp=stamp)
        usual = Outcome.OK if judges is not None else Outcome.UNPLANNED
        outcome = Outcome(verdict.outcome) if verdict is not None else usual
        if outcome not in _FITS:
            tally.staying += 1
            tally.stays.update((event.event, code) for code in (verdict.violations if verdict else ()))
            continue
        said = EventVerdict(str(outcome), verdict.violations if verdict else (), (), event.message_id)
        record = Record(
            event.source, event.received_us, 1, str(outcome), tally.rev, call,
            careful=True, exceptions={0: said}, replay_of=(event.spool, event.segment, event.offset),
            environment=event.environment,
        )  # fmt: skip
        body = _body(event, call, bytes(kept))
        if policies is not None:
            record, body = privacy_steps(record, body, policies.of(event.source).privacy, hash_key)
            if (now := record.exceptions[0]).outcome == Outcome.REJECTED:
                tally.staying += 1
                tally.stays.update((event.event, code) for code in now.violations)
                continue
        tally.fits[event.event, str(outcome)] += 1
        yield encode_record(record), body


def append(spool_dir: Path, records: Iterable[tuple[bytes, bytes]]) -> None:
    """
    Append records to the spool of replays; what this has returned for is fsynced.

    Raises:
        SpoolLocked: another replay is at work here.
        SpoolUnavailable: the disk refuses.
    """
    asyncio.run(_append(spool_dir / SPOOL, records))


async def _append(directory: Path, records: Iterable[tuple[bytes, bytes]]) -> None:
    writer = SpoolWriter(directory)
    writer.start()
    try:
        waiting_for: list[asyncio.Future[None]] = []
        for meta, body in records:
            waiting_for.append(writer.append(meta, body, 1))
            if len(waiting_for) >= PAGE:
                await asyncio.gather(*waiting_for)
                waiting_for = []
        await asyncio.gather(*waiting_for)
    finally:
        await writer.close()


def fix_by(mapping: EventMapping) -> Fix:
    """Return the fix that a mapping is: its record is the event as it came, or the webhook's payload."""

    def fix(event: Waiting) -> bytes:
        try:
            record = _anything.decode(event.payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            record = None
        if not isinstance(record, dict):
            message = "it is no JSON object"
            raise Unmappable(message)
        if event.type in CALLS:
            record.setdefault("type", event.type)  # it came by a route of its own, which said so
        fixed = mapping.event(record)
        if fixed is None:
            message = "the fix says to skip it"
            raise Unmappable(message)
        try:
            return _encode(fixed)
        except (msgspec.MsgspecError, UnicodeError, TypeError, ValueError, RecursionError) as error:
            message = "it holds what JSON cannot carry"
            raise Unmappable(message) from error

    return fix


_anything = msgspec.json.Decoder()
_encode = msgspec.json.Encoder().encode


def _call(event: Waiting, raw: bytes) -> str:
    """The call of the route that the event came by; "" for a batch, where it names its own type."""
    try:
        own_type = msgspec.json.decode(raw, type=_Typed).type
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        own_type = None
    return event.type if own_type != event.type and event.type in CALLS else ""


def _body(event: Waiting, call: str, kept: bytes) -> bytes:
    """The body by which the loader makes the row it would have made then."""
    if call:
        return kept  # it came by a route of its own, and carries its own `sentAt`
    sent_at = b""
    if event.sent_us is not None:
        sent_at = b',"sentAt":' + msgspec.json.encode(datetime.fromtimestamp(event.sent_us / 1e6, UTC))
    # Of a context that the whole batch had only the revision is known; the event's own counts before it.
    context = b',"context":{"protocols":{"rev":%d}}' % event.plan_rev if event.plan_rev else b""
    return b'{"batch":[' + kept + b"]" + sent_at + context + b"}"


class _Typed(msgspec.Struct):
    type: str = ""
