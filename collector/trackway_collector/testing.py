"""
A collector inside a test's own process: the real application over a real spool, in a thread with a loop of its own.

`trackway.testing.collector` is the way to it; this module is what that loads by name. What was accepted is read back
from the spool, as the loader would, so a test sees what the warehouse would get.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from trackway_collector.errors import CollectorError
from trackway_collector.ingest.app import make_app, make_runner
from trackway_collector.ingest.requests import Ingest
from trackway_collector.ingest.rules.in_force import InForce
from trackway_collector.ingest.rules.keys import Keys
from trackway_collector.ingest.verdicts.decode import BatchDecoder
from trackway_collector.outcomes import IngestCounters, Outcome
from trackway_collector.releases import ReleaseFolder
from trackway_collector.spool import Record, SpoolReader, SpoolWriter
from trackway_plan import Release

START_S = 30.0
STOP_S = 10.0
CHUNK_EVENTS = 1_000


class Spooled(NamedTuple):
    """One event with the verdict on it."""

    source: str
    outcome: str
    violations: tuple[str, ...]
    reasons: tuple[str, ...]
    rev: int
    message_id: str
    raw: bytes
    """The event's JSON as it is kept; `null` of one that was rejected."""


class CollectorThread:
    """
    Serves on a free port of 127.0.0.1 from `start` to `stop`.

    Args:
        directory: where the spool is; empty, or what an earlier one left.
        keys: source → write key.
        plan: a release, or the path of one or of a plan directory; None judges nothing.
    """

    def __init__(
        self, directory: Path, keys: dict[str, str], plan: Release | str | None, hash_key: str | None = None
    ) -> None:
        self.port = 0
        self._spool_directory = directory / "w0"
        self._keys = keys
        self._plan = plan
        self._hash_key = hash_key.encode() if hash_key else None
        self._counters = IngestCounters()
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="trackway-test-collector", daemon=True)

    def start(self) -> None:
        """Return when it answers; raises what kept it from that, such as a ConfigError about the plan."""
        self._thread.start()
        if not self._ready.wait(START_S):
            msg = f"The collector has not started within {START_S:g} s."
            raise CollectorError(msg)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Finish the requests at hand, commit and end the thread; a second call does nothing."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(STOP_S)

    def spooled(self) -> Iterator[Spooled]:
        """Yield every event of every request that was answered 200, in order, imports last; rejected ones included."""
        for suffix in ("", "-history"):
            reader = SpoolReader(self._spool_directory.with_name(self._spool_directory.name + suffix))
            segment = byte = 0
            while (chunk := reader.read(segment, byte, max_events=CHUNK_EVENTS)) is not None:
                for block in chunk.blocks:
                    for record, body in block.records():
                        yield from _events(record, body)
                segment, byte = chunk.segment, chunk.to_byte

    def refused(self) -> dict[tuple[int, str], int]:
        """Return how many requests were refused as a whole, by status and code."""
        return {key: count for key, count in self._counters.requests.items() if key[0] != 200}

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        releases = ReleaseFolder(self._plan, self._hash_key).live if isinstance(self._plan, str) else self._plan
        decoder = BatchDecoder(releases, hash_key=self._hash_key)
        in_force = InForce(Keys.of_sources(self._keys), decoder)
        ingest = Ingest(in_force, SpoolWriter(self._spool_directory), self._counters)
        runner = make_runner(make_app(ingest), shutdown_timeout=STOP_S)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.port = runner.addresses[0][1]
            self._ready.set()
            await self._stop.wait()
        finally:
            await runner.cleanup()


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw]


class _Named(msgspec.Struct):
    messageId: Any = None


def _events(record: Record, body: bytes) -> Iterator[Spooled]:
    raws = [bytes(body)] if record.call else [bytes(raw) for raw in msgspec.json.decode(body, type=_Batch).batch]
    for position, raw in enumerate(raws):
        own = record.exceptions.get(position)
        outcome = own.outcome if own else record.verdict
        violations = own.violations if own else record.violations
        rev = (own.rev if own else 0) or record.validated_rev
        message_id = (own.message_id if own else "") or _message_id(raw)
        reasons = own.reasons if own else ()
        kept = b"null" if outcome == Outcome.REJECTED else raw
        yield Spooled(record.source, outcome, violations, reasons, rev, message_id, kept)


def _message_id(raw: bytes) -> str:
    try:
        return str(msgspec.json.decode(raw, type=_Named).messageId or "")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
